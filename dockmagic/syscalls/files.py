"""Calls on files that ``os`` lacks: openat2(2), renameat2(2), syncfs(2), close_range(2)."""

from __future__ import annotations

import os
import struct

from dockmagic.syscalls.call import AT_FDCWD, call

RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10

RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2
RENAME_WHITEOUT = 4

_OPEN_HOW = struct.Struct("=QQQ")
_LAST_DESCRIPTOR = 0xFFFFFFFF
# Of openat2(2): a rename anywhere on the machine, at the moment of a "..", makes it say "again".
_RACES = 1000


def openat2(path: str | bytes, flags: int, *, mode: int = 0, resolve: int = 0, dir_fd: int = AT_FDCWD) -> int:
    """Open with restricted path resolution, close-on-exec.

    Args:
        path: relative to ``dir_fd``; with RESOLVE_IN_ROOT an absolute one too.
        flags: ``os.O_*``; unknown ones are EINVAL.
        mode: of a new file, with O_CREAT only.
        resolve: ``RESOLVE_*``.
        dir_fd: a directory's descriptor, or AT_FDCWD.

    Raises:
        OSError: ELOOP or EXDEV where the restriction bites; EAGAIN when renames, which may be anybody's, kept racing with ``..``.
    """
    how = _OPEN_HOW.pack(flags | os.O_CLOEXEC, mode, resolve)
    for _ in range(_RACES):
        try:
            return call("openat2", dir_fd, os.fsencode(path), how, len(how), path=path)
        except BlockingIOError:
            continue
    return call("openat2", dir_fd, os.fsencode(path), how, len(how), path=path)


def renameat2(
    source: str | bytes,
    target: str | bytes,
    *,
    flags: int = 0,
    source_fd: int = AT_FDCWD,
    target_fd: int = AT_FDCWD,
) -> None:
    """Rename with flags.

    Args:
        source: relative to ``source_fd``.
        target: relative to ``target_fd``.
        flags: ``RENAME_*``; with RENAME_NOREPLACE an existing target is FileExistsError.
        source_fd: a directory's descriptor, or AT_FDCWD.
        target_fd: a directory's descriptor, or AT_FDCWD.

    Raises:
        OSError: as rename(2); EINVAL where the file system does not know the flag.
    """
    call("renameat2", source_fd, os.fsencode(source), target_fd, os.fsencode(target), flags, path=source)


def syncfs(descriptor: int) -> None:
    """Write everything of the file system that ``descriptor`` is on to its disk."""
    call("syncfs", descriptor)


def close_range(first: int, last: int = _LAST_DESCRIPTOR) -> None:
    """Close all descriptors from ``first`` to ``last``; Linux 5.9."""
    call("close_range", first, last, 0)
