"""Owner and extended attributes of what is extracted, as far as the disk holds them; the metadata holds the rest."""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from dockmagic.layers import overlayfs
from dockmagic.oci.changeset import Entry

_NOBODY = 65534


def own(name: str, parent: int, entry: Entry, *, single: bool, descriptor: int | None = None) -> None:
    """Give what was made its owner.

    Args:
        name: in ``parent``.
        parent: an open directory.
        entry: has the owner; an id outside of the range becomes its last one.
        single: only one id is mapped: an attribute names the owner.
        descriptor: of an open file or directory; None for what cannot be opened and has no attribute of a user.
    """
    if single:
        if descriptor is not None and (entry.uid or entry.gid):
            os.setxattr(descriptor, overlayfs.OWNER, b"%d:%d" % _within_range(entry))
        elif descriptor is not None:
            with suppress(OSError):  # of an earlier entry of that directory
                os.removexattr(descriptor, overlayfs.OWNER)
        return
    for uid, gid in ((entry.uid, entry.gid), _within_range(entry)):
        try:
            if descriptor is not None:
                os.fchown(descriptor, uid, gid)
            else:
                os.chown(name, uid, gid, dir_fd=parent, follow_symlinks=False)
        except OSError as error:
            if error.errno == errno.EINVAL:  # the id is outside of the range
                continue
            raise
        return


def put(descriptor: int, entry: Entry) -> None:
    """Give an open file or directory its extended attributes; what this scheme or file system cannot hold is left out."""
    for key, value in entry.xattrs.items():
        name = overlayfs.ESCAPED + key.removeprefix(overlayfs.PREFIX) if key.startswith(overlayfs.PREFIX) else key
        if not key.startswith("trusted.") and key != overlayfs.OWNER:
            with suppress(OSError):
                os.setxattr(descriptor, name, value)


def _within_range(entry: Entry) -> tuple[int, int]:
    return min(entry.uid, _NOBODY), min(entry.gid, _NOBODY)
