"""Mount points in a hostile tree: found from a descriptor of the new root, without links, and made when missing.

A kernel file system goes on a plain directory only; a file of ours or a volume may be reached by the image's links, as long as
they stay in the root's own file system (CVE-2021-30465, CVE-2023-27561, CVE-2024-9341).
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from errno import EACCES, EINVAL, ELOOP, ENOTDIR, EXDEV

from dockmagic.syscalls import files, mounts

PLAIN = files.RESOLVE_BENEATH | files.RESOLVE_NO_SYMLINKS | files.RESOLVE_NO_MAGICLINKS
WITHIN = files.RESOLVE_IN_ROOT | files.RESOLVE_NO_MAGICLINKS | files.RESOLVE_NO_XDEV

_NULL = (1, 3)
_LINKS = 40


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


def make_place(root: int, path: str, *, directory: bool, resolve: int = WITHIN, made: list[str] | None = None) -> int:
    """A mount point in the root, as an O_PATH descriptor; made when missing, with the directories above it.

    Args:
        root: descriptor of the root.
        path: of the mount point, relative to it.
        directory: what it must be, else a file.
        resolve: for openat2(2).
        made: gets the real paths, relative to the root, of what was missing.

    Raises:
        OSError: it is of the other kind, or its path is not allowed.
    """
    flags = os.O_PATH | (os.O_DIRECTORY if directory else 0)
    for _ in range(path.count("/") + 2 + _LINKS):
        try:
            found = files.openat2(path, flags, resolve=resolve, dir_fd=root)
        except FileNotFoundError:
            name, path = _make_deepest(root, path, directory=directory, resolve=resolve)
            if made is not None and name:
                made.append(name)
            continue
        except OSError as error:
            if error.errno in {ELOOP, ENOTDIR, EXDEV}:
                raise OSError(error.errno, "must be an ordinary directory, and no link", "/" + path) from error
            raise
        if directory != stat.S_ISDIR(os.fstat(found).st_mode):
            raise OSError(EINVAL, "must be an ordinary file", "/" + path)
        return found
    raise OSError(EACCES, "the mount point cannot be made", "/" + path)


def _make_deepest(root: int, path: str, *, directory: bool, resolve: int) -> tuple[str, str]:
    """Make the first component that is missing.

    Returns:
        The real path of what was made, and the path to go on with. Where a link leads to nothing, nothing is made yet and the
        path goes where the link does.
    """
    parts = path.split("/")
    parent = os.dup(root)
    for depth in range(len(parts)):
        try:
            below = files.openat2("/".join(parts[: depth + 1]), os.O_PATH, resolve=resolve, dir_fd=root)
        except FileNotFoundError:
            above = _real_path(parent, root)
            try:
                _make(parent, parts[depth], directory=depth < len(parts) - 1 or directory)
            except FileExistsError:
                if resolve & files.RESOLVE_NO_SYMLINKS:
                    raise
                link = os.readlink(parts[depth], dir_fd=parent)
                return "", "/".join([link.lstrip("/") if link.startswith("/") else above + link, *parts[depth + 1 :]])
            finally:
                os.close(parent)
            return above + parts[depth], path
        os.close(parent)
        parent = below
    os.close(parent)
    return "", path


def _make(parent: int, name: str, *, directory: bool) -> None:
    if directory:
        os.mkdir(name, 0o755, dir_fd=parent)
    else:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=parent))


def _real_path(directory: int, root: int) -> str:
    """Where a directory below the root is, as seen from there: "" for the root, else with a slash at the end."""
    top, below = (os.readlink(f"/proc/self/fd/{fd}") for fd in (root, directory))  # noqa: PTH115 - as above
    inner = below[len(top) :].strip("/")
    return f"{inner}/" if inner else ""


def remove_places(upper: str, made: list[str]) -> None:
    """Take mount points that were made out of a writable layer again, as far as they are empty.

    Whatever a container has put in their place is looked at without following links.

    Args:
        upper: the writable layer.
        made: as :func:`make_place` gave them.
    """
    top = os.open(upper, os.O_PATH | os.O_DIRECTORY)
    for path in reversed(made):
        parent, _, name = path.rpartition("/")
        with suppress(OSError):
            above = files.openat2(parent or ".", os.O_PATH | os.O_DIRECTORY, resolve=PLAIN, dir_fd=top)
            try:
                _remove_empty(above, name)
            finally:
                os.close(above)
    os.close(top)


def _remove_empty(directory: int, name: str) -> None:
    found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if stat.S_ISDIR(found.st_mode):
        os.rmdir(name, dir_fd=directory)
    elif stat.S_ISREG(found.st_mode) and not found.st_size:
        os.unlink(name, dir_fd=directory)


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
