"""Problems of a cell's Dockerfile, at their places in the cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dockmagic.dockerfile import lint
from dockmagic.dockerfile.location import reason_of
from dockmagic.errors import DockerfileError, Location
from dockmagic.lab.part import Part
from dockmagic.record.escape import visible


def diagnose(cell: str, part: Part | None) -> list[dict[str, Any]]:
    """What is wrong with a cell: the error that keeps it from being built, and the linter's warnings, by line.

    Args:
        cell: its whole text.
        part: the Dockerfile in it, None for none.
    """
    if part is None or not part.text.strip():
        return []
    report = lint.check(part.text, lint.Inputs())
    lines = cell.split("\n")
    found = [
        _place(lines, part, warning.location)
        | {"severity": "warning", "rule": warning.rule, "message": visible(warning.detail), "hint": ""}
        for warning in report.warnings
    ]
    if report.error is not None:
        found.append(_error(lines, part, report.error))
    return sorted(found, key=lambda told: (told["from"]["line"], told["from"]["column"]))


def _error(lines: Sequence[str], part: Part, error: DockerfileError) -> dict[str, Any]:
    told = {"severity": "error", "rule": "parse", "message": visible(reason_of(error)), "hint": visible(error.hint)}
    return _place(lines, part, error.location or Location(line=1, end_line=1)) | told


def _place(lines: Sequence[str], part: Part, location: Location) -> dict[str, Any]:
    begin = _within(lines, part.first_line + location.line - 1)
    end = max(begin, _within(lines, part.first_line + location.end_line - 1))
    start = _column(lines[begin], location.column - 1)
    stop = _column(lines[end], location.end_column - 1 if location.end_column else len(lines[end]))
    if end == begin:
        stop = max(stop, start)
    return {"from": {"line": begin, "column": start}, "to": {"line": end, "column": stop}}


def _within(lines: Sequence[str], line: int) -> int:
    return min(max(line, 0), len(lines) - 1)


def _column(line: str, column: int) -> int:
    """A column in characters as one in UTF-16 code units."""
    return len(line[: max(column, 0)].encode("utf-16-le", "surrogatepass")) // 2
