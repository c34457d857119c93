"""Heredocs, directives, words, line numbers and warnings of the parser, one function at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dockmagic.dockerfile import parser
from dockmagic.dockerfile.lexer import directives, heredoc, json_form
from dockmagic.dockerfile.location import reason_of
from dockmagic.errors import DockerfileError
from tests.conformance.verdict import NotJudgedError, Row, different, error_mismatch


def judge(row: Row) -> str | None:
    given, expected = row["input"], row["expected"]
    operation = OPERATIONS.get(given["op"])
    if operation is None:
        raise NotJudgedError(f"op {given['op']}")
    try:
        return operation(given, expected)
    except DockerfileError as error:
        if expected.get("error") or expected.get("error_contains"):
            return error_mismatch(expected, reason_of(error))
        return f"unexpected error: {error.message}"


def _text(given: Row) -> str:
    """The input's one text, whatever the row calls it."""
    if "dockerfile_repeat" in given:
        parts = given["dockerfile_repeat"]
        return parts["prefix"] + parts["repeat"] * parts["count"] + parts["suffix"]
    names = ("dockerfile", "text", "rest", "line", "word", "json", "input")
    return next(given[name] for name in names if name in given)


def _wanted_list(expected: Row) -> list[Any] | None:
    """The one list that the row wants, whatever it calls it."""
    lists = [value for value in expected.values() if isinstance(value, list)]
    return lists[0] if len(lists) == 1 else None


def _no_error(expected: Row) -> str | None:
    return error_mismatch(expected, None) if expected.get("error") or expected.get("error_contains") else None


def _parse(given: Row, expected: Row) -> str | None:
    dockerfile = parser.parse(_text(given))
    return _no_error(expected) or _warnings(dockerfile, expected) or _line_numbers(dockerfile, expected)


def _warnings(dockerfile: parser.Dockerfile, expected: Row) -> str | None:
    if "warnings" not in expected:
        return None
    found, wanted = dockerfile.warnings, expected["warnings"]
    if len(found) != len(wanted):
        return different("number of warnings", len(wanted), len(found))
    for warning, want in zip(found, wanted, strict=True):
        missing = [part for part in want["short_contains"] if part not in warning.message]
        if missing:
            return f"warning {warning.message!r} lacks {missing!r}"
        if expected.get("detail_contains", "") not in warning.detail:
            return f"detail {warning.detail!r} lacks {expected['detail_contains']!r}"
    return None


def _line_numbers(dockerfile: parser.Dockerfile, expected: Row) -> str | None:
    """Rows with line numbers hold them as pairs or as objects, one for each instruction."""
    names = ("lines", "line_numbers", "children", "nodes", "ranges", "line_ranges", "instructions")
    wanted = next((expected[name] for name in names if name in expected), None)
    if wanted is None:
        return None
    pairs = [_pair(each) for each in wanted]
    got = [(node.location.line, node.location.end_line) for node in dockerfile.nodes]
    return different("lines", pairs, got)


def _pair(each: Any) -> tuple[int, int]:
    if isinstance(each, dict):
        numbers = [value for key, value in sorted(each.items(), reverse=True) if isinstance(value, int)]
        return numbers[0], numbers[1]
    return each[0], each[1]


def _parse_heredocs(given: Row, expected: Row) -> str | None:
    nodes = parser.parse(_text(given)).nodes[1:]
    got = [[_heredoc(each) for each in node.heredocs] or None for node in nodes]
    return different("heredocs", expected["heredocs_per_instruction_after_first"], got)


def _heredoc(each: heredoc.Heredoc) -> Row:
    return {
        "name": each.name,
        "content": each.content,
        "expand": each.expand,
        "chomp": each.chomp,
        "fd": each.descriptor,
    }


def _parse_heredoc_word(given: Row, expected: Row) -> str | None:
    got = heredoc.parse_heredoc_word(_text(given))
    if "heredoc" not in expected:
        return _no_error(expected)
    wanted = expected["heredoc"]
    if wanted is None or got is None:
        return different("heredoc", wanted, got)
    found = _heredoc(got)
    return different("heredoc", wanted, {name: found[name] for name in wanted})


def _heredocs_from_line(given: Row, expected: Row) -> str | None:
    return different("names", expected["names"], [each.name for each in heredoc.heredocs_of(_text(given))])


def _chomp(given: Row, expected: Row) -> str | None:
    return different("text", expected["text"], heredoc.chomp(_text(given)))


def _directives(given: Row, expected: Row) -> str | None:
    lines = _text(given).split("\n")
    got = [[each.name, each.value] for each in directives.leading_directives(lines)]
    return _no_error(expected) or different("directives", expected["directives"], got)


def _detect_syntax(given: Row, expected: Row) -> str | None:
    return _found(directives.detect_syntax(_text(given)), expected)


def _parse_directive(given: Row, expected: Row) -> str | None:
    name = next(given[key] for key in ("key", "name", "directive") if key in given)
    return _found(directives.find_directive(name, _text(given)), expected)


def _found(directive: directives.Directive | None, expected: Row) -> str | None:
    got: Row = {"found": directive is not None, "value": "", "cmdline": ""}
    if directive:
        got |= {"value": directive.word, "cmdline": directive.value}
        got |= {"start_line": directive.location.line, "end_line": directive.location.end_line}
    return different("directive", expected, {name: got.get(name) for name in expected})


def _parse_words(given: Row, expected: Row) -> str | None:
    got = parser.words(_text(given), given.get("escape", "\\"))
    return _no_error(expected) or different("words", _wanted_list(expected), list(got))


def _parse_json_form(given: Row, expected: Row) -> str | None:
    got = json_form.json_words(_text(given))
    if expected.get("error"):
        return None if got is None else f"no error, but {got}"
    if expected.get("valid") is False or expected.get("ok") is False:
        return different("words", None, got)
    return different("words", _wanted_list(expected), None if got is None else list(got))


def _parse_name_val(given: Row, expected: Row) -> str | None:
    key = next((given[name] for name in ("key", "instruction", "command") if name in given), "LABEL")
    got = list(parser.name_values(_text(given), key))
    wanted = _wanted_list(expected)
    if wanted and not isinstance(wanted[0], str):
        wanted = [part for pair in wanted for part in (pair.values() if isinstance(pair, dict) else pair)]
    if wanted and len(wanted) % 3:
        # Rows without the separators.
        got = [part for index, part in enumerate(got) if index % 3 != 2]
    return _no_error(expected) or different("pairs", wanted, got)


OPERATIONS: dict[str, Callable[[Row, Row], str | None]] = {
    "chomp": _chomp,
    "detect_syntax": _detect_syntax,
    "directives": _directives,
    "heredocs_from_line": _heredocs_from_line,
    "parse": _parse,
    "parse_directive": _parse_directive,
    "parse_heredoc_word": _parse_heredoc_word,
    "parse_heredocs": _parse_heredocs,
    "parse_json_form": _parse_json_form,
    "parse_name_val": _parse_name_val,
    "parse_words": _parse_words,
}
