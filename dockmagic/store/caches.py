"""Directories of ``RUN --mount=type=cache``: they stay from build to build, and several builds may want one at once.

What is in them is a convenience: a build must come out without it. They are no part of any image.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from dockmagic.layers.owner import Owner
from dockmagic.store.aside import new_name
from dockmagic.store.faults import told
from dockmagic.store.layout import Layout

Sharing = Literal["shared", "private", "locked"]


class Caches:
    """The room of cache directories."""

    def __init__(self, layout: Layout, owner: Owner) -> None:
        self._layout = layout
        self._owner = owner

    @contextmanager
    def use(
        self,
        name: str,
        sharing: Sharing,
        *,
        fill: Callable[[str], None],
        mode: int = 0o755,
        owner: tuple[int, int] = (0, 0),
    ) -> Iterator[str]:
        """Use a cache while the block runs.

        Args:
            name: what it is known by.
            sharing: ``"locked"`` waits until nobody else has it, ``"private"`` gives another one meanwhile, ``"shared"``
                does neither.
            fill: puts the first content into a fresh directory, whose path relative to the scheme's root it is given.
            mode: of a fresh one.
            owner: (uid, gid) of a fresh one.

        Yields:
            The directory, relative to the scheme's root.

        Raises:
            StoreError: it cannot be made.
        """
        digits = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
        with self._held(digits, sharing) as held:
            directory = f"caches/{held}"
            if not (self._layout.roots / directory).is_dir():
                self._make(directory, fill, mode, owner)
            yield directory

    @contextmanager
    def _held(self, digits: str, sharing: Sharing) -> Iterator[str]:
        """Lock a cache of that name by flock(2); the lock goes with the process at latest."""
        with told(self._layout.locks):
            self._layout.locks.mkdir(mode=0o700, exist_ok=True)
        number = 0
        while True:
            name = f"{digits}-{number}" if number else digits
            descriptor = os.open(self._layout.locks / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                if _lock(descriptor, sharing):
                    yield name
                    return
            finally:
                os.close(descriptor)
            number += 1

    def _make(self, directory: str, fill: Callable[[str], None], mode: int, owner: tuple[int, int]) -> None:
        aside = f"tmp/{new_name()}"
        with told(self._layout.roots):
            self._owner.call("mkdir", {"paths": [aside], "mode": mode, "owner": list(owner)})
            try:
                fill(aside)
                # One that somebody else made meanwhile is as good.
                self._owner.call("rename", {"src": aside, "dst": directory})
            finally:
                self._owner.call("remove", {"path": aside})


def _lock(descriptor: int, sharing: Sharing) -> bool:
    if sharing != "private":
        fcntl.flock(descriptor, fcntl.LOCK_EX if sharing == "locked" else fcntl.LOCK_SH)
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
