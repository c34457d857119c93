"""What a judge may say of a row: None (it passes), a reason (it misses), or that it does not judge it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
Judge = Callable[[Row], "str | None"]


class NotJudgedError(Exception):
    """The row asks for something that this judge does not know yet."""


def different(what: str, wanted: object, got: object) -> str | None:
    """The reason of a miss, or None where both are equal."""
    return None if wanted == got else f"{what}: wanted {wanted!r}, got {got!r}"


def error_mismatch(expected: Row, message: str | None) -> str | None:
    """Compare an error's text with what the row wants of it; ``message`` is None where there was none."""
    wanted = expected.get("error", expected.get("error_contains"))
    if not wanted:
        return None if message is None else f"unexpected error: {message}"
    if message is None:
        return f"no error; wanted {wanted!r}"
    if wanted is True:
        return None
    if "error" in expected:
        return different("error", wanted, message)
    parts = wanted if isinstance(wanted, list) else [wanted]
    missing = [part for part in parts if part not in message]
    return f"error {message!r} lacks {missing!r}" if missing else None
