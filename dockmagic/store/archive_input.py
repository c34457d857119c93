"""What a user gives as an archive: a path or a binary stream, compressed or not, opened with care."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dockmagic.errors import ArchiveError
from dockmagic.layers.compression import Decompressed, Stream
from dockmagic.store.archive_medium import DirectoryMedium, Medium, TarMedium
from dockmagic.store.aside import Aside
from dockmagic.store.faults import told
from dockmagic.store.layout import Layout

_CHUNK = 1 << 20
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
# What grows by more is no archive of images (real ones reach 10), but meant to fill the disk.
_RATIO_LIMIT = 200
_RATIO_FREE = 1 << 30


Source = Path | str | Stream


class Given(io.RawIOBase):
    """A user's stream as a raw file, with a count of what was read from it."""

    def __init__(self, source: Stream) -> None:
        super().__init__()
        self._source = source
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            data = self._source.read(len(buffer))
        except OSError as error:
            raise _unreadable(error) from error
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)


@contextmanager
def given(source: Source) -> Iterator[Given]:
    """A path opened, a stream as it is.

    Raises:
        ArchiveError: the path is no regular file that can be read.
    """
    if not isinstance(source, str | Path):
        yield Given(source)
        return
    try:
        # A pipe without a writer would otherwise wait here for ever.
        fd = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(error) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise ArchiveError("the archive is no file", hint="give the path of a tar", detail=str(source))
    with os.fdopen(fd, "rb", buffering=0) as file:
        yield Given(file)


@contextmanager
def opened(source: Source, layout: Layout) -> Iterator[Medium]:
    """The files of an archive: an OCI layout directory, or a tar.

    Raises:
        ArchiveError: it is neither.
    """
    if isinstance(source, str | Path) and Path(source).is_dir():
        yield DirectoryMedium(Path(source))
        return
    with given(source) as stream, _seekable(source, stream, layout) as fd:
        try:
            yield TarMedium(fd)
        except OSError as error:
            # The store's own errors are no OSErrors, so this is the user's file.
            raise _unreadable(error) from error


@contextmanager
def _seekable(source: Source, stream: Given, layout: Layout) -> Iterator[int]:
    """A descriptor of the uncompressed tar: the user's own file where that will do, else a copy."""
    buffered = io.BufferedReader(stream, _CHUNK)
    plain = not buffered.peek(4).startswith(_COMPRESSED)
    if plain and isinstance(source, str | Path):
        with open(source, "rb", buffering=0) as file:  # noqa: PTH123 - of either type
            yield file.fileno()
        return
    with told(layout.tmp):
        spool = Aside(layout.tmp)
    with spool:
        _copy(Decompressed(buffered), stream, spool, layout)
        yield spool.fileno()


def _copy(tar: Stream, stream: Given, spool: Aside, layout: Layout) -> None:
    size = 0
    while data := tar.read(_CHUNK):
        size += len(data)
        if size > _RATIO_FREE and size > _RATIO_LIMIT * stream.count:
            raise ArchiveError(
                "the archive grows beyond measure when it is uncompressed", hint="it is no archive of images"
            )
        with told(layout.tmp):
            spool.write(data)


def _unreadable(error: OSError) -> ArchiveError:
    return ArchiveError("the archive cannot be read", hint=error.strerror or "", detail=str(error))
