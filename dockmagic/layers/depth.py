"""How deep a writable layer is looked at: what lies deeper than one path can name is told of by its directory alone.

A program that changes its directory on the way makes trees of any depth; every path that is looked up as a whole ends at PATH_MAX (path_resolution(7)).
Removal and the watch over a disk work at any depth; what a layer changes is told by paths, and so are archives.
"""

from __future__ import annotations

import os

from dockmagic.errors import UsageError

# limits.h: PATH_MAX has the final NUL, NAME_MAX has not.
_LONGEST_PATH, _LONGEST_NAME = 4095, 255
# Characters of such a path that a reader is shown.
_SHOWN = 60


def reaches_inside(directory: str) -> bool:
    """Whether every name that may stand in a directory makes a path that the kernel takes.

    Args:
        directory: its path, as it is going to be used.
    """
    return len(os.fsencode(directory)) + 1 + _LONGEST_NAME <= _LONGEST_PATH


def is_cut(directory: str) -> bool:
    """Whether a directory has entries that are not looked at."""
    if reaches_inside(directory):
        return False
    try:
        return bool(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return False  # a living container has changed it


def refuse_cut(directory: str, path: str) -> None:
    """See that all of a directory is looked at, where nothing may be left out.

    Args:
        directory: as for :func:`is_cut`.
        path: where it stands in the container, without leading slash.

    Raises:
        UsageError: it has entries that are not.
    """
    if is_cut(directory):
        raise UsageError(
            "a layer or an archive cannot hold so deep a directory: its paths are longer than 4,095 bytes",
            hint="remove it first; in a Dockerfile in the same RUN",
            detail=f"/{path[:_SHOWN]}…",
        )
