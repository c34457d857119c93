"""Amounts of bytes as docker reads them, in units of 1024 (memory) and of 1000 (disk)."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_PREFIXES = "kmgtp"
# More than any number needs, less than what takes time.
_LONGEST = 64


def binary(text: str) -> int:
    """``32.3 mb``, ``1G``, ``2KiB``: a prefix stands for a power of 1024; a plain number counts bytes."""
    return _size(text, 1024)


def decimal(text: str) -> int:
    """The same with powers of 1000."""
    return _size(text, 1000)


def _size(text: str, thousand: int) -> int:
    end = max((place + 1 for place, character in enumerate(text[:_LONGEST]) if character in "0123456789. "), default=0)
    number = text[:end].removesuffix(" ")
    if len(text) > _LONGEST or not _NUMBER.fullmatch(number):
        raise ValueError("it is no size such as 256m or 1g")
    size = float(number) * thousand ** _power(text[end:].lower())
    if size < 0:
        raise ValueError("a size is not negative")
    if size >= 1 << 63:
        raise ValueError("a size of so many digits is too large")
    return int(size)


def _power(suffix: str) -> int:
    """What a suffix without capitals says: ``k``, ``kb``, ``kib``, ``b``, or nothing."""
    if suffix in {"", "b"}:
        return 0
    if suffix[0] not in _PREFIXES or suffix[1:] not in {"", "b", "ib"}:
        raise ValueError(f"it is no size: {suffix!r} is none of k, m, g, t, p, kb, kib, …")
    return _PREFIXES.index(suffix[0]) + 1
