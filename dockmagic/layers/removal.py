"""Removing a tree without ever following a link out of it."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

_TRIES = 100
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(name: str, parent: int | None = None) -> None:
    """Remove a file, or a directory with everything below it; what is not there is fine, also what another remover takes meanwhile.

    Args:
        name: relative to ``parent``, or to the working directory.
        parent: an open directory.

    Raises:
        OSError: something could not be removed.
    """
    try:
        found = os.lstat(name, dir_fd=parent) if parent is not None else os.lstat(name)
    except FileNotFoundError:
        return
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(found.st_mode):
            _remove_directory(name, parent)
        else:
            os.unlink(name, dir_fd=parent)


def _remove_directory(name: str, parent: int | None) -> None:
    """Depth first with an explicit stack: trees of hostile depth end neither the recursion nor the descriptors."""
    top = os.open(name, _DIRECTORY, dir_fd=parent)
    try:
        device = os.fstat(top).st_dev
        for left in reversed(range(_TRIES)):
            _empty(top, device)
            try:
                os.rmdir(name, dir_fd=parent)
            except OSError as error:
                if error.errno != errno.ENOTEMPTY or not left:
                    raise
            else:
                return  # no other remover moved anything up since it was empty
    finally:
        os.close(top)


def _empty(top: int, device: int) -> None:
    """Empty a directory. A deep tree is flattened: a subdirectory that is not empty is moved up before it is entered."""
    count = 0
    while True:
        with os.scandir(top) as entries:
            batch = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        if not batch:
            return
        for name, is_directory in batch:
            with suppress(FileNotFoundError):
                if not is_directory:
                    os.unlink(name, dir_fd=top)
                elif not _try_rmdir(name, top):
                    count = _lift(name, top, device, count)


def _try_rmdir(name: str, parent: int) -> bool:
    try:
        os.rmdir(name, dir_fd=parent)
    except OSError:
        return False
    return True


def _lift(name: str, top: int, device: int, count: int) -> int:
    """Remove a subdirectory's files, and move its directories up into ``top`` under names of ours."""
    inner = os.open(name, _DIRECTORY, dir_fd=top)
    try:
        if os.fstat(inner).st_dev != device:
            raise OSError(16, "a mount point stands in the tree", name)
        os.fchmod(inner, 0o700)
        with os.scandir(inner) as entries:
            batch = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for child, is_directory in batch:
            with suppress(FileNotFoundError):
                if not is_directory:
                    os.unlink(child, dir_fd=inner)
                elif not _try_rmdir(child, inner):
                    count = _move_up(child, inner, top, count)
    finally:
        os.close(inner)
    try:
        os.rmdir(name, dir_fd=top)
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:  # another remover has moved something here: the next look finds it
            raise
    return count


def _move_up(name: str, directory: int, top: int, count: int) -> int:
    while True:
        count += 1
        try:
            os.rename(name, f".dm-removed-{count}", src_dir_fd=directory, dst_dir_fd=top)
        except OSError as error:
            if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:  # the image has that name
                raise
        else:
            return count
