"""The name that somebody probably meant."""

from __future__ import annotations

from collections.abc import Iterable

# The same nearness as Docker's own suggestions.
_NEAR = 3
_LONGEST = 64


def did_you_mean(word: str, names: Iterable[str], *, any_case: bool = False) -> str:
    """`` (did you mean X?)`` for the nearest of ``names``, or "".

    Args:
        word: what was written.
        names: what there is, in the order in which ties are decided.
        any_case: capitals do not matter; the suggestion is in upper case for a word in upper case, else in lower case.
    """
    best = nearest(word, names, any_case=any_case)
    return f" (did you mean {best}?)" if best else ""


def nearest(word: str, names: Iterable[str], *, any_case: bool = False) -> str:
    """The name that :func:`did_you_mean` suggests, or ""."""
    if len(word) > _LONGEST:
        return ""
    wanted = word.lower() if any_case else word
    best, least = "", _NEAR
    for name in names:
        candidate = name.lower() if any_case else name
        if abs(len(wanted) - len(candidate)) >= _NEAR:
            continue
        distance = _distance(wanted, candidate)
        if distance == 0:
            return ""
        if distance < least:
            best, least = candidate, distance
    return best.upper() if any_case and word == word.upper() else best


def _distance(left: str, right: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(right) + 1))
    for index, character in enumerate(left, 1):
        diagonal, row[0] = row[0], index
        for column, other in enumerate(right, 1):
            cost = min(row[column] + 1, row[column - 1] + 1, diagonal + (character != other))
            diagonal, row[column] = row[column], cost
    return row[-1]
