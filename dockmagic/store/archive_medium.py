"""Where the files of an image archive are read from: a directory, or a tar that is indexed once.

Nothing is extracted. Names are those in the archive; links in a tar are followed within it.
"""

from __future__ import annotations

import io
import os
import posixpath
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from dockmagic.errors import ArchiveError
from dockmagic.layers.tar_reader import TarReader

_CHUNK = 1 << 20
_ENTRY_LIMIT = 100_000
_LINK_LIMIT = 10


class Medium(Protocol):
    """Files by name."""

    def has(self, name: str) -> bool:
        """Whether there is a regular file of that name."""
        ...

    def open(self, name: str) -> BinaryIO:
        """The file's content; the caller closes it.

        Raises:
            ArchiveError: there is none.
        """
        ...


def read_limited(medium: Medium, name: str, limit: int) -> bytes:
    """A small file whole.

    Raises:
        ArchiveError: there is none, or it is larger than ``limit`` bytes.
    """
    with medium.open(name) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ArchiveError(f"{name} in the archive is larger than {limit >> 20} MiB")
    return content


class DirectoryMedium:
    """The files of an OCI layout directory."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def has(self, name: str) -> bool:
        """Whether there is a regular file of that name."""
        try:
            self.open(name).close()
        except ArchiveError:
            return False
        return True

    def open(self, name: str) -> BinaryIO:
        """The file; links as its last part, devices and pipes are refused.

        Raises:
            ArchiveError: it is not there or no regular file.
        """
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            fd = os.open(self._path / name, flags)
        except OSError as error:
            raise _absent(name, error.strerror or "") from error
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise _absent(name, "no regular file")
        return os.fdopen(fd, "rb")


@dataclass(frozen=True, slots=True)
class _Member:
    """A file in a tar: where its content begins and its bytes; or what it links to."""

    offset: int
    size: int
    link: str = ""


class TarMedium:
    """The members of a tar.

    Args:
        fd: descriptor of the uncompressed tar, a regular file; it stays the caller's.

    Raises:
        ArchiveError: it is no tar, or damaged.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._members = _index(fd)

    def has(self, name: str) -> bool:
        """Whether there is a regular file of that name, links followed."""
        return self._find(name) is not None

    def open(self, name: str) -> BinaryIO:
        """The member's content.

        Raises:
            ArchiveError: there is no such member.
        """
        member = self._find(name)
        if member is None:
            raise _absent(name, "no such member")
        return io.BufferedReader(_Window(self._fd, member.offset, member.size), _CHUNK)

    def _find(self, name: str) -> _Member | None:
        name = posixpath.normpath(name)
        for _ in range(_LINK_LIMIT):
            member = self._members.get(name)
            if member is None or not member.link:
                return member
            name = member.link
        return None


class _Window(io.RawIOBase):
    """A part of a file, read at its own position."""

    def __init__(self, fd: int, offset: int, size: int) -> None:
        super().__init__()
        self._fd = fd
        self._position = offset
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        view = memoryview(buffer)[: self._left]
        count = os.preadv(self._fd, [view], self._position) if view else 0
        self._position += count
        self._left -= count
        return count


class _Counting:
    """A file read at its own position, which is known."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.position = 0

    def read(self, size: int, /) -> bytes:
        parts = []
        while size > 0 and (data := os.pread(self._fd, min(size, _CHUNK), self.position)):
            parts.append(data)
            self.position += len(data)
            size -= len(data)
        return b"".join(parts)


def _index(fd: int) -> dict[str, _Member]:
    stream = _Counting(fd)
    members: dict[str, _Member] = {}
    for entry in TarReader(stream):
        name = posixpath.normpath(entry.path)
        match entry.type:
            case "file":
                members[name] = _Member(stream.position, entry.size)
            case "hardlink":
                members[name] = _Member(0, 0, posixpath.normpath(entry.linkname))
            case "symlink":
                members[name] = _Member(0, 0, _within(posixpath.dirname(name), entry.linkname))
            case _:
                continue
        if len(members) > _ENTRY_LIMIT:
            raise ArchiveError(f"the archive has more than {_ENTRY_LIMIT:,} members and holds no images")
    return members


def _within(directory: str, target: str) -> str:
    """A link's target as a member's name; ``..`` ends at the archive's root."""
    return posixpath.normpath(posixpath.join("/", directory, target)).lstrip("/")


def _absent(name: str, why: str) -> ArchiveError:
    return ArchiveError(
        f"the archive has no file {name[:120]!r}",
        hint="it is damaged or incomplete: make or fetch it again",
        detail=why,
    )
