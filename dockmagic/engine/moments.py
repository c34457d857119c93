"""Points of time as docker's ``--since`` and ``--until`` take them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

from dockmagic.dockerfile.instructions.quantities import parse_duration
from dockmagic.errors import DockerfileError, UsageError

Moment = str | float | datetime

_SECOND = 1_000_000_000
_UNIX = re.compile(r"\d{1,12}(?:\.\d{1,9})?", re.ASCII)
_FRACTION = re.compile(r"(?<=:\d\d)\.(\d{1,9})(?!\d)", re.ASCII)


def nanoseconds(moment: Moment, now: int) -> int:
    """Nanoseconds since 1970.

    Args:
        moment: a time in RFC 3339 or a part of one (``2030-01-02T03:04``, a date; without a zone in this machine's), seconds since 1970, or
            how long ago in Go's notation (``10m``, ``1h30m``); from Python also a datetime or a number.
        now: the same at the time of the call, for what is so long ago.

    Raises:
        UsageError: it is no point of time.
    """
    if isinstance(moment, datetime):
        return _of(moment)
    text = str(moment)
    if _UNIX.fullmatch(text):
        return int(Decimal(text) * _SECOND)
    try:
        return now - parse_duration(text)
    except DockerfileError:
        pass
    whole, fraction = _split(text)
    try:
        return _of(datetime.fromisoformat(whole)) + fraction
    except ValueError:
        raise UsageError(
            "it is no point of time", hint="write 10m, 2030-01-02T03:04:05, or seconds since 1970", detail=repr(text)
        ) from None


def _split(text: str) -> tuple[str, int]:
    """A time without the fraction of its seconds, and this in nanoseconds; a datetime would cut it after six digits."""
    found = _FRACTION.search(text)
    if found is None:
        return text, 0
    return text[: found.start()] + text[found.end() :], int(found[1].ljust(9, "0"))


def _of(moment: datetime) -> int:
    """Without a float between, which has too little room."""
    passed = moment.astimezone(UTC) - datetime.fromtimestamp(0, UTC)
    return ((passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds) * 1_000
