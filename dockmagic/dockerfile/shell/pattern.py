r"""Shell patterns: ``*``, ``?`` and ``\``, as ``${name#pattern}`` and its like know them (no brackets).

Matched without regular expressions: a pattern of many stars costs those exponential or polynomial time, here every
star is one search.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

# Wildcards within a run of letters cost the product of both lengths.
MAX_WORK = 50_000_000
_ESCAPABLE = frozenset("*?\\")
_DELIMITERS = frozenset("}/")


class PatternError(Exception):
    """The pattern has a bad escape, or would cost too much."""


class Wildcard(Enum):
    """What is no letter in a pattern."""

    STAR = "*"
    ANY = "?"


Token = str | Wildcard


@dataclass(frozen=True, slots=True)
class Pattern:
    """A parsed pattern: letters and wildcards."""

    tokens: tuple[Token, ...]

    def trim_start(self, value: str, *, longest: bool) -> str:
        """``value`` without the shortest or longest match at its start."""
        found = self._match(value, 0, anchored=True, longest=longest)
        return value[found[1] :] if found else value

    def trim_end(self, value: str, *, longest: bool) -> str:
        """``value`` without the shortest or longest match at its end."""
        mirrored = Pattern(self.tokens[::-1])
        return mirrored.trim_start(value[::-1], longest=longest)[::-1]

    def replace(self, value: str, replacement: str, *, everywhere: bool, limit: int) -> str:
        """``value`` with the first of the longest matches, or each of them, replaced.

        Raises:
            PatternError: the result has more than ``limit`` characters.
        """
        parts: list[str] = []
        position, size, last = 0, 0, -1
        while position <= len(value) and (found := self._match(value, position, anchored=False, longest=True)):
            begin, end = found
            if begin == end == last:
                break
            # An empty match moves on by one character.
            kept = value[begin : begin + 1] if begin == end else ""
            parts += (value[position:begin], replacement, kept)
            size += len(replacement)
            if size > limit:
                raise PatternError(f"the result is longer than {limit} characters")
            position, last = max(end, begin + 1), end if end > begin else -1
            if not everywhere:
                return "".join(parts) + value[end if end > begin else begin + 1 :]
        return "".join(parts) + value[position:]

    def _match(self, value: str, start: int, *, anchored: bool, longest: bool) -> tuple[int, int] | None:
        """Begin and end of the leftmost match from ``start`` on."""
        first, *others = self._runs()
        begin = first.find(value, start, len(value) if not anchored else start + len(first.tokens))
        if begin < 0:
            return None
        end = begin + len(first.tokens)
        for index, run in enumerate(others):
            backwards = longest and index == len(others) - 1
            found = run.rfind(value, end) if backwards else run.find(value, end, len(value))
            if found < 0:
                return None
            end = found + len(run.tokens)
        return begin, end

    def _runs(self) -> list[_Run]:
        runs: list[list[Token]] = [[]]
        for token in self.tokens:
            if token is Wildcard.STAR:
                runs.append([])
            else:
                runs[-1].append(token)
        return [_Run(tuple(run)) for run in runs]


def parse_pattern(text: str) -> Pattern:
    """Parse a pattern.

    Raises:
        PatternError: a backslash before something that needs none.
    """
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        character, following = text[position], text[position + 1 : position + 2]
        position += 1
        if character in "*?":
            tokens.append(Wildcard(character))
        elif character != "\\":
            tokens.append(character)
        elif following in _ESCAPABLE:
            tokens.append(following)
            position += 1
        elif following not in _DELIMITERS:
            # Before "}" and "/" the backslash only told them from the end of the pattern.
            raise PatternError(f"invalid escape '\\{following}'")
    return Pattern(tuple(tokens))


@dataclass(frozen=True, slots=True)
class _Run:
    """Letters and ``?`` between two stars: as long as what it matches."""

    tokens: tuple[Token, ...]

    def find(self, value: str, start: int, end: int) -> int:
        """The leftmost place within [start, end), or -1."""
        if Wildcard.ANY not in self.tokens:
            return value.find("".join(map(str, self.tokens)), start, end)
        if len(self.tokens) * len(value) > MAX_WORK:
            raise PatternError("the pattern is too long for the value")
        found = _expression(self.tokens).search(value, start, end)
        return found.start() if found else -1

    def rfind(self, value: str, start: int) -> int:
        """The rightmost place from ``start`` on, or -1."""
        if Wildcard.ANY not in self.tokens:
            return value.rfind("".join(map(str, self.tokens)), start)
        mirrored = _Run(self.tokens[::-1]).find(value[start:][::-1], 0, len(value) - start)
        return len(value) - mirrored - len(self.tokens) if mirrored >= 0 else -1


def _expression(tokens: tuple[Token, ...]) -> re.Pattern[str]:
    letters = ("." if isinstance(token, Wildcard) else re.escape(token) for token in tokens)
    return re.compile("".join(letters), re.DOTALL)
