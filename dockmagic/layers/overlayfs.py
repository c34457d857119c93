"""How overlayfs, mounted with ``userxattr``, marks deletions on disk; Documentation/filesystems/overlayfs.rst.

A whiteout is a character device 0:0, or (Linux 6.7) an empty file with an attribute in a directory that says so: the form for
file systems on which an ordinary user may not make the device. A directory with an attribute is opaque.
"""

from __future__ import annotations

import errno
import os
import stat

PREFIX = "user.overlay."
OPAQUE = "user.overlay.opaque"
WHITEOUT = "user.overlay.whiteout"
ESCAPED = "user.overlay.overlay."
# what says something of the layer; the rest of PREFIX is overlayfs's own notes
MEANT = (OPAQUE, WHITEOUT, ESCAPED)
# the owner that an image gives a file, where only one id is mapped
OWNER = "user.dockmagic.owner"
_ABSENT = {errno.ENODATA, errno.EOPNOTSUPP, errno.EPERM, errno.EACCES}

Target = str | int


def attribute(target: Target, name: str) -> bytes | None:
    """An extended attribute of a file or directory (never of what a link points to), None where there is none."""
    try:
        return os.getxattr(target, name, follow_symlinks=isinstance(target, int))
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise


def keeps_attributes(path: str) -> bool:
    """Whether the file system there has ``user.*`` attributes; memory has none before Linux 6.6."""
    try:
        os.getxattr(path, OWNER, follow_symlinks=False)
    except OSError as error:
        return error.errno != errno.EOPNOTSUPP
    return True


def is_whiteout(path: str, found: os.stat_result) -> bool:
    """Whether the entry at ``path`` deletes what is below."""
    if stat.S_ISCHR(found.st_mode):
        return found.st_rdev == 0
    if not stat.S_ISREG(found.st_mode) or found.st_size:
        return False
    parent = os.path.dirname(path) or "."
    return attribute(parent, OPAQUE) == b"x" and attribute(path, WHITEOUT) is not None


def is_opaque(path: str) -> bool:
    """Whether the directory at ``path`` hides what is below."""
    return attribute(path, OPAQUE) == b"y"


def make_opaque(directory: int) -> None:
    """Mark an open directory as hiding what is below."""
    os.setxattr(directory, OPAQUE, b"y")


def make_whiteout(name: str, parent: int) -> None:
    """Put a whiteout called ``name`` into an open directory."""
    try:
        os.mknod(name, stat.S_IFCHR, 0, dir_fd=parent)
    except PermissionError:
        # Its attribute can be set and read by whom its mode lets, if he is not root.
        file = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=parent)
        try:
            os.setxattr(file, WHITEOUT, b"")
        finally:
            os.close(file)
        if attribute(parent, OPAQUE) != b"y":
            os.setxattr(parent, OPAQUE, b"x")


def parse_owner(value: bytes | None) -> tuple[int, int] | None:
    """The owner that the attribute says, None where it says nothing that makes sense: a container can write it itself."""
    if value is None or len(value) > 11:  # noqa: PLR2004 - two numbers of 5 digits
        return None
    uid, _, gid = value.partition(b":")
    if not (uid.isdigit() and gid.isdigit()):
        return None
    owner = int(uid), int(gid)
    return owner if max(owner) < 1 << 16 else None
