"""The record as text: at most 80 columns, drawn in ASCII.

The tray of the writable layer has dashed sides and no top; below it the read-only layers are closed boxes.
"""

from __future__ import annotations

from collections.abc import Iterator

from dockmagic.record.columns import keep_head, keep_tail, padded, width, wrapped
from dockmagic.record.model import Changes, Fold, Group, Line, Record
from dockmagic.record.words import (
    CHANGED,
    NO_SLAB,
    UNNAMED,
    changes_title,
    container_label,
    fold_line,
    image_line,
    no_layers,
    numbers,
    slabs,
    subject,
)

WIDTH = 78
_INNER = WIDTH - 4
_FLOOR = "+" + "-" * (WIDTH - 2) + "+"
_GROUND = "+" + "=" * (WIDTH - 2) + "+"
_RIM = "'" + " -" * ((WIDTH - 2) // 2) + "'"
_FILES_COLUMNS = 15
_MARKS = {"good": "", "bad": "x ", "open": "", "": ""}


def draw(record: Record) -> str:
    """The whole record, without a line feed at its end."""
    return "\n".join(line.rstrip() for line in _lines(record))


def _lines(record: Record) -> Iterator[str]:
    yield _header(record)
    if record.changes is not None:
        yield from _changes(record.changes)
    yield from _slabs(record)
    if record.totals is not None:
        yield f"Image - {image_line(record.totals)}"
    for warning in record.warnings:
        yield from _warning(warning)


def _warning(warning: str) -> Iterator[str]:
    title = "warning: "
    for line in wrapped(warning, WIDTH - len(title)):
        yield title + line
        title = " " * len(title)


def _header(record: Record) -> str:
    parts = [_MARKS[record.verdict.mark] + record.verdict.words if record.verdict.words else subject(record)]
    parts += [", ".join(record.names)] if record.names else []
    parts += [f"{container_label(record)} {record.container}"] if record.container else []
    return keep_head("   ".join(parts), WIDTH, "...")


def _beside(left: str, right: str, columns: int = _INNER) -> str:
    """``left`` and, at the end of the line, ``right``."""
    room = columns - width(right) - 2
    return f"{padded(keep_head(left, room, '...'), room)}  {right}"


def _changes(changes: Changes) -> Iterator[str]:
    side, end = (":", _RIM) if changes.writable else ("|", _FLOOR)
    if not changes.writable:
        yield _FLOOR
    title = changes_title(changes)
    title = f"{title} - writable" if changes.writable else title
    counts = "   ".join(f"{kind} {changes.count(kind)} {word}" for kind, word in CHANGED) if changes.paths else ""
    rows = [_beside(title, counts)]
    rows += [f"  {change.kind} {keep_tail(change.path, _INNER - 4, '...')}" for change in changes.shown]
    if more := len(changes.paths) - len(changes.shown):
        rows.append(f"  + {more:,} more")
    if not changes.paths:
        rows.append(f"  {changes.nothing}")
    for row in rows:
        yield f"{side} {padded(row, _INNER)} {side}"
    yield end


def _slabs(record: Record) -> Iterator[str]:
    closed = False
    lines = slabs(record)
    empty = record.slabs and record.totals is not None and not record.totals.layers
    for index, line in enumerate(lines):
        box = _box(line)
        if box is None:
            yield _open_line(line)
        else:
            if not closed:
                yield _FLOOR
            yield box
            if index + 1 < len(lines):
                yield _FLOOR
        closed = box is not None
    if empty:
        yield f"[ {padded(no_layers(record), _INNER)} ]"
    if lines or empty:
        yield _GROUND


def _box(line: Line | Fold | Group) -> str | None:
    match line:
        case Fold():
            return f"| {padded(keep_head('... ' + fold_line(line.totals), _INNER, '...'), _INNER)} |"
        case Line(kind="layer"):
            files, size = numbers(line)
            right = (
                f"read-only{files:>{_FILES_COLUMNS}}{size:>{10}}"
                if files
                else f"read-only{size:>{_FILES_COLUMNS + 10}}"
            )
            return f"| {_beside(line.instruction or UNNAMED, right)} |"
        case _:
            return None


def _open_line(line: Line | Fold | Group) -> str:
    if isinstance(line, Line):
        words = NO_SLAB[line.kind]
        if line.kind == "failed" and line.number:
            words = f"{words} (line {line.number})"
        mark = "x " if line.kind == "failed" else "  "
        return mark + _beside(line.instruction, words)
    return f"  {line.count} settings, no layer" if isinstance(line, Group) else ""
