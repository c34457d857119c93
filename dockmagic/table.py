"""Tables that verbs return, and how sizes and long texts stand in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

T = TypeVar("T")
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_THOUSAND = 1000
_COLUMN = 44


def decimal_size(size: int) -> str:
    """Bytes in decimal units, as docker prints them: ``84 B``, ``3.1 kB``, ``38.6 MB``, ``155 MB``.

    One decimal below 100, none from there; halves round up. In whole numbers: the same digits on every machine.
    """
    if size < _THOUSAND:
        return f"{size} B"
    unit, power = 0, 1
    while unit + 1 < len(_UNITS) and _rounded(size, power) >= _THOUSAND:
        unit, power = unit + 1, power * _THOUSAND
    tenths = _rounded(size * 10, power)
    if tenths < _THOUSAND:
        return f"{tenths // 10}.{tenths % 10} {_UNITS[unit]}"
    return f"{_rounded(size, power)} {_UNITS[unit]}"


def shortened(text: str) -> str:
    """Text for a column of a table: its beginning, when it is longer than 44 characters."""
    return text if len(text) <= _COLUMN else f"{text[: _COLUMN - 3]}..."


def _rounded(number: int, divisor: int) -> int:
    return (2 * number + divisor) // (2 * divisor)


@dataclass(frozen=True, slots=True)
class Lines(Sequence[str]):
    """Texts that print a line each, without a heading: what ``-q`` and ``--format`` give."""

    items: tuple[str, ...]

    def __len__(self) -> int:
        """Count of texts."""
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        """The text, or a tuple of texts."""
        return self.items[index]

    def __str__(self) -> str:
        """A line each."""
        return "\n".join(self.items)

    def __repr__(self) -> str:
        """The same as ``str``: what a notebook shows of a line magic's value."""
        return str(self)


@dataclass(frozen=True, slots=True)
class Table(Sequence[T], Generic[T]):
    """A sequence of objects that prints as a table (``images``, ``ps``, ``history``, ``doctor``).

    Attributes:
        columns: headings.
        items: the objects.
        rows: their cells as printed, one tuple an item.
        title: a line above the table, or "".
    """

    columns: tuple[str, ...]
    items: tuple[T, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""

    def __len__(self) -> int:
        """Count of items."""
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        """The item, or a tuple of items."""
        return self.items[index]

    def __iter__(self) -> Iterator[T]:
        """Over the items."""
        return iter(self.items)

    def __str__(self) -> str:
        """The table: headings and rows, columns padded with blanks."""
        table = [self.columns, *self.rows]
        widths = [max(len(row[i]) for row in table) for i in range(len(self.columns))]
        lines = [
            "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
        ]
        return "\n".join([self.title, *lines] if self.title else lines)

    def __repr__(self) -> str:
        """The same as ``str``: what a notebook shows of a line magic's value."""
        return str(self)
