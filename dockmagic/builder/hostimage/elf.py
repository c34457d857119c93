"""What an ELF file says about the libraries that it needs; see elf(5) and the System V ABI, chapter 5.

Nothing is executed: ldd(1) may run the file that it is asked about.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_MAGIC = b"\x7fELF"
_HEADER = {1: "HHIIIIIHHHHHH", 2: "HHIQQQIHHHHHH"}
_SEGMENT = {1: "IIIIIIII", 2: "IIQQQQQQ"}
_DYNAMIC = {1: "iI", 2: "qQ"}
_LOAD, _DYNAMIC_SEGMENT, _INTERPRETER = 1, 2, 3
_NEEDED, _STRINGS, _STRINGS_SIZE, _RPATH, _RUNPATH = 1, 5, 10, 15, 29
# A damaged file may name any size: no real file has more of these.
_MOST_SEGMENTS, _MOST_BYTES = 256, 1 << 24


class ElfError(ValueError):
    """The file begins as ELF and is damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elf:
    """The dynamic part of a program or library.

    Attributes:
        kind: (class, byte order, machine): what the loader compares before it takes a library.
        interpreter: absolute path of the loader, "" of a library or a static program.
        needed: names of libraries, in order.
        rpath: directories of DT_RPATH as written, empty where DT_RUNPATH stands too.
        runpath: directories of DT_RUNPATH as written.
    """

    kind: tuple[int, int, int]
    interpreter: str = ""
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()


def read(fd: int) -> Elf | None:
    """The dynamic part of an open file; None when it is no ELF file.

    Raises:
        ElfError: it is a damaged one.
    """
    identity = os.pread(fd, 16, 0)
    if not identity.startswith(_MAGIC):
        return None
    try:
        return _Reader(fd, identity).read()
    except (struct.error, KeyError, IndexError, OverflowError, OSError) as error:
        raise ElfError(f"a damaged ELF file: {error!r}") from error


class _Reader:
    """Reads one file, whose class and byte order the first 16 bytes tell."""

    def __init__(self, fd: int, identity: bytes) -> None:
        self._fd = fd
        self._class, self._data = identity[4], identity[5]
        self._order = {1: "<", 2: ">"}[self._data]

    def read(self) -> Elf:
        layout = self._order + _HEADER[self._class]
        fields = struct.unpack(layout, self._bytes(16, struct.calcsize(layout)))
        machine, table, size, count = fields[1], fields[4], fields[8], fields[9]
        if count > _MOST_SEGMENTS:
            raise ElfError(f"a damaged ELF file: {count} segments")
        segments = [self._segment(table + number * size) for number in range(count)]
        tags = {}
        for offset, length in _of_kind(segments, _DYNAMIC_SEGMENT):
            tags = self._tags(offset, length)
        interpreter = ""
        for offset, length in _of_kind(segments, _INTERPRETER):
            interpreter = os.fsdecode(self._bytes(offset, length).rstrip(b"\0"))
        kind = (self._class, self._data, machine)
        return Elf(kind=kind, interpreter=interpreter, **self._names(tags, segments))

    def _segment(self, offset: int) -> tuple[int, int, int, int]:
        """(type, offset in the file, address, size in the file)."""
        layout = self._order + _SEGMENT[self._class]
        fields = struct.unpack(layout, self._bytes(offset, struct.calcsize(layout)))
        if self._class == 1:
            return fields[0], fields[1], fields[2], fields[4]
        return fields[0], fields[2], fields[3], fields[5]

    def _tags(self, offset: int, length: int) -> dict[int, list[int]]:
        tags: dict[int, list[int]] = {}
        layout = self._order + _DYNAMIC[self._class]
        entry = struct.calcsize(layout)
        content = self._bytes(offset, length - length % entry)
        for tag, value in struct.iter_unpack(layout, content):
            if tag == 0:
                break
            tags.setdefault(tag, []).append(value)
        return tags

    def _names(
        self, tags: dict[int, list[int]], segments: list[tuple[int, int, int, int]]
    ) -> dict[str, tuple[str, ...]]:
        if not tags.get(_STRINGS):
            return {}
        strings = self._bytes(_offset(tags[_STRINGS][0], segments), tags[_STRINGS_SIZE][0])

        def texts(tag: int) -> tuple[str, ...]:
            return tuple(os.fsdecode(strings[at : strings.index(b"\0", at)]) for at in tags.get(tag, ()))

        def directories(tag: int) -> tuple[str, ...]:
            return tuple(part for text in texts(tag) for part in text.split(":") if part)

        try:
            runpath = directories(_RUNPATH)
            return {
                "needed": texts(_NEEDED),
                "rpath": () if _RUNPATH in tags else directories(_RPATH),
                "runpath": runpath,
            }
        except ValueError as error:
            raise ElfError("a damaged ELF file: a name without an end") from error

    def _bytes(self, offset: int, length: int) -> bytes:
        if not 0 <= length <= _MOST_BYTES:
            raise ElfError(f"a damaged ELF file: a part of {length} bytes")
        content = os.pread(self._fd, length, offset)
        if len(content) != length:
            raise ElfError("a damaged ELF file: it ends too early")
        return content


def _of_kind(segments: list[tuple[int, int, int, int]], wanted: int) -> Iterator[tuple[int, int]]:
    """(offset, size) of the segments of a type."""
    return ((offset, size) for kind, offset, _, size in segments if kind == wanted)


def _offset(address: int, segments: list[tuple[int, int, int, int]]) -> int:
    """Where in the file an address of the memory image lies."""
    for kind, offset, start, size in segments:
        if kind == _LOAD and start <= address < start + size:
            return offset + address - start
    raise ElfError("a damaged ELF file: an address outside its segments")
