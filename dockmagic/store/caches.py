"""Directories of ``RUN --mount=type=cache``: they stay from build to build, and several builds may want one at once.

What is in them is a convenience: a build must come out without it. They are no part of any image.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from dockmagic.layers.owner import Owner
from dockmagic.store.aside import new_name
from dockmagic.store.faults import told
from dockmagic.store.layout import Layout
from dockmagic.store.sweep import entries

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
            path = self._layout.locks / name
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                taken = _lock(descriptor, sharing)
                if taken and _is_at(descriptor, path):
                    yield name
                    return
            finally:
                os.close(descriptor)
            # A lock that was removed while it was waited for is none: there is another file of that name, or will be.
            number += not taken

    def unused(self) -> tuple[str, ...]:
        """Caches that nobody uses now, relative to the scheme's root."""
        return tuple(directory for directory in self.all() if self._is_unused(directory))

    def all(self) -> tuple[str, ...]:
        """All caches, relative to the scheme's root."""
        return tuple(f"caches/{path.name}" for path in entries(self._layout.roots / "caches"))

    def _is_unused(self, directory: str) -> bool:
        with self._claimed(directory) as claimed:
            return claimed

    def remove(self, directory: str) -> bool:
        """Remove a cache and its lock; False when somebody uses it.

        Raises:
            StoreError: it cannot be removed.
        """
        with self._claimed(directory) as claimed, told(self._layout.roots):
            if claimed:
                aside = f"tmp/{new_name()}"
                self._owner.call("rename", {"src": directory, "dst": aside})
                self._owner.call("remove", {"path": aside})
                (self._layout.locks / directory.removeprefix("caches/")).unlink(missing_ok=True)
            return claimed

    @contextmanager
    def _claimed(self, directory: str) -> Iterator[bool]:
        """Whether this is the only user of a cache; nobody else becomes one while the block runs."""
        path = self._layout.locks / directory.removeprefix("caches/")
        with told(path):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield _lock(descriptor, "private") and _is_at(descriptor, path)
        finally:
            os.close(descriptor)

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


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file still has its name."""
    own = os.fstat(descriptor)
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return (own.st_dev, own.st_ino) == (found.st_dev, found.st_ino)


def _lock(descriptor: int, sharing: Sharing) -> bool:
    if sharing != "private":
        fcntl.flock(descriptor, fcntl.LOCK_EX if sharing == "locked" else fcntl.LOCK_SH)
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
