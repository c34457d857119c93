"""An interpreter that no container can write to, even where the user owns it.

For a moment between pivot_root(2) and the execve, ``/proc/self/exe`` in a container is the host's Python. An image whose program is
``#!/proc/self/exe`` gets hold of that file (CVE-2019-5736); if the user owns it, root of the container does. So the launcher runs from a
read-only mount of it, made in its own mount namespace, and a descriptor from that mount can never be opened for writing.

Standard library only, and no ``typing``.
"""

from __future__ import annotations

import os
import sys
from errno import EROFS

from dockmagic.syscalls import mounts


def is_needed() -> bool:
    """The interpreter's file belongs to this user, or can be written by it. To be asked outside of user namespaces."""
    path = os.path.realpath(sys.executable)
    return os.stat(path).st_uid == os.geteuid() or os.access(path, os.W_OK)  # noqa: PTH116


def run_again(words: list[str], descriptors: list[int]) -> None:
    """Cover the interpreter by a read-only mount of itself and execute it again; returns only by raising.

    Args:
        words: further arguments of the command line.
        descriptors: to be kept open.

    Raises:
        OSError: the mount cannot be made, or the program not executed.
    """
    path = os.path.realpath(sys.executable)
    tree = mounts.open_tree(path)
    mounts.mount_setattr(tree, add=mounts.RDONLY | mounts.NOSUID | mounts.NODEV)
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    mounts.move_mount(tree, place)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)  # noqa: FBT003 - the standard library's way
    os.execv(sys.executable, [*sys.orig_argv, *words])  # noqa: S606 - ourselves


def check() -> None:
    """We run from a read-only mount.

    Raises:
        OSError: we do not.
    """
    if not os.statvfs("/proc/self/exe").f_flag & os.ST_RDONLY:
        raise OSError(EROFS, "the interpreter is not on a read-only mount", sys.executable)
