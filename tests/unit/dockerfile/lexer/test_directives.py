from __future__ import annotations

import pytest

from dockmagic.dockerfile.lexer.directives import detect_syntax, escape_of, find_directive, leading_directives
from dockmagic.errors import DockerfileError


def names_and_values(text, **options):
    return [(each.name, each.value) for each in leading_directives(text.split("\n"), **options)]


def test_names_are_in_any_case_and_values_keep_theirs():
    assert names_and_values("# Syntax = Docker/X \n#ESCAPE=`") == [("syntax", "Docker/X"), ("escape", "`")]


@pytest.mark.parametrize("stop", ["", "# a comment", "# unknown=1", "FROM a", "# syntax=", "#", "##escape=`"])
def test_anything_else_ends_them(stop):
    assert names_and_values(f"# check=skip=all\n{stop}\n# escape=`") == [("check", "skip=all")]


def test_each_at_most_once():
    with pytest.raises(DockerfileError, match="line 2: only one syntax parser directive can be used"):
        names_and_values("# syntax=a\n# syntax=b")


def test_escape_is_a_backslash_or_a_backquote():
    assert escape_of(leading_directives(["# escape=`"])) == "`"
    assert escape_of([]) == "\\"
    with pytest.raises(DockerfileError, match="invalid escape token '!' does not match"):
        escape_of(leading_directives(["# escape=!"]))


def test_find_skips_byte_order_mark_and_shebang():
    found = find_directive("check", "\ufeff#!/usr/bin/env x\n# check=error=true // strict\n")
    assert found is not None
    assert (found.word, found.value, found.location.line) == ("error=true", "error=true // strict", 2)


def test_find_answers_none_where_a_directive_is_repeated_before_it():
    assert find_directive("escape", "# syntax=a\n# syntax=b\n# escape=`\n") is None


@pytest.mark.parametrize(
    ("text", "syntax"),
    [
        ("# syntax=mine\nFROM a", "mine"),
        ("// escape=`\n// syntax=mine:1 comment\nbody", "mine:1"),
        ('{"syntax": "mine", "a": [1]}', "mine"),
        ('#!/bin/x\n{"syntax": "mine"}', "mine"),
        ('{"syntax": 1}', None),
        ('["syntax"]', None),
        ('{"syntax": "mine"', None),
        ("{" * 100_000, None),
        ("FROM a\n# syntax=mine", None),
    ],
)
def test_syntax_of_any_language(text, syntax):
    found = detect_syntax(text)
    assert (found.word if found else None) == syntax


def test_a_long_line_of_spaces_is_no_trouble():
    assert names_and_values("# escape=a" + " " * 60_000 + "b") == [("escape", "a" + " " * 60_000 + "b")]
