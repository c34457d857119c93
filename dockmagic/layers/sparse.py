"""Sparse files in tars, whose holes have no content: GNU's old form, and PAX forms 0.1 and 1.0 (GNU tar manual, "Sparse Formats").

Form 0.0, which GNU tar wrote for a few months of 2006, repeats keys of PAX records; it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dockmagic.errors import ArchiveError

BLOCK = 512
KIND = b"S"
PREFIX = "GNU.sparse."
ZEROS = bytes(1 << 20)
# Holes cost nothing on the disk, but are read like content: of one tar together, in bytes.
HOLES_LIMIT = 1 << 34
_REGIONS_LIMIT = 1 << 20
_DIGITS = 20
Read = Callable[[int], bytes]
Number = Callable[[bytes], int]


@dataclass(frozen=True, slots=True)
class Map:
    """Where the content of a sparse file lies.

    Attributes:
        size: bytes of the file with its holes.
        regions: (offset, bytes) of what has content, in order.
    """

    size: int
    regions: tuple[tuple[int, int], ...]

    @property
    def stored(self) -> int:
        """Bytes of content."""
        return sum(length for _, length in self.regions)

    @property
    def holes(self) -> int:
        """Bytes without content."""
        return self.size - self.stored

    def expanded(self, read: Read) -> Iterator[bytes]:
        """The file's bytes.

        Args:
            read: gives the next content, at most so many bytes and at least one.
        """
        done = 0
        for offset, length in (*self.regions, (self.size, 0)):
            while done < offset:
                zeros = ZEROS[: offset - done]
                done += len(zeros)
                yield zeros
            left = length
            while left:
                data = read(left)
                left -= len(data)
                yield data
            done += length


def checked(size: int, numbers: Sequence[int]) -> Map:
    """A map of offsets and lengths by turns.

    Raises:
        ArchiveError: they overlap, or lead beyond the end.
    """
    regions = tuple(zip(numbers[::2], numbers[1::2], strict=False))
    end = 0
    for offset, length in regions:
        if offset < end or length < 0:
            raise ArchiveError("a sparse file whose parts overlap")
        end = offset + length
    if len(numbers) % 2 or end > size:
        raise ArchiveError("a sparse file whose parts lead beyond its end")
    return Map(size, tuple(region for region in regions if region[1]))


def old(block: bytes, read: Read, number: Number) -> Map:
    """The map of a header of kind ``S`` and the blocks that go on with it.

    Args:
        block: the header.
        read: gives the next bytes of the tar.
        number: reads a field.

    Raises:
        ArchiveError: it is malformed, or the tar ends.
    """
    fields = _fields(block[386:482])
    more = block[482]
    while more:
        block_more = read(BLOCK)
        if len(block_more) != BLOCK or len(fields) > 2 * _REGIONS_LIMIT:
            raise ArchiveError("the tar ends within the map of a sparse file, or that is too long")
        fields += _fields(block_more[:504])
        more = block_more[504]
    return checked(number(block[483:495]), [number(field) for field in fields])


def _fields(data: bytes) -> list[bytes]:
    """Number fields, up to the first empty pair."""
    found: list[bytes] = []
    for at in range(0, len(data), 24):
        if not data[at : at + 24].strip(b"\0"):
            break
        found += [data[at : at + 12], data[at + 12 : at + 24]]
    return found


def by_records(records: Mapping[str, bytes], read: Read) -> Map | None:
    """The map that PAX records speak of; None where they speak of none.

    Args:
        records: of the entry.
        read: gives the next content of the tar, which form 1.0 begins with its map.

    Raises:
        ArchiveError: they are malformed, or of a form that is not read.
    """
    said = {key.removeprefix(PREFIX): value for key, value in records.items() if key.startswith(PREFIX)}
    if not said:
        return None
    if (said.get("major"), said.get("minor")) == (b"1", b"0"):
        return checked(_decimal(said.get("realsize", b"")), _leading(read))
    if "map" in said and "size" in said:
        numbers = [_decimal(word) for word in said["map"].split(b",")] if said["map"] else []
        return checked(_decimal(said["size"]), numbers)
    raise ArchiveError(
        "a sparse file of a form that is not supported", hint="write it by GNU tar's --sparse-version=1.0, or whole"
    )


def _leading(read: Read) -> list[int]:
    """Form 1.0: decimal numbers, a line each, in front of the content, which begins with the next block."""
    lines: list[bytes] = []
    rest, wanted = b"", 1
    while len(lines) < wanted:
        block = read(BLOCK)
        if len(block) != BLOCK or len(rest) > BLOCK:
            raise ArchiveError("the map of a sparse file is malformed")
        *whole, rest = (rest + block).split(b"\n")
        lines += whole
        if lines:
            wanted = 1 + 2 * _decimal(lines[0])
            if wanted > 2 * _REGIONS_LIMIT:
                raise ArchiveError("the map of a sparse file is too long")
    return [_decimal(line) for line in lines[1:wanted]]


def _decimal(word: bytes) -> int:
    if not word.isdigit() or len(word) > _DIGITS:
        raise ArchiveError("the map of a sparse file has a number that is none")
    return int(word)
