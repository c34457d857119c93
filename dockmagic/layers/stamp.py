"""Recording, where only one id is mapped, whose the files are that a process of another user than root made.

The kernel shows all of them as the one id's. What the process made anew is its user's; what overlayfs copied up from a layer
below keeps the owner that it has there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence

from dockmagic.layers import depth, overlayfs
from dockmagic.layers.scan import Owners
from dockmagic.layers.stack import Found, Stack

Owner = tuple[int, int]
_ORIGIN = f"{overlayfs.PREFIX}origin"


def stamp(upper: str, lowers: Sequence[str], owner: Owner, table: Mapping[str, Owner]) -> dict[str, Owner]:
    """Give every new entry of a writable layer that has no recorded owner this one.

    Args:
        upper: the writable layer.
        lowers: layers below it, top first.
        owner: (uid, gid) of the process that ran.
        table: owners that no attribute can hold, by inode number.

    Returns:
        The table with the entries that no attribute can hold.
    """
    known = dict(table)
    owners = Owners(single=True, default=(-1, -1), table=table)
    pending = [""]
    below = Stack(lowers)
    while pending:
        directory = pending.pop()
        with os.scandir(f"{upper}/{directory}" if directory else upper) as entries:
            names = [entry.name for entry in entries]
        for name in names:
            path = f"{directory}/{name}" if directory else name
            if not depth.is_named(path):
                continue
            real = f"{upper}/{path}"
            status = os.lstat(real)
            if overlayfs.is_whiteout(real, status):
                continue
            if stat.S_ISDIR(status.st_mode):
                pending.append(path)
            if owners.of(real, status) != (-1, -1) or _is_copied_up(real, status, below.lookup(path, follow=False)):
                continue
            bears = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
            if bears and overlayfs.keeps_attributes(real):
                os.setxattr(real, overlayfs.OWNER, b"%d:%d" % owner, follow_symlinks=False)
            else:
                known[str(status.st_ino)] = owner
    return known


def _is_copied_up(real: str, status: os.stat_result, below: Found | None) -> bool:
    if below is None or stat.S_IFMT(below.status.st_mode) != stat.S_IFMT(status.st_mode):
        return False
    if stat.S_ISDIR(status.st_mode):
        return not overlayfs.is_opaque(real)
    if not stat.S_ISREG(status.st_mode) or not overlayfs.keeps_attributes(real):
        return True
    return overlayfs.attribute(real, _ORIGIN) is not None
