"""How many bytes the regular files of a tree have."""

from __future__ import annotations

import os
import stat


def usage(path: str) -> int:
    """Bytes of regular files in a tree, hard links once; what goes away meanwhile counts for nothing, nor what lies deeper than a path can name.

    Args:
        path: a directory or file; 0 where there is none.
    """
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return 0
    if not stat.S_ISDIR(status.st_mode):
        return status.st_size if stat.S_ISREG(status.st_mode) else 0
    sizes: dict[tuple[int, int], int] = {}
    for directory, _, names in os.walk(path, onerror=None):
        for name in names:
            try:
                found = os.lstat(os.path.join(directory, name))
            except OSError:
                continue
            if stat.S_ISREG(found.st_mode):
                sizes[found.st_dev, found.st_ino] = found.st_size
    return sum(sizes.values())
