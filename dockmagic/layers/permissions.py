"""Permissions as ``--chmod`` gives them: octal, or the symbols of chmod(1). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

_HIGHEST = 0o7777
_OCTAL = re.compile(r"0*[0-7]{1,4}")
_CLAUSE = re.compile(r"([ugoa]*)((?:[+=-](?:[rwxXst]*|[ugo]))+)")
_CHANGE = re.compile(r"([+=-])([rwxXst]*|[ugo])(?=[+=-]|$)")
_SHIFTS = {"u": 6, "g": 3, "o": 0}
_BITS = {"r": 4, "w": 2, "x": 1}
_SPECIAL = {"u": 0o4000, "g": 0o2000, "o": 0o1000}


def is_valid(text: str) -> bool:
    """Whether :func:`apply` reads ``text``."""
    return _OCTAL.fullmatch(text) is not None or all(_CLAUSE.fullmatch(clause) for clause in text.split(","))


def apply(text: str, mode: int, *, is_dir: bool) -> int:
    """The permissions that ``text`` makes of ``mode``; without a letter of whose they are, everybody's.

    Args:
        text: what :func:`is_valid` takes.
        mode: the bits so far.
        is_dir: ``X`` always counts for a directory.
    """
    if _OCTAL.fullmatch(text):
        return int(text, 8) & _HIGHEST
    for clause in text.split(","):
        match = _CLAUSE.fullmatch(clause)
        if match is None:
            raise ValueError(text)
        who = set(match[1].replace("a", "ugo")) or set("ugo")
        for operator, what in _changes(match[2]):
            mode = _changed(mode, who, operator, what, is_dir=is_dir)
    return mode


def _changes(text: str) -> Iterator[tuple[str, str]]:
    for match in _CHANGE.finditer(text):
        yield match[1], match[2]


def _changed(mode: int, who: set[str], operator: str, what: str, *, is_dir: bool) -> int:
    bits = 0
    for each in who:
        bits |= _of(mode, each, what, is_dir=is_dir)
    if "t" in what and "o" in who:
        bits |= 0o1000
    if operator == "+":
        return mode | bits
    if operator == "-":
        return mode & ~bits
    # a directory keeps its set-id bits unless they are named, as GNU's chmod has it
    special = sum(_SPECIAL[each] for each in who if each == "o" or "s" in what or not is_dir)
    return mode & ~(sum(7 << _SHIFTS[each] for each in who) | special) | bits


def _of(mode: int, who: str, what: str, *, is_dir: bool) -> int:
    """The bits that ``what`` means for one of user, group and others."""
    if what in _SHIFTS:
        return (mode >> _SHIFTS[what] & 7) << _SHIFTS[who]
    bits = sum(_BITS[letter] for letter in set(what) & set(_BITS))
    if "X" in what and (is_dir or mode & 0o111):
        bits |= 1
    return bits << _SHIFTS[who] | (_SPECIAL[who] if "s" in what and who != "o" else 0)
