"""Copying a writable layer as it stands: owners, attributes, whiteouts, hard links and times."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from dockmagic.layers import depth, overlayfs

Table = Mapping[str, Any]


def duplicate(source: str, target: str, table: Table) -> dict[str, Any]:
    """Copy the tree ``source`` to ``target``, which does not exist yet.

    Args:
        source: a writable layer.
        target: where the copy goes.
        table: owners by the source's inode numbers.

    Returns:
        The same owners by the copy's inode numbers.

    Raises:
        UsageError: a directory lies too deep to be named.
    """
    links: dict[tuple[int, int], str] = {}
    renamed: dict[str, Any] = {}
    directories: list[str] = []
    pending = [""]
    while pending:
        directory = pending.pop()
        directories.append(directory)
        with os.scandir(f"{source}/{directory}" if directory else source) as entries:
            batch = list(entries)
        if not directory:
            _copy(source, target, links)
        for entry in batch:
            path = f"{directory}/{entry.name}" if directory else entry.name
            if not _copy(f"{source}/{path}", f"{target}/{path}", links):
                continue
            if str(entry.inode()) in table:
                renamed[str(os.lstat(f"{target}/{path}").st_ino)] = table[str(entry.inode())]
            if entry.is_dir(follow_symlinks=False):
                depth.refuse_cut(f"{source}/{path}", path)
                pending.append(path)
    for directory in reversed(directories):  # what was put into them changed their times
        found = os.lstat(f"{source}/{directory}")
        os.utime(f"{target}/{directory}", ns=(found.st_atime_ns, found.st_mtime_ns))
    return renamed


def _copy(source: str, target: str, links: dict[tuple[int, int], str]) -> bool:
    """Copy one entry; False for a socket, which is not copied."""
    found = os.lstat(source)
    mode = found.st_mode
    if stat.S_ISSOCK(mode):
        return False
    if overlayfs.is_whiteout(source, found):
        _whiteout(target)
        return True
    if not stat.S_ISDIR(mode) and found.st_nlink > 1:
        first = links.setdefault((found.st_dev, found.st_ino), target)
        if first != target:
            os.link(first, target, follow_symlinks=False)
            return True
    _make(source, target, found)
    with suppress(OSError):
        os.chown(target, found.st_uid, found.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(mode):
        _attributes(source, target)
        os.chmod(target, stat.S_IMODE(mode))
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns), follow_symlinks=False)
    return True


def _whiteout(target: str) -> None:
    """In the form that the file system of the copy allows."""
    parent, name = os.path.split(target)
    directory = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        overlayfs.make_whiteout(name, directory)
    finally:
        os.close(directory)


def _make(source: str, target: str, found: os.stat_result) -> None:
    mode = found.st_mode
    if stat.S_ISDIR(mode):
        os.mkdir(target, 0o700)
    elif stat.S_ISLNK(mode):
        os.symlink(os.readlink(source), target)
    elif stat.S_ISREG(mode):
        shutil.copyfile(source, target, follow_symlinks=False)
    else:
        os.mknod(target, mode, found.st_rdev)


def _attributes(source: str, target: str) -> None:
    for name in os.listxattr(source, follow_symlinks=False):
        value = overlayfs.attribute(source, name)
        if value is not None:
            with suppress(OSError):
                os.setxattr(target, name, value, follow_symlinks=False)
