"""Where an archive of images goes: a tar in a file, a tar into a stream or pipe, or a directory.

A file or directory is written under another name beside it and renamed when it is whole.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dockmagic.errors import ArchiveError
from dockmagic.layers.compression import Stream
from dockmagic.layers.tar_writer import END, header, padding
from dockmagic.oci.changeset import Entry

_CHUNK = 1 << 20
_FILE_MODE, _DIRECTORY_MODE = 0o644, 0o755
Write = Callable[[bytes], None]


class Writable(Protocol):
    """A binary stream; a raw one may take less than it was given and say how much."""

    def write(self, data: bytes, /) -> int | None: ...


Target = Path | str | Writable


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file of an archive.

    Attributes:
        name: its path there.
        size: in bytes.
        opened: gives its content.
    """

    name: str
    size: int
    opened: Callable[[], AbstractContextManager[Stream]]


def write_tar(parts: list[Part], target: Target) -> None:
    """Write a tar of the parts in their order, with the directories that they need; equal parts give equal bytes.

    Raises:
        ArchiveError: the target cannot be written.
    """
    with written(target) as write:
        for directory in _directories(parts):
            write(header(Entry(path=directory, type="dir", mode=_DIRECTORY_MODE)))
        for part in parts:
            write(header(Entry(path=part.name, type="file", mode=_FILE_MODE, size=part.size)))
            copied(part, write)
            write(padding(part.size))
        write(END)


def write_directory(parts: list[Part], target: Path) -> None:
    """Write the parts as files below a directory, which is new or empty.

    Raises:
        ArchiveError: the directory cannot be written, or holds something.
    """
    aside = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        with told():
            aside.mkdir(mode=_DIRECTORY_MODE)
        for part in parts:
            path = aside / part.name
            with told():
                path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            with written(path) as write:
                copied(part, write)
        with told():
            aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def written(target: Target) -> Iterator[Write]:
    """What writes all of its argument to the target; a file gets its name when the block ends without an error.

    Raises:
        ArchiveError: the target cannot be written.
    """
    if not isinstance(target, str | Path):
        yield _into(target)
        return
    path = Path(target)
    with told():
        special = path.exists() and not path.is_file()
    if special:
        # a pipe or a device; a directory fails here
        with told():
            fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            yield _into_descriptor(fd)
        finally:
            os.close(fd)
        return
    with _replaced(path) as fd:
        yield _into_descriptor(fd)


@contextmanager
def _replaced(path: Path) -> Iterator[int]:
    # what a link names is replaced, not the link
    path = path.resolve()
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with told():
        fd = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        yield fd
        with told():
            if path.exists():
                os.fchmod(fd, stat.S_IMODE(path.stat().st_mode))
            aside.rename(path)
    finally:
        os.close(fd)
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def _into_descriptor(fd: int) -> Write:
    def write(data: bytes) -> None:
        view = memoryview(data)
        with told():
            while view:
                view = view[os.write(fd, view) :]

    return write


def _into(stream: Writable) -> Write:
    def write(data: bytes) -> None:
        view = memoryview(data)
        with told():
            while view:
                count = stream.write(bytes(view) if len(view) != len(data) else data)
                view = view[len(view) if count is None else count :]

    return write


@contextmanager
def told() -> Iterator[None]:
    """Say of a target what the system says.

    Raises:
        ArchiveError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise ArchiveError("the archive cannot be written", hint=error.strerror or "", detail=str(error)) from error


def copied(part: Part, write: Write) -> None:
    """Write a part's content.

    Raises:
        ArchiveError: it has another size than the part says.
    """
    with part.opened() as stream:
        left = part.size
        while data := stream.read(min(_CHUNK, left + 1)):
            left -= len(data)
            if left < 0:
                break
            write(data)
    if left:
        raise ArchiveError("content has another size than the image says", detail=part.name)


def _directories(parts: list[Part]) -> list[str]:
    found = {str(parent) for part in parts for parent in Path(part.name).parents} - {"."}
    return sorted(found)
