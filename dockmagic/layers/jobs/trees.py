"""Jobs on whole trees: made, renamed, copied, measured and removed."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from contextlib import suppress
from errno import EEXIST, EINVAL, ENOTEMPTY
from typing import Any

from dockmagic.layers import duplicate as duplicating
from dockmagic.layers import removal
from dockmagic.layers import usage as using
from dockmagic.layers.jobs.arguments import Arguments, inside
from dockmagic.layers.overlayfs import OWNER
from dockmagic.syscalls.files import RENAME_NOREPLACE, renameat2


def remove(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{path}``: remove a tree; what is not there is fine."""
    removal.remove(inside(arguments["path"]))


def mkdir(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{paths, mode, owner}``: make directories, by default 0755 and root's, and their parents, 0711."""
    mode, (uid, gid) = int(arguments.get("mode", 0o755)), arguments.get("owner", (0, 0))
    for path in arguments["paths"]:
        parent = posixpath.dirname(inside(path))
        if parent:
            os.makedirs(parent, 0o711, exist_ok=True)
        os.mkdir(path, 0o755)
        if (uid, gid) != (0, 0) and arguments.get("single"):
            os.setxattr(path, OWNER, b"%d:%d" % (uid, gid))
        elif (uid, gid) != (0, 0):
            os.chown(path, uid, gid)
        os.chmod(path, mode)


def rename(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{src, dst}``: rename; where ``dst`` stands already it has the same content, and ``src`` is removed.

    A link at ``dst`` that leads nowhere, as to a shared store that has gone, is replaced.

    Returns:
        ``{"existed": …}``.
    """
    source, target = inside(arguments["src"]), inside(arguments["dst"])
    os.makedirs(posixpath.dirname(target), 0o711, exist_ok=True)
    if os.path.islink(target) and not os.path.exists(target):
        removal.remove(target)
    existed = not _renamed(source, target)
    if existed:
        removal.remove(source)
    return {"existed": existed}


def _renamed(source: str, target: str) -> bool:
    """Rename where nothing stands at ``target`` yet; whether that was so."""
    try:
        renameat2(source, target, flags=RENAME_NOREPLACE)
    except OSError as error:
        if error.errno == EEXIST:
            return False
        if error.errno != EINVAL:
            raise
    else:
        return True
    # NFS and some FUSE file systems know no flags. rename(2) refuses a directory that has something in it, should one come between.
    if os.path.lexists(target):
        return False
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno in {EEXIST, ENOTEMPTY}:
            return False
        raise
    return True


def point(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{path, targets}``: a link to the first of these directories, absolute paths, whose files have this scheme's ids.

    A directory at ``path`` stays, and so does a link that leads to one.
    """
    path = inside(arguments["path"])
    if os.path.isdir(path):
        return
    for target in arguments["targets"]:
        with suppress(OSError):
            # reachable from here, and its root is root's
            if os.stat(f"{target}/.").st_uid == os.geteuid():
                os.makedirs(posixpath.dirname(path), 0o711, exist_ok=True)
                removal.remove(path)
                os.symlink(target, path)
                return


def duplicate(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{src, dst}``: copy a writable layer, with owners, attributes, whiteouts and hard links; ``dst`` is new.

    Returns:
        The table of owners for the copy, where ``owners`` gave one for the source: inode numbers differ.
    """
    source, target = inside(arguments["src"]), inside(arguments["dst"])
    return {"owners": duplicating.duplicate(source, target, arguments.get("owners", {}))}


def usage(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{paths}``: bytes of regular files in each tree; see :func:`dockmagic.layers.usage.usage`."""
    return {"sizes": [using.usage(inside(path)) for path in arguments["paths"]]}
