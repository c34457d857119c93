"""A root file system of one's own where nothing can be mounted: layers copied together, and what was changed brought back.

Afterwards a writable layer stands as overlayfs would have left it, so that everything above knows no difference. What changed is told
by inode and change time, which nobody can set.
"""

from __future__ import annotations

import fcntl
import os
import posixpath
import shutil
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from dockmagic.layers import overlayfs, removal
from dockmagic.layers.stack import Found, Stack

_CLONE = 0x40049409  # FICLONE, ioctl_ficlone(2)


class Seen(NamedTuple):
    """How an entry stood."""

    inode: int
    changed: int
    mode: int


Record = Mapping[str, Seen]


def assemble(lowers: Sequence[str], target: str) -> None:
    """Copy the merged root of layers into a new directory.

    Args:
        lowers: directories in overlay form, top first.
        target: where to; made here.
    """
    stack = Stack(lowers)
    os.mkdir(target, 0o700)
    first: dict[tuple[int, int], str] = {}
    root = stack.lookup("")
    directories: list[tuple[str, int]] = []
    pending = [root] if root is not None else []
    while pending:
        directory = pending.pop()
        for child in stack.listdir(directory):
            path = f"{target}/{child.path}"
            if child.is_dir:
                os.mkdir(path, 0o700)
                _owner(child.real, path)
                directories.append((path, child.status.st_mode))
                pending.append(child)
            else:
                _copy(child, path, first)
    if root is not None:
        directories.append((target, root.status.st_mode))
    for path, mode in reversed(directories):
        os.chmod(path, stat.S_IMODE(mode) | stat.S_IRWXU)


def recorded(root: str) -> Record:
    """How every entry of a copy stands, by its path."""
    return dict(_walk(root))


def take_back(root: str, record: Record, upper: str, lowers: Sequence[str]) -> None:
    """Move what has changed in a copy into the writable layer, and remove the copy.

    Args:
        root: the copy, in which nothing runs any more.
        record: as :func:`recorded` gave it before anything ran there.
        upper: the writable layer, which may hold earlier changes.
        lowers: the layers below it, top first.
    """
    change = _Change(root, upper, Stack(lowers))
    now = dict(_walk(root))
    for path in record:
        if path not in now and posixpath.dirname(path) in {"", *now}:
            change.delete(path)
    for path, seen in now.items():
        before = record.get(path)
        if stat.S_ISDIR(seen.mode):
            change.directory(path, seen, before)
        elif before is None or (before.inode, before.changed) != (seen.inode, seen.changed):
            change.move(path)
    removal.remove(root)


class _Change:
    """Brings entries into a writable layer."""

    def __init__(self, root: str, upper: str, below: Stack) -> None:
        self._root = root
        self._upper = upper
        self._below = below

    def delete(self, path: str) -> None:
        """It is gone."""
        removal.remove(f"{self._upper}/{path}")
        if self._below.lookup(path, follow=False) is None:
            return
        parent = self._surface(posixpath.dirname(path))
        directory = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            overlayfs.make_whiteout(posixpath.basename(path), directory)
        finally:
            os.close(directory)

    def directory(self, path: str, seen: Seen, before: Seen | None) -> None:
        """A directory: new, another one in its place, or with another mode; its entries are told by themselves."""
        if before is None or before.inode != seen.inode:
            removal.remove(f"{self._upper}/{path}")
            self._surface(path)
            below = self._below.lookup(path, follow=False)
            if below is not None and below.is_dir:
                opened = os.open(f"{self._upper}/{path}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                overlayfs.make_opaque(opened)
                os.close(opened)
        elif before.mode != seen.mode:
            os.chmod(self._surface(path), stat.S_IMODE(seen.mode))

    def move(self, path: str) -> None:
        """A file, link or pipe that is new or changed."""
        if stat.S_ISSOCK(os.lstat(f"{self._root}/{path}").st_mode):
            return
        parent = self._surface(posixpath.dirname(path))
        removal.remove(f"{self._upper}/{path}")
        os.rename(f"{self._root}/{path}", f"{parent}/{posixpath.basename(path)}")

    def _surface(self, path: str) -> str:
        """A directory of the copy in the writable layer, with those above it."""
        target = f"{self._upper}/{path}" if path else self._upper
        if not path or os.path.isdir(target):
            return target
        self._surface(posixpath.dirname(path))
        removal.remove(target)  # what stood there was no directory
        os.mkdir(target, 0o700)
        source = f"{self._root}/{path}"
        _owner(source, target)
        os.chmod(target, stat.S_IMODE(os.lstat(source).st_mode))
        return target


def _walk(top: str) -> list[tuple[str, Seen]]:
    """Everything below a directory, parents first; a directory that its owner may not enter is opened for him."""
    found: list[tuple[str, Seen]] = []
    pending = [""]
    while pending:
        directory = pending.pop()
        here = f"{top}/{directory}" if directory else top
        mode = os.lstat(here).st_mode
        if mode & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(here, stat.S_IMODE(mode) | stat.S_IRWXU)
        with os.scandir(here) as entries:
            batch = sorted(entries, key=lambda entry: os.fsencode(entry.name))
        for entry in batch:
            path = f"{directory}/{entry.name}" if directory else entry.name
            status = entry.stat(follow_symlinks=False)
            found.append((path, Seen(status.st_ino, status.st_ctime_ns, status.st_mode)))
            if stat.S_ISDIR(status.st_mode):
                pending.append(path)
    return found


def _copy(found: Found, path: str, first: dict[tuple[int, int], str]) -> None:
    mode = found.status.st_mode
    if stat.S_ISLNK(mode):
        os.symlink(os.readlink(found.real), path)
        return
    if stat.S_ISFIFO(mode):
        os.mkfifo(path, stat.S_IMODE(mode))
        return
    if not stat.S_ISREG(mode):
        return
    key = (found.status.st_dev, found.status.st_ino)
    known = first.setdefault(key, path)
    if known != path:
        os.link(known, path)
        return
    _content(found.real, path)
    _owner(found.real, path)
    os.utime(path, ns=(found.status.st_atime_ns, found.status.st_mtime_ns))
    os.chmod(path, stat.S_IMODE(mode))


def _content(source: str, target: str) -> None:
    """A file's bytes, shared with the source where the file system can; a file that its owner may not read is copied all the same."""
    try:
        opened = open(source, "rb")  # noqa: SIM115 - closed below
    except PermissionError:
        mode = stat.S_IMODE(os.lstat(source).st_mode)
        os.chmod(source, mode | stat.S_IRUSR)
        opened = open(source, "rb")  # noqa: SIM115 - as above
        os.chmod(source, mode)
    with opened, open(target, "xb") as copy:
        try:
            fcntl.ioctl(copy.fileno(), _CLONE, opened.fileno())
        except OSError:
            shutil.copyfileobj(opened, copy, 1 << 20)


def _owner(source: str, target: str) -> None:
    """The recorded owner."""
    value = overlayfs.attribute(source, overlayfs.OWNER)
    if value is not None:
        with suppress(OSError):
            os.setxattr(target, overlayfs.OWNER, value)
