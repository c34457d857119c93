"""Making what an entry says under a name in an open directory, where nothing has that name."""

from __future__ import annotations

import os
from collections.abc import Iterable

from dockmagic.layers import attributes
from dockmagic.layers.sparse import ZEROS
from dockmagic.oci.changeset import Entry

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def new_file(name: str, parent: int) -> int:
    """The descriptor of a new, empty file.

    Raises:
        FileExistsError: something has that name, be it a link to nothing.
    """
    return os.open(name, _NEW, 0o600, dir_fd=parent)


def fill(file: int, entry: Entry, content: Iterable[bytes], *, single: bool) -> None:
    """Give a new file its content, owner, mode, attributes and time. What is nothing but zeros becomes a hole."""
    hole = False
    for chunk in content:
        hole = chunk[:1] == b"\0" and chunk == ZEROS[: len(chunk)]
        if hole:
            os.lseek(file, len(chunk), os.SEEK_CUR)
        else:
            write_all(file, chunk)
    if hole:
        os.ftruncate(file, os.lseek(file, 0, os.SEEK_CUR))
    attributes.own("", -1, entry, single=single, descriptor=file)
    os.fchmod(file, entry.mode)
    attributes.put(file, entry)
    os.utime(file, (entry.mtime, entry.mtime))


def write_all(file: int, data: bytes) -> None:
    """Write at the file's position, however many calls it takes."""
    done = os.write(file, data)
    while done < len(data):
        done += os.write(file, memoryview(data)[done:])


def symlink(entry: Entry, name: str, parent: int, *, single: bool) -> None:
    """Make a symbolic link."""
    os.symlink(entry.linkname, name, dir_fd=parent)
    attributes.own(name, parent, entry, single=single)
    os.utime(name, (entry.mtime, entry.mtime), dir_fd=parent, follow_symlinks=False)


def fifo(entry: Entry, name: str, parent: int, *, single: bool) -> None:
    """Make a pipe."""
    os.mkfifo(name, 0o600, dir_fd=parent)
    attributes.own(name, parent, entry, single=single)
    os.chmod(name, entry.mode, dir_fd=parent)


def dress(entry: Entry, name: str, parent: int, *, single: bool) -> None:
    """Give a directory that is there its owner, mode and attributes."""
    directory = os.open(name, _DIRECTORY, dir_fd=parent)
    try:
        attributes.own(name, parent, entry, single=single, descriptor=directory)
        os.fchmod(directory, entry.mode)
        attributes.put(directory, entry)
    finally:
        os.close(directory)
