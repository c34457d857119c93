"""Files of this machine that an image is made of: known when planned, and still the same when copied."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dockmagic.errors import DockmagicError

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A regular file of this machine.

    Attributes:
        path: absolute; one of its names.
        identity: (device, inode): the same for all names of a file.
        size: in bytes.
        state: what changes when the content does.
        executable: its owner may execute it.
    """

    path: str = field(compare=False)
    identity: tuple[int, int]
    size: int
    state: tuple[int, ...]
    executable: bool


@contextmanager
def opened(path: str) -> Iterator[tuple[int, Source]]:
    """A file, links followed, open for reading.

    Raises:
        DockmagicError: it cannot be read, or is no regular file.
    """
    try:
        # NONBLOCK: somebody's FIFO would wait for a writer
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    try:
        yield fd, _described(fd, path)
    finally:
        os.close(fd)


def chunks(source: Source) -> Iterator[bytes]:
    """The content, exactly as many bytes as the source says.

    Raises:
        DockmagicError: it cannot be read, or is not what it was.
    """
    with opened(source.path) as (fd, now):
        left = source.size
        while now.state == source.state and left:
            data = _read(fd, min(left, _CHUNK), source.path)
            if not data:
                break
            left -= len(data)
            yield data
        if left or _described(fd, source.path).state != source.state:
            raise DockmagicError(
                "a file of this machine changed while it was copied into an image",
                hint="run the cell again when the update of this machine's software has ended",
                detail=source.path,
            )


def _read(fd: int, size: int, path: str) -> bytes:
    try:
        return os.read(fd, size)
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error


def _described(fd: int, path: str) -> Source:
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise _unreadable(path, "not a regular file")
    return Source(
        path=path,
        identity=(found.st_dev, found.st_ino),
        size=found.st_size,
        state=(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns),
        executable=bool(found.st_mode & 0o100),
    )


def _unreadable(path: str, reason: str) -> DockmagicError:
    return DockmagicError(
        "a file of this machine that an image is made of cannot be read",
        hint="its permissions should let everyone read it, as its package installs it",
        detail=f"{path}: {reason}",
    )
