"""Removing a tree without ever following a link out of it."""

from __future__ import annotations

import os
import stat

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(name: str, parent: int | None = None) -> None:
    """Remove a file, or a directory with everything below it; what is not there is fine.

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
    if stat.S_ISDIR(found.st_mode):
        _remove_directory(name, parent)
    else:
        os.unlink(name, dir_fd=parent)


def _remove_directory(name: str, parent: int | None) -> None:
    """Depth first with an explicit stack: trees of hostile depth end neither the recursion nor the descriptors."""
    top = os.open(name, _DIRECTORY, dir_fd=parent)
    try:
        device = os.fstat(top).st_dev
        _empty(top, device)
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=parent)


def _empty(top: int, device: int) -> None:
    """Empty a directory. A deep tree is flattened: a subdirectory that is not empty is moved up before it is entered."""
    count = 0
    while True:
        with os.scandir(top) as entries:
            batch = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        if not batch:
            return
        for name, is_directory in batch:
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
            if not is_directory:
                os.unlink(child, dir_fd=inner)
            elif not _try_rmdir(child, inner):
                while True:
                    count += 1
                    try:
                        os.rename(child, f".dm-removed-{count}", src_dir_fd=inner, dst_dir_fd=top)
                        break
                    except OSError as error:
                        if error.errno not in {17, 39}:  # EEXIST, ENOTEMPTY: the image has that name
                            raise
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=top)
    return count
