"""Where something stands in the text, and how an error shows it: the line, and a caret below the fault."""

from __future__ import annotations

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
    """Put the excerpt of ``text`` into the detail of every located ``DockerfileError`` of the block.

    Args:
        text: what the locations speak of.
        first_line: the number that its first line has for the reader (a cell's body may start further down).
    """
    try:
        yield
    except DockerfileError as error:
        if error.location is not None and not error.detail:
            error.detail = excerpt(text, error.location, first_line=first_line)
        raise


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
