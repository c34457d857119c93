"""Values within instructions: durations, sizes, numbers, booleans and comma-separated fields."""

from __future__ import annotations

import csv
import re
from decimal import Decimal

from dockmagic.errors import DockerfileError

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_LONGEST = 40
_INT64_MAX = 2**63 - 1
_DURATION = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+\Z", re.ASCII)
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kKmMgGtTpP]?)[iI]?[bB]?\Z", re.ASCII)
_SIZE_UNITS = " kmgtp"
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


def parse_duration(text: str) -> int:
    """Nanoseconds of a duration in Go's notation: ``1m30s``, ``1.5h``, ``0``.

    Raises:
        DockerfileError: no such duration.
    """
    if text.lstrip("+-") == "0" and len(text) <= len("+0"):
        return 0
    if len(text) > _LONGEST or not _DURATION.match(text):
        raise DockerfileError(f'time: invalid duration "{text[:_LONGEST]}"')
    total = int(sum(Decimal(number) * _NANOSECONDS[unit] for number, unit in _DURATION_PART.findall(text)))
    if total > _INT64_MAX:
        raise DockerfileError(f'time: invalid duration "{text}"')
    return -total if text.startswith("-") else total


def parse_size(text: str) -> int | None:
    """Bytes of a size with binary units (``64m``), or None."""
    match = _SIZE.match(text) if len(text) <= _LONGEST else None
    if not match:
        return None
    exponent = _SIZE_UNITS.index(match[2].lower()) if match[2] else 0
    return int(Decimal(match[1]) * 1024**exponent)


def parse_boolean(text: str) -> bool | None:
    """The boolean that Go's ``strconv.ParseBool`` reads, or None."""
    return True if text in _TRUE else False if text in _FALSE else None


def parse_number(text: str, base: int = 10) -> int | None:
    """A number of at most 32 bits without sign, or None."""
    digits = "01234567" if base == 8 else "0123456789"  # noqa: PLR2004 - octal
    if not text or len(text) > _LONGEST or text.strip(digits):
        return None
    number = int(text, base)
    return number if number < 2**32 else None


def csv_fields(text: str, subject: str) -> tuple[str, ...]:
    """The fields of one line of comma-separated values.

    Raises:
        DockerfileError: there is none, or a quote is not closed.
    """
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error as error:
        raise DockerfileError(f"failed to parse csv {subject}: {error}") from None
    if len(rows) != 1 or not rows[0]:
        raise DockerfileError(f"failed to parse csv {subject}: EOF")
    return tuple(rows[0])
