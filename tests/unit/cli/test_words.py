from __future__ import annotations

from pathlib import Path

import pytest

from dockmagic.cli import help as texts
from dockmagic.cli import words
from dockmagic.errors import UsageError
from dockmagic.magics import grammar
from dockmagic.magics.lines import LINES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "command-line.md"


def options(line):
    name, *rest = line.split()
    return grammar.command_of(words.find(name), rest, fill=str).options


def test_the_page_says_what_the_tables_say():
    assert PAGE.read_text("utf-8").partition("from the magics'\n\n")[2] == texts.reference()


def test_every_line_magic_is_a_verb():
    assert {verb.name for verb in words.VERBS} == LINES.keys() - {"defaults"}


def test_no_option_speaks_of_python_variables():
    for verb in words.VERBS:
        assert not [option.title for option in verb.available if "VAR" in option.value.split("=")[-1:]]


def test_help_speaks_of_the_script():
    for verb in words.VERBS:
        assert "%" not in texts.usage(verb)
        assert "notebook's" not in texts.usage(verb)


def test_options_have_no_braces_to_fill():
    assert options("build --build-arg A={b} .")["build_arg"] == ("A={b}",)


def test_files_take_the_place_of_variables():
    given = options("run --in data=./d --get /out.csv=here/out.csv -i img")
    assert given["in"] == ((("data", "./d"),),)
    assert given["get"] == (("/out.csv", "here/out.csv"),)
    assert given["interactive"] is True
    assert options("login -u me --password-stdin")["password_stdin"] is True


@pytest.mark.parametrize(
    "line",
    [
        "run --in x img",
        "run --in x= img",
        "run --in 1=/x img",
        "run --get /x img",
        "run --get x=y img",
        "run --get /x= img",
        "run --result x img",
        "run --out x img",
        "run -t img",
        "run --bg img",
        "run --nmae x img",
        "psx",
        "rm",
    ],
)
def test_a_wrong_line_is_an_error(line):
    with pytest.raises(UsageError):
        options(line)
