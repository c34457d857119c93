from __future__ import annotations

import pytest

from dockmagic.errors import UsageError
from dockmagic.magics import values


def test_a_background_cell_keeps_its_container_and_gives_a_handle(execute, engine, shell, records):
    execute("%%container run bread:1 --bg --proc p --result r\nsleep 9")
    assert (engine.last.background, engine.last.keep) == (True, True)
    assert shell.user_ns["p"] == "handle of fish1"
    assert shell.user_ns["r"].container.name == "fish1"
    assert len(records) == 1


def test_rm_takes_a_background_container_away_when_it_ends(execute, engine):
    execute("%%container run bread:1 --bg --rm\nsleep 9")
    assert (engine.last.background, engine.last.keep) == (True, False)


def test_a_detached_cell_keeps_its_container_unless_it_says_otherwise(execute, engine, records):
    execute("%%container run bread:1 -d\nsleep 9")
    assert (engine.last.detach, engine.last.background, engine.last.keep, engine.last.remove) == (
        True,
        False,
        True,
        False,
    )
    assert len(records) == 1
    execute("%container run --detach --bg --rm --name pond bread:1 sleep 9")
    assert (engine.last.detach, engine.last.background, engine.last.keep, engine.last.remove) == (
        True,
        False,
        False,
        True,
    )
    assert engine.last.name == "pond"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("run bread:1 -d --out x", "--out cannot be used with --detach"),
        ("run bread:1 --bg --detach --get /a=x", "--get cannot be used with --detach"),
        ("run bread:1 -d --proc p", "--proc cannot be used with --detach"),
        ("run bread:1 -d --rm --keep", "--rm cannot be used with --keep"),
        ("run bread:1 --proc p", "--proc cannot be used without --bg"),
        ("run bread:1 --bg --out x", "--out cannot be used with --bg"),
        ("run bread:1 --bg --err x", "--err cannot be used with --bg"),
        ("run bread:1 --bg --get /a=x", "--get cannot be used with --bg"),
    ],
)
def test_what_has_no_meaning_in_the_background_is_refused(execute, line, says):
    error = execute(f"%%container {line}\ntrue")
    assert isinstance(error, UsageError)
    assert says in str(error)


def test_the_verbs_of_life_are_one_call_each(execute, engine, shell):
    execute("x = %container stop fish1 fish2 -t 0 -s INT")
    assert shell.user_ns["x"] == ("fish1", "fish2")
    assert (engine.last.words, engine.last.timeout, engine.last.signal) == (("fish1", "fish2"), 0.0, "INT")
    execute("%container stop fish1")
    assert (engine.last.timeout, engine.last.signal) == (None, "")
    execute("%container kill fish1")
    assert (engine.last.verb, engine.last.signal) == ("kill", "KILL")
    for verb in ("pause", "unpause", "start"):
        execute(f"x = %container {verb} fish1 fish2")
        assert (engine.last.verb, engine.last.words, shell.user_ns["x"]) == (
            verb,
            ("fish1", "fish2"),
            ("fish1", "fish2"),
        )
    execute("%container cp ./a fish1:/b")
    assert (engine.last.verb, engine.last.words) == ("cp", ("./a", "fish1:/b"))
    execute("x = %container wait fish1")
    assert shell.user_ns["x"] == 3


def test_a_log_that_is_followed_is_printed_and_one_that_is_not_is_returned(execute, engine, shell, capsys):
    execute("x = %container logs -f -n 5 fish1")
    assert shell.user_ns["x"] is None
    assert capsys.readouterr().out == "live\N{LATIN SMALL LETTER E WITH ACUTE}\n"
    assert engine.last.tail == 5
    for options, asked in (
        ("-n 1", {"tail": 1}),
        ("-n 0", {"tail": 0}),
        ("-n all", {}),
        ("", {}),
        ("--since 10m --until 2030-01-02 -t", {"since": "10m", "until": "2030-01-02", "timestamps": True}),
    ):
        execute(f"x = %container logs {options} fish1")
        assert shell.user_ns["x"] == "one\ntwo\n"
        told = {name: value for name, value in vars(engine.last).items() if name not in {"verb", "words"} and value}
        assert told == {name: value for name, value in asked.items() if value}


def test_a_word_that_is_no_point_of_time_is_named(execute, engine, capsys):
    execute("%container logs --since soon fish1")
    assert 'invalid argument "soon" for "--since" flag: it is no point of time' in capsys.readouterr().out
    assert engine.calls == []


def test_numbers_of_lines_and_times():
    assert (values.count("all"), values.count("7")) == (None, 7)
    assert (values.patience("0"), values.patience("0s"), values.patience("1m")) == (0.0, 0.0, 60.0)
    for text in ("-1", "x", ""):
        with pytest.raises(ValueError, match="number"):
            values.count(text)
