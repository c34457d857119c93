"""The first content of a volume: what the image has at the path where it is mounted, as docker copies it."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from dockmagic.layers import arrivals
from dockmagic.layers.landing import Landing, own
from dockmagic.layers.scan import Owners
from dockmagic.layers.stack import Stack


def populate(target: str, lowers: Sequence[str], path: str, *, single: bool) -> bool:
    """Copy a directory of the image into a fresh one, with its own owner and mode; links on the way to it are followed.

    Args:
        target: an empty directory, relative to the working directory.
        lowers: the image's layers, top first.
        path: absolute, in the image.
        single: only one id is mapped.

    Returns:
        Whether the image has a directory there.
    """
    found = Stack(lowers).lookup(path)
    if found is None or not found.is_dir:
        return False
    wish = arrivals.Wish(destination="/", is_directory=True, single_file=False)
    sources = arrivals.from_stack([{"lowers": list(lowers), "path": path}], single=single)
    arrivals.land(Landing(target, (), single=single), wish, sources)
    own(target, Owners(single=single).of(found.real, found.status), single=single)
    os.chmod(target, stat.S_IMODE(found.status.st_mode))
    return True


def is_empty(directory: str) -> bool:
    """Nothing stands in a directory."""
    with os.scandir(directory) as entries:
        return next(entries, None) is None
