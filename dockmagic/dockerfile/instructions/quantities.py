"""Values within instructions: durations, sizes, numbers, booleans and comma-separated fields."""

from __future__ import annotations

import csv
import re
from decimal import Decimal

from dockmagic.dockerfile.quoting import quote
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
_NUMBER = re.compile(r"\d+\.?\d*|\.\d+", re.ASCII)
_UNIT = re.compile(r"[^.0-9]+")
_SIGNED = re.compile(r"[+-]?\d+\Z", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kKmMgGtTpP]?)[iI]?[bB]?\Z", re.ASCII)
_SIZE_UNITS = " kmgtp"
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


def parse_duration(text: str) -> int:
    """Nanoseconds of a duration in Go's notation: ``1m30s``, ``1.5h``, ``0``.

    Raises:
        DockerfileError: no such duration, in the words of Go's ``time.ParseDuration``.
    """
    shown = quote(text[:_LONGEST])
    bare = text[1:] if text[:1] in {"+", "-"} else text
    if bare == "0":
        return 0
    if not bare or len(text) > _LONGEST:
        raise DockerfileError(f"time: invalid duration {shown}")
    total = Decimal(0)
    position = 0
    while position < len(bare):
        number = _NUMBER.match(bare, position)
        if number is None:
            raise DockerfileError(f"time: invalid duration {shown}")
        unit = _UNIT.match(bare, number.end())
        if unit is None:
            raise DockerfileError(f"time: missing unit in duration {shown}")
        if unit[0] not in _NANOSECONDS:
            raise DockerfileError(f"time: unknown unit {quote(unit[0])} in duration {shown}")
        total += Decimal(number[0]) * _NANOSECONDS[unit[0]]
        position = unit.end()
    if total > _INT64_MAX:
        raise DockerfileError(f"time: invalid duration {shown}")
    return -int(total) if text.startswith("-") else int(total)


def format_duration(nanoseconds: int) -> str:
    """A duration as Go prints it: ``1m30s``, ``1.5s``, ``250ms``, ``0s``; never negative."""
    if nanoseconds < _NANOSECONDS["s"]:
        unit = next((unit for unit in ("ms", "µs", "ns") if nanoseconds >= _NANOSECONDS[unit]), "s")
        return f"{_shortest(nanoseconds, _NANOSECONDS[unit])}{unit}"
    minutes, rest = divmod(nanoseconds, _NANOSECONDS["m"])
    hours, minutes = divmod(minutes, 60)
    seconds = f"{_shortest(rest, _NANOSECONDS['s'])}s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def _shortest(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    return f"{whole}.{str(rest).zfill(len(str(unit)) - 1).rstrip('0')}" if rest else str(whole)


def parse_int32(text: str) -> int:
    """A decimal number with or without sign.

    Raises:
        DockerfileError: no such number, or one of more than 32 bits, in the words of Go's ``strconv.ParseInt``.
    """
    if not _SIGNED.match(text):
        raise DockerfileError(f"strconv.ParseInt: parsing {quote(text[:_LONGEST])}: invalid syntax")
    if len(text) > _LONGEST or not -(2**31) <= int(text) < 2**31:
        raise DockerfileError(f"strconv.ParseInt: parsing {quote(text[:_LONGEST])}: value out of range")
    return int(text)


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
