"""Patterns of .dockerignore: the file's lines, and which paths they exclude."""

from __future__ import annotations

from dockmagic.builder import ignorefile
from dockmagic.errors import UsageError
from tests.conformance.verdict import NotJudgedError, Row, different


def judge(row: Row) -> str | None:
    given, expected = row["input"], row["expected"]
    if given["op"] == "match":
        return _match(given, expected)
    if given["op"] == "read_dockerignore":
        return different("patterns", expected["patterns"], list(ignorefile.read(given["text"])))
    if given["op"] == "clean_patterns":
        return _clean(given, expected)
    raise NotJudgedError(f"op {given['op']}")


def _match(given: Row, expected: Row) -> str | None:
    try:
        got = ignorefile.Ignore(given["patterns"]).excludes(given["path"])
    except UsageError as error:
        return None if expected.get("error") else f"unexpected error: {error}"
    return "no error" if expected.get("error") else different("match", expected["match"], got)


def _clean(given: Row, expected: Row) -> str | None:
    try:
        compiled = ignorefile.Ignore(given["patterns"]).patterns
    except UsageError as error:
        return None if expected.get("error") else f"unexpected error: {error}"
    if expected.get("error"):
        return "no error"
    if "exclusions" in expected:
        return different("exclusions", expected["exclusions"], any(pattern.back for pattern in compiled))
    return None
