from __future__ import annotations

import datetime as dt

import pytest

from dockmagic.errors import UsageError
from dockmagic.magics.braces import fill

VARIABLES = {"who": "Minji", "n": 3, "d": {"k": "v"}, "words": ["a b", "c"], "day": dt.time(7, 30)}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("WHO={who}", "WHO=Minji"),
        ("{n}{n}", "33"),
        ("fish{n+1}", "fish4"),
        ("{d['k']}", "v"),
        ("{words[0]}", "a b"),
        ("{n:03d}", "003"),
        ("{who!r}", "'Minji'"),
        ("{who!r:>8}", " 'Minji'"),
        ("{day:%H:%M}", "07:30"),
        ("{words[0:1]}", "['a b']"),
        ("{{.Id}}", "{.Id}"),
        ("{{{n}}}", "{3}"),
        ("{ {'a': 1}['a'] }", "1"),
        ("{'}'}", "}"),
        ("{[x for x in words if x not in d][1]}", "c"),
        ("$HOME", "$HOME"),
        ("$who", "$who"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_braces_hold_an_expression(word, expected):
    assert fill(word, VARIABLES) == expected


def test_an_undefined_name_is_named():
    with pytest.raises(UsageError, match='"whom" is not defined'):
        fill("WHO={whom}", VARIABLES)


def test_shell_braces_are_no_expression():
    with pytest.raises(UsageError, match='"HOME" is not defined'):
        fill("${HOME}", VARIABLES)


@pytest.mark.parametrize("word", ["{", "{who", "a}", "{}", "{a b}", '{"a": 1}', "{who!x}", "{{}"])
def test_what_is_no_expression_is_refused(word):
    with pytest.raises(UsageError, match=r"brace|expression"):
        fill(word, VARIABLES)


def test_an_expression_that_fails_says_why():
    with pytest.raises(UsageError, match="ZeroDivisionError"):
        fill("{1/0}", VARIABLES)
    with pytest.raises(UsageError, match="KeyError"):
        fill("{d['x']}", VARIABLES)


def test_builtins_are_there_and_the_variables_stay_clean():
    variables = {"n": 3}
    assert fill("{str(n).zfill(3)}", variables) == "003"
    assert variables == {"n": 3}
