"""How much goes by value; what is larger belongs into a directory that the container shares (``-v``)."""

from __future__ import annotations

SIZE = 64_000_000
ENTRIES = 10_000


def size_told(size: int) -> str:
    """Whole megabytes, as the limits are said."""
    return f"{size // 1_000_000} MB"
