"""How deep a writable layer is looked at: what lies deeper than a path can name is told of by its directory alone.

A program that changes its directory on the way makes trees of any depth; every path that is looked up as a whole ends at PATH_MAX (path_resolution(7)),
4,096 bytes with those that lead to the layer. Removal and the watch over a disk work at any depth; what a layer changes is told by paths, and so are
archives.
"""

from __future__ import annotations

import os

from dockmagic.errors import UsageError

# Bytes of a path within a layer, the same on every machine: the store's own directories before it take less than what is left.
LONGEST = 4000
_LONGEST_NAME = 255  # limits.h: NAME_MAX
# Characters of such a path that a reader is shown.
_SHOWN = 60


def is_named(path: str) -> bool:
    """Whether a path within a layer is looked at.

    Args:
        path: without leading slash.
    """
    return len(path) <= LONGEST // 4 or len(os.fsencode(path)) <= LONGEST


def is_cut(real: str, path: str) -> bool:
    """Whether a directory has entries that are not looked at.

    Args:
        real: the directory.
        path: where it stands in the layer.
    """
    if is_named(f"{path}/{'x' * _LONGEST_NAME}"):
        return False
    try:
        return not all(is_named(f"{path}/{name}") for name in os.listdir(real))
    except (FileNotFoundError, NotADirectoryError):
        return False  # a living container has changed it


def refuse_cut(real: str, path: str) -> None:
    """See that all of a directory is looked at, where nothing may be left out; arguments as of :func:`is_cut`.

    Raises:
        UsageError: it has entries that are not.
    """
    if is_cut(real, path):
        raise UsageError(
            "a layer or an archive cannot hold so deep a directory: its paths are longer than 4,000 bytes",
            hint="remove it first; in a Dockerfile in the same RUN",
            detail=f"/{path[:_SHOWN]}…",
        )
