"""Shell patterns as Go's ``path/filepath.Match`` reads them, and the matcher below them.

A pattern is a chain of steps over a :class:`Text`. A step takes the set of places that are reached so far and gives the set that it
reaches from there; a set is an integer whose bit *i* stands for the place before character *i*. So a pattern of *m* steps costs *m*
operations on integers of the path's length, whatever it says: nothing backtracks, and no hostile pattern hangs.
The steps are used by :mod:`dockmagic.builder.ignorefile` too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dockmagic.errors import UsageError

Step = Callable[["Text", int], int]


class Text:
    """A path to match: where each of its characters stands.

    Attributes:
        value: the path; undecodable bytes as surrogates, one character each.
        end: the place behind the last character.
        inside: the places before a character that is no slash.
        line: the places before a character that is no newline.
    """

    __slots__ = ("_places", "end", "inside", "line", "value")

    def __init__(self, value: str) -> None:
        places: dict[str, int] = {}
        bit = 1
        for character in value:
            places[character] = places.get(character, 0) | bit
            bit <<= 1
        self._places = places
        self.value = value
        self.end = bit
        self.inside = (bit - 1) & ~places.get("/", 0)
        self.line = (bit - 1) & ~places.get("\n", 0)

    def before(self, character: str) -> int:
        """The places before ``character``."""
        return self._places.get(character, 0)

    def before_any(self, ranges: Sequence[tuple[str, str]], *, negated: bool) -> int:
        """The places before a character that lies in one of ``ranges``, or, negated, in none."""
        found = 0
        for character, places in self._places.items():
            if any(low <= character <= high for low, high in ranges) != negated:
                found |= places
        return found


def literal(character: str) -> Step:
    """That character."""
    return lambda text, reached: (reached & text.before(character)) << 1


def any_character(text: Text, reached: int) -> int:
    """``?``: one character of a name."""
    return (reached & text.inside) << 1


def any_run(text: Text, reached: int) -> int:
    """``*``: any part of a name, also none."""
    return flood(reached, text.inside)


def one_of(ranges: Sequence[tuple[str, str]], *, negated: bool) -> Step:
    """``[a-z]``: one character of a class; as in Go it may be a slash."""
    return lambda text, reached: (reached & text.before_any(ranges, negated=negated)) << 1


def flood(reached: int, over: int) -> int:
    """``reached`` and every place that is reached from there over characters whose places are in ``over``."""
    # the carry of the addition runs through each run of ones, from the first place reached in it
    return (((reached & over) + over) ^ over) | reached


def matches(steps: Sequence[Step], text: Text) -> bool:
    """Whether the steps lead from the beginning to the end of ``text``."""
    reached = 1
    for step in steps:
        reached = step(text, reached)
        if not reached:
            return False
    return bool(reached & text.end)


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern of ``filepath.Match``: ``*`` and ``?`` do not match a slash, ``[a-z] [^a-z]`` are classes, a backslash escapes.

    One thing differs from Go: its search commits to the first place where a part fits, so that it misses matches where a class
    takes a slash. Names without slashes, which is what COPY matches, are not concerned.

    Args:
        text: the pattern.

    Raises:
        UsageError: the pattern is malformed.
    """

    text: str
    steps: tuple[Step, ...]

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "steps", tuple(_steps(text)))

    def matches(self, name: str) -> bool:
        """Whether the pattern matches all of ``name``."""
        return matches(self.steps, Text(name))


def has_meta(text: str) -> bool:
    """Whether ``text`` has a wildcard of :class:`Glob` that no backslash escapes."""
    escaped = False
    for character in text:
        if not escaped and character in "*?[":
            return True
        escaped = character == "\\" and not escaped
    return False


def malformed(pattern: str) -> UsageError:
    """The error for a pattern that cannot be read."""
    return UsageError(
        f'syntax error in pattern: "{pattern}"',
        hint='a "[" needs its "]"; "-", "]" and "\\" within them, and "[" elsewhere, are written with a "\\" before',
    )


def parse_class(pattern: str, at: int) -> tuple[tuple[tuple[str, str], ...], bool, int]:
    """Read the class that begins behind its bracket at ``at``.

    Returns:
        Its ranges, whether it is negated, and the index behind its closing bracket. A range may be empty: ``[z-a]``.

    Raises:
        UsageError: the class is malformed.
    """
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[tuple[str, str]] = []
    while not (ranges and pattern.startswith("]", at)):
        low, at = _member(pattern, at)
        high = low
        if pattern[at] == "-":
            high, at = _member(pattern, at + 1)
        ranges.append((low, high))
    return tuple(ranges), negated, at + 1


def _member(pattern: str, at: int) -> tuple[str, int]:
    """A class's character and the index behind it, at which there is one more character."""
    if at < len(pattern) and pattern[at] in "-]":
        raise malformed(pattern)
    at += pattern.startswith("\\", at)
    if at + 1 >= len(pattern):
        raise malformed(pattern)
    return pattern[at], at + 1


def _steps(pattern: str) -> list[Step]:
    steps: list[Step] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            steps.append(any_run)
        elif character == "?":
            steps.append(any_character)
        elif character == "[":
            ranges, negated, at = parse_class(pattern, at)
            steps.append(one_of(ranges, negated=negated))
        elif character != "\\":
            steps.append(literal(character))
        elif at < len(pattern):
            steps.append(literal(pattern[at]))
            at += 1
        else:
            raise malformed(pattern)
    return steps
