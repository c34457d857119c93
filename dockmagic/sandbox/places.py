"""Mount points in a hostile tree: found from a descriptor of the new root, without links, and made when missing.

A kernel file system goes on a plain directory only; a file of ours or a volume may be reached by the image's links, as long as
they stay in the root's own file system (CVE-2021-30465, CVE-2023-27561, CVE-2024-9341).
"""

from __future__ import annotations

import os
import stat
from errno import EACCES, EINVAL, ELOOP, ENOTDIR, EXDEV

from dockmagic.syscalls import files, mounts

PLAIN = files.RESOLVE_BENEATH | files.RESOLVE_NO_SYMLINKS | files.RESOLVE_NO_MAGICLINKS
WITHIN = files.RESOLVE_IN_ROOT | files.RESOLVE_NO_MAGICLINKS | files.RESOLVE_NO_XDEV

_NULL = (1, 3)


def attach(mount: int, target: int) -> None:
    """Attach a detached mount; closes both descriptors."""
    try:
        mounts.move_mount(mount, target)
    finally:
        os.close(mount)
        os.close(target)


def copy_of(path: str) -> int:
    """A detached copy of the mount at an absolute path of the host, with all below it; no part of the path may be a link.

    The path was resolved before; a link that has come into it since would lead elsewhere.

    Raises:
        OSError: ELOOP for a link.
    """
    found = files.openat2(path, os.O_PATH, resolve=files.RESOLVE_NO_SYMLINKS)
    try:
        return mounts.open_tree("", dir_fd=found, recursive=True)
    finally:
        os.close(found)


def plain_directory(root: int, path: str) -> int:
    """A mount point that must be a plain directory on plain directories; made when missing."""
    return make_place(root, path, directory=True, resolve=PLAIN)


def make_place(root: int, path: str, *, directory: bool, resolve: int = WITHIN) -> int:
    """A mount point in the root, as an O_PATH descriptor; made when missing, with the directories above it.

    Raises:
        OSError: it is of the other kind, or its path is not allowed.
    """
    flags = os.O_PATH | (os.O_DIRECTORY if directory else 0)
    for _ in (*path.split("/"), ""):
        try:
            found = files.openat2(path, flags, resolve=resolve, dir_fd=root)
        except FileNotFoundError:
            _make_deepest(root, path, directory=directory, resolve=resolve)
            continue
        except OSError as error:
            if error.errno in {ELOOP, ENOTDIR, EXDEV}:
                raise OSError(error.errno, "must be an ordinary directory, and no link", "/" + path) from error
            raise
        if directory != stat.S_ISDIR(os.fstat(found).st_mode):
            raise OSError(EINVAL, "must be an ordinary file", "/" + path)
        return found
    raise OSError(EACCES, "the mount point cannot be made", "/" + path)


def _make_deepest(root: int, path: str, *, directory: bool, resolve: int) -> None:
    """Make the first component that is missing."""
    parts = path.split("/")
    parent = os.dup(root)
    for depth in range(len(parts)):
        try:
            below = files.openat2("/".join(parts[: depth + 1]), os.O_PATH, resolve=resolve, dir_fd=root)
        except FileNotFoundError:
            if depth < len(parts) - 1 or directory:
                os.mkdir(parts[depth], 0o755, dir_fd=parent)
            else:
                os.close(os.open(parts[depth], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=parent))
            os.close(parent)
            return
        os.close(parent)
        parent = below
    os.close(parent)


def is_device(descriptor: int, numbers: tuple[int, int]) -> bool:
    """It is open on the character device with these numbers."""
    found = os.fstat(descriptor)
    return stat.S_ISCHR(found.st_mode) and (os.major(found.st_rdev), os.minor(found.st_rdev)) == numbers


def is_masked(descriptor: int) -> bool:
    """It is the null device, or an empty directory that cannot be written."""
    if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
        return is_device(descriptor, _NULL)
    if not os.fstatvfs(descriptor).f_flag & os.ST_RDONLY:
        return False
    readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=descriptor)
    try:
        return not os.listdir(readable)  # noqa: PTH208 - no pathlib here
    finally:
        os.close(readable)


def look(root: int, path: str) -> int | None:
    """What is there now, mounts and all, without links; None for nothing."""
    try:
        return files.openat2(path, os.O_PATH, resolve=PLAIN, dir_fd=root)
    except FileNotFoundError:
        return None


def at(directory: int, name: str) -> int:
    """An O_PATH descriptor of an entry, itself if it is a link."""
    return os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=directory)
