"""Columns of a terminal: how wide a text is, and how to cut it to fit.

The table is ours and coarse (whole blocks), because ``unicodedata`` differs between releases of Python. A narrow
character counted as wide costs a blank; the other way round a line would be too long.
"""

from __future__ import annotations

from bisect import bisect_right

# Inclusive ranges, sorted. Zero: marks, and Hangul vowels and finals, that share the columns of the character before.
_ZERO = (
    (0x300, 0x36F),
    (0x1160, 0x11FF),
    (0x1AB0, 0x1AEF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20F0),
    (0x3099, 0x309A),
    (0xD7B0, 0xD7FF),
    (0xFE20, 0xFE2F),
)
_WIDE = (
    (0x1100, 0x115F),
    (0x231A, 0x23FF),
    (0x25FD, 0x27BF),
    (0x2B1B, 0x2B55),
    (0x2E80, 0xA4CF),
    (0xA960, 0xA97F),
    (0xAC00, 0xD7AF),
    (0xF900, 0xFAFF),
    (0xFE10, 0xFE19),
    (0xFE30, 0xFE6F),
    (0xFF01, 0xFF60),
    (0xFFE0, 0xFFE6),
    (0x16FE0, 0x191FF),
    (0x1AFF0, 0x1B2FF),
    (0x1D300, 0x1D37F),
    (0x1F000, 0x1FAFF),
    (0x20000, 0x3FFFF),
)
_ZERO_STARTS = [low for low, _ in _ZERO]
_WIDE_STARTS = [low for low, _ in _WIDE]
# A name of combining marks only has no width; it must end somewhere.
_LONGEST_PER_COLUMN = 4


def _within(code: int, starts: list[int], ranges: tuple[tuple[int, int], ...]) -> bool:
    at = bisect_right(starts, code) - 1
    return at >= 0 and code <= ranges[at][1]


def character_width(character: str) -> int:
    """0, 1 or 2 columns."""
    code = ord(character)
    if code < 0x300:  # noqa: PLR2004 - below the first combining mark everything is narrow
        return 1
    if _within(code, _ZERO_STARTS, _ZERO):
        return 0
    return 2 if _within(code, _WIDE_STARTS, _WIDE) else 1


def width(text: str) -> int:
    """Columns that ``text`` takes."""
    return sum(map(character_width, text))


def _fits(text: str, columns: int) -> bool:
    return len(text) <= columns * _LONGEST_PER_COLUMN and width(text) <= columns


def keep_head(text: str, columns: int, mark: str) -> str:
    """``text``, or its beginning and ``mark``, in at most ``columns``."""
    if _fits(text, columns):
        return text
    return _taken(text, columns - width(mark)) + mark


def keep_tail(text: str, columns: int, mark: str) -> str:
    """``text``, or ``mark`` and its end: of a path the last names tell most, so the cut falls at a ``/`` if one is near."""
    if _fits(text, columns):
        return text
    tail = _taken(text[::-1], columns - width(mark))[::-1]
    slash = tail.find("/")
    return mark + (tail[slash:] if 0 <= slash < len(tail) // 2 else tail)


def wrapped(text: str, columns: int) -> list[str]:
    """``text`` in lines of at most ``columns``, broken at blanks; a word that fits no line is broken anywhere."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if _fits(longer, columns):
            lines[-1] = longer
            continue
        rest = word
        while rest:
            part = _taken(rest, columns) or rest[:1]
            lines.append(part)
            rest = rest[len(part) :]
    return lines if lines[0] else lines[1:]


def _taken(text: str, columns: int) -> str:
    room, end = columns, 0
    for character in text[: columns * _LONGEST_PER_COLUMN]:
        room -= character_width(character)
        if room < 0:
            break
        end += 1
    return text[:end]


def padded(text: str, columns: int) -> str:
    """``text`` with blanks up to ``columns``."""
    return text + " " * (columns - width(text))
