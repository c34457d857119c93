"""The tar of a merged root file system: entries that are known already, content from the trees that they stand in.

A container may live and change its files meanwhile: a file is opened without following any link, is cut at the size that its entry
says, and is filled up with zeros where it got shorter, as GNU tar does; one that is gone is left out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import replace

from dockmagic.layers import depth
from dockmagic.layers.tar_writer import END, header, padding
from dockmagic.oci.changeset import Entry
from dockmagic.syscalls.files import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, openat2

_CHUNK = 1 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
Write = Callable[[bytes], object]


def flatten(entries: Iterable[tuple[str, Entry]], write: Write) -> None:
    """Write the tar; further names of a file are hard links to its first one.

    Args:
        entries: bytewise by path, each with the tree that it stands in, relative to the working directory; no hard links among
            them, for which names of a file are seen is known here only.
        write: gets the bytes.

    Raises:
        UsageError: a directory lies too deep for what stands in it to be named.
    """
    names: dict[tuple[int, int], str] = {}
    for tree, entry in entries:
        if entry.type == "file":
            _file(tree, entry, names, write)
        else:
            if entry.type == "dir":
                depth.refuse_cut(f"{tree}/{entry.path}", entry.path)
            write(header(entry))
    write(END)


def _file(tree: str, entry: Entry, names: dict[tuple[int, int], str], write: Write) -> None:
    try:
        file = _opened(tree, entry.path)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            return
        first = names.setdefault((status.st_dev, status.st_ino), entry.path)
        if first != entry.path:
            write(header(replace(entry, type="hardlink", size=0, linkname=first, xattrs={})))
            return
        write(header(entry))
        _content(file, entry.size, write)
    finally:
        os.close(file)


def _opened(tree: str, path: str) -> int:
    root = os.open(tree, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return openat2(path, _READ, resolve=RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, dir_fd=root)
    finally:
        os.close(root)


def _content(file: int, size: int, write: Write) -> None:
    left = size
    while left and (data := os.read(file, min(left, _CHUNK))):
        write(data)
        left -= len(data)
    while left:
        write(bytes(min(left, _CHUNK)))
        left -= min(left, _CHUNK)
    write(padding(size))
