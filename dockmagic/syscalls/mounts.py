"""Mounting: the file-descriptor based calls (Linux 5.2, mount_setattr 5.12) and the three old ones.

A mount made by ``fsmount`` or ``open_tree`` is detached: nobody sees it until ``move_mount`` attaches it, and it is gone when its
last descriptor is closed.
"""

from __future__ import annotations

import os
import struct

from dockmagic.syscalls.call import AT_FDCWD, call

# linux/mount.h: attributes of a mount
RDONLY = 0x1
NOSUID = 0x2
NODEV = 0x4
NOEXEC = 0x8
IDMAP = 0x100000

# sys/mount.h: flags of mount(2)
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MS_SLAVE = 0x80000

_OPEN_CLOEXEC = 0o2000000
_TREE_CLONE = 1
_TREE_RECURSIVE = 0x8000
_EMPTY_PATH = 0x1000
_FROM_DESCRIPTOR = 0x04
_TO_DESCRIPTOR = 0x40
_SET_FLAG, _SET_STRING, _CREATE = 0, 1, 6
_DETACH = 2
_ATTRIBUTES = struct.Struct("=QQQQ")
# mount(2) takes one page of options and cuts the rest off without an error.
OPTIONS_LIMIT = 4095


def fsopen(kind: str) -> int:
    """Begin to configure a new file system of ``kind``; a descriptor for ``fsconfig_*`` and ``fsmount``."""
    return call("fsopen", kind.encode(), 1, path=kind)


def fsconfig_string(context: int, key: str, value: str) -> None:
    """Set an option that has a value, at most 255 bytes of it."""
    call("fsconfig", context, _SET_STRING, key.encode(), os.fsencode(value), 0, path=f"{key}={value}")


def fsconfig_flag(context: int, key: str) -> None:
    """Set an option that has none."""
    call("fsconfig", context, _SET_FLAG, key.encode(), None, 0, path=key)


def fsconfig_create(context: int) -> None:
    """Make the file system as it was configured."""
    call("fsconfig", context, _CREATE, None, None, 0)


def fsmount(context: int, attributes: int) -> int:
    """A detached mount of what ``context`` made, as a descriptor of its root."""
    return call("fsmount", context, 1, attributes)


def new_mount(kind: str, options: dict[str, str | None], attributes: int) -> int:
    """Make a file system and a detached mount of it.

    Args:
        kind: as in /proc/filesystems.
        options: to values, or to None for a flag.
        attributes: ``RDONLY`` and so on, or'ed.

    Returns:
        A descriptor of its root.
    """
    context = fsopen(kind)
    try:
        for key, value in options.items():
            if value is None:
                fsconfig_flag(context, key)
            else:
                fsconfig_string(context, key, value)
        fsconfig_create(context)
        return fsmount(context, attributes)
    finally:
        os.close(context)


def open_tree(path: str, *, dir_fd: int = AT_FDCWD, recursive: bool = False) -> int:
    """A detached copy of the mount at ``path``, with its sub-mounts when ``recursive``; ``""`` copies ``dir_fd`` itself."""
    flags = _TREE_CLONE | _OPEN_CLOEXEC | (_TREE_RECURSIVE if recursive else 0) | (0 if path else _EMPTY_PATH)
    return call("open_tree", dir_fd, os.fsencode(path), flags, path=path or None)


def move_mount(mount: int, target: int) -> None:
    """Attach a detached mount on what ``target`` is open on, whatever its path is now."""
    call("move_mount", mount, b"", target, b"", _FROM_DESCRIPTOR | _TO_DESCRIPTOR)


def mount_setattr(
    mount: int, *, add: int, clear: int = 0, userns: int = 0, propagation: int = 0, recursive: bool = False
) -> None:
    """Change the attributes of a mount.

    Args:
        mount: a descriptor of its root.
        add: ``RDONLY`` and so on, or'ed.
        clear: the same, to be taken away.
        userns: with IDMAP: a descriptor of the user namespace whose map is applied.
        propagation: MS_PRIVATE or MS_SLAVE; 0 leaves it as it is.
        recursive: to all mounts below it, too.
    """
    attributes = _ATTRIBUTES.pack(add, clear, propagation, userns)
    flags = _EMPTY_PATH | (_TREE_RECURSIVE if recursive else 0)
    call("mount_setattr", mount, b"", flags, attributes, len(attributes))


def mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    """The old call; refuses options that the kernel would cut.

    Raises:
        OSError: E2BIG too.
    """
    if len(os.fsencode(options)) >= OPTIONS_LIMIT:
        raise OSError(7, "mount: options over 4,095 bytes", target)
    call("mount", os.fsencode(source), os.fsencode(target), kind.encode(), flags, os.fsencode(options), path=target)


def set_propagation(flags: int) -> None:
    """Change the propagation of every mount of this namespace: MS_PRIVATE or MS_SLAVE."""
    call("mount", None, b"/", None, MS_REC | flags, None, path="/")


def pivot_root(new: str, old: str) -> None:
    """Make ``new`` the root and put the old one at ``old``; both ``"."`` stacks the old one on top of the new."""
    call("pivot_root", os.fsencode(new), os.fsencode(old), path=new)


def detach(path: str) -> None:
    """Unmount ``path`` and all below it from this namespace, now; busy ones go when they are free."""
    call("umount2", os.fsencode(path), _DETACH, path=path)
