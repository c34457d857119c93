"""Where something stands in the text, and how an error shows it: the line, and a caret below the fault."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from dockmagic.errors import DockerfileError, Location

WIDTH = 100
_MARGIN = 20
_CUT = "..."
_LONGEST_REASON = 400


def fault(reason: str, location: Location | None = None) -> DockerfileError:
    """An error whose fixed text names the line: ``line 3: unknown instruction: FORM (did you mean FROM?)``."""
    if len(reason) > _LONGEST_REASON:
        reason = reason[:_LONGEST_REASON] + _CUT
    message = f"line {location.line}: {reason}" if location else reason
    return DockerfileError(message, location=location)


def reason_of(error: DockerfileError) -> str:
    """The error's message without the line that :func:`fault` put before it."""
    return error.message.removeprefix(f"line {error.location.line}: ") if error.location else error.message


@contextmanager
def located(location: Location) -> Iterator[None]:
    """Give every ``DockerfileError`` of the block that has no place yet this one."""
    try:
        yield
    except DockerfileError as error:
        if error.location is None:
            raise fault(error.message, location) from None
        raise


@contextmanager
def excerpts(text: str, *, first_line: int = 1) -> Iterator[None]:
    """Put the excerpt of ``text`` into the detail of every located ``DockerfileError`` of the block, at the words that it names.

    Args:
        text: what the locations speak of.
        first_line: the number that its first line has for the reader (a cell's body may start further down).
    """
    try:
        yield
    except DockerfileError as error:
        if error.location is not None and not error.detail:
            reason = reason_of(error)
            place = narrowed(reason, error.location, text, first_line=first_line)
            error.message, error.location = f"line {place.line}: {reason}", place
            error.detail = excerpt(text, place, first_line=first_line)
        raise


def narrowed(reason: str, location: Location, text: str, *, first_line: int = 1) -> Location:
    """Where the words stand that an error names, within the lines of its instruction; the same location where it names none.

    Args:
        reason: the error's message, without a line.
        location: of the instruction; one that has columns is exact already.
        text: what it speaks of.
        first_line: the number of the text's first line.
    """
    if location.end_column:
        return location
    lines = text.split("\n")[max(location.line - first_line, 0) : max(location.end_line - first_line + 1, 0)]
    for pattern in _patterns(reason):
        for number, line in enumerate(lines, location.line):
            found = None if line.lstrip().startswith("#") else pattern.search(line)
            if found:
                return Location(line=number, end_line=number, column=found.start() + 1, end_column=found.end() + 1)
    return location


def _patterns(reason: str) -> Iterator[re.Pattern[str]]:
    """What finds the words that an error's message repeats: each between blanks, else within others of no letters."""
    for clue in _clues(reason):
        words = re.escape(clue)
        yield re.compile(f"(?<!\\S){words}(?!\\S)")
        yield re.compile(f"(?<![\\w./-]){words}(?![\\w./-])" if clue[-1].isalnum() else words)


def _clues(reason: str) -> Iterator[str]:
    """Words of the text, the likeliest first."""
    unknown = re.match(r"(?:unknown flag|unknown instruction|duplicate flag specified): (\S+)", reason)
    if unknown:
        yield unknown[1]
    failed = re.fullmatch(r'failed to process ".*": (.*)', reason, re.DOTALL)
    if failed:
        name = re.match(r"(\w+): ", failed[1])
        modifier = re.match(r"unsupported modifier \((.+?)\)", failed[1])
        if name:
            yield "${" + name[1]
        if modifier:
            yield modifier[1]
    yield from re.findall(r'"([^"\s]+)"', reason)
    last = re.search(r": (\S+)\Z", reason)
    if last:
        yield last[1]


def excerpt(text: str, location: Location, *, first_line: int = 1) -> str:
    """The line at ``location`` with its number, and carets below the span.

    Long lines are cut to a window around the span; a span of several lines is marked on its first one. Characters
    that a terminal would not print are shown as ``?``. Returns "" where the text has no such line.
    """
    line = _line(text, location.line - first_line)
    if line is None:
        return ""
    start = min(max(location.column - 1, 0), len(line))
    end = location.end_column - 1 if location.end_column and location.end_line == location.line else len(line)
    end = min(max(end, start + 1), max(len(line), start + 1))
    shown, start, end = _window(line, start, end)
    shown = "".join(character if character.isprintable() or character == "\t" else "?" for character in shown)
    number = str(location.line)
    gutter = " " * len(number)
    # Tabs stay tabs in the padding, so that the caret stands below its character at any tab width.
    padding = "".join("\t" if character == "\t" else " " for character in shown[:start])
    return f"{number} | {shown}\n{gutter} | {padding}{'^' * (end - start)}"


def _line(text: str, index: int) -> str | None:
    """The line of that index from 0, without its end and the byte-order mark."""
    if index < 0:
        return None
    start = 0
    for _ in range(index):
        start = text.find("\n", start) + 1
        if start == 0:
            return None
    end = text.find("\n", start)
    line = text[start:] if end < 0 else text[start:end]
    return line.removeprefix("\ufeff").rstrip("\r")


def _window(line: str, start: int, end: int) -> tuple[str, int, int]:
    """At most :data:`WIDTH` characters of ``line`` around the span, and the span within them."""
    if len(line) <= WIDTH:
        return line, start, end
    left = max(0, min(start - _MARGIN, len(line) - WIDTH))
    right = min(len(line), left + WIDTH)
    before = _CUT if left else ""
    after = _CUT if right < len(line) else ""
    shift = len(before) - left
    return f"{before}{line[left:right]}{after}", start + shift, min(end, right) + shift
