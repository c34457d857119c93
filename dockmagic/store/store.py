"""The store: one directory, shared by every process of a user at once."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from dockmagic.errors import StoreError
from dockmagic.layers.owner import Owner
from dockmagic.store import check as checking
from dockmagic.store import sharing
from dockmagic.store import sweep as sweeping
from dockmagic.store.archive import Archive
from dockmagic.store.aside import Aside, new_name, sync_directory
from dockmagic.store.blobs import Blobs
from dockmagic.store.cache import Cache
from dockmagic.store.cache_archive import CacheArchive
from dockmagic.store.caches import Caches
from dockmagic.store.check import Problem
from dockmagic.store.containers import Containers
from dockmagic.store.database import Database
from dockmagic.store.faults import told
from dockmagic.store.images import Images
from dockmagic.store.layers import Layers
from dockmagic.store.layout import FORMAT, NAMES, Layout
from dockmagic.store.leases import Leases
from dockmagic.store.pruning import Pruning
from dockmagic.store.repair import Repair
from dockmagic.store.shelf import Shelf
from dockmagic.store.volumes import Volumes


class Store:
    """Rooms, each for one kind of thing; see ``docs/store.md``.

    Every verb that changes something returns when the change survives a kill and a power cut, and leaves the store as it
    was when it raises. All rooms raise StoreError where the store cannot be read or written, and StoreFullError where
    there is no space.

    Attributes:
        path: the directory, mode 0700 unless it is shared.
        blobs: content by its digest.
        layers: changesets and their trees.
        images: configs, names.
        shelf: shared stores that are read where this one has not what is asked for.
        cache: what a build need not do again.
        cache_archive: the same in and out of directories.
        caches: directories that RUN keeps from build to build.
        containers: rows of containers, paths of their logs.
        volumes: directories that stay beside containers.
        leases: what a living process works with.
        archive: images in and out of files.
        pruning: what nothing uses, and its removal.
    """

    def __init__(self, path: Path, owner: Owner, shared: Sequence[Path] = ()) -> None:
        self.path = path
        self.scheme = owner.scheme
        self._layout = Layout(home=path, scheme=owner.scheme)
        self._owner = owner
        self._database = Database(self._layout.database)
        self.blobs = Blobs(self._layout, self._database)
        self.leases = Leases(self._database, self._sweep)
        self.layers = Layers(self._layout, self._database, self.blobs, owner, self._sweep)
        self.shelf = Shelf(shared, self._layout, self._database, self.blobs, owner)
        self.images = Images(self._database, self.blobs, self.shelf)
        self.cache = Cache(self._database)
        self.cache_archive = CacheArchive(self.blobs, self.layers, self.cache)
        self.caches = Caches(self._layout, owner)
        self.containers = Containers(self._layout, self._database)
        self.volumes = Volumes(self._layout, self._database, owner)
        self.archive = Archive(self._layout, self.blobs, self.layers, self.images)
        self.pruning = Pruning(
            database=self._database,
            containers=self.containers,
            images=self.images,
            cache=self.cache,
            caches=self.caches,
            sweeper=self._sweep,
        )
        self._repair = Repair(self._layout, self._database, owner, self.layers, self._sweep)

    @classmethod
    def open(cls, path: Path, owner: Owner, shared: Sequence[Path] = ()) -> Store:
        """Open the store in a directory, and make it where there is none.

        Args:
            path: the directory.
            owner: runs jobs on trees below ``path/roots/<its scheme>``.
            shared: directories of stores that are read where this one has not what is asked for.

        Raises:
            StoreError: it cannot be read or written, a newer dockmagic made it, or something else lies there.
        """
        store = cls(path.absolute(), owner, [directory.absolute() for directory in shared])
        store._create()
        return store

    def _create(self) -> None:
        layout = self._layout
        with told(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not layout.version.exists():
                _require_own(self.path)
                _make(layout)
            found = layout.version.read_text("ascii", "replace")
        if found != FORMAT:
            raise StoreError(
                "the store was made by a newer dockmagic",
                hint="update dockmagic, or set DOCKMAGIC_HOME to another directory",
                detail=f"{layout.version}: {found.strip()[:20]!r}",
            )
        with told(self.path):
            if self.path.stat().st_mode & 0o077 and not layout.shared.exists():
                self.path.chmod(0o700)
        self._database.create()

    def _sweep(self) -> None:
        sweeping.sweep(self._layout, self._database, self._owner)

    @contextlib.contextmanager
    def scratch(self, area: Literal["tmp", "work"] = "tmp", *names: str) -> Iterator[str]:
        """A fresh directory for trees in the making, relative to the scheme's root; gone when the block ends.

        Args:
            area: ``"work"`` for writable layers of overlayfs, which may be kept in memory.
            names: of directories that are made in it, by the same job.
        """
        name = f"{area}/{new_name()}"
        with told(self._layout.roots):
            self._owner.call("mkdir", {"paths": [f"{name}/{each}" for each in names] or [name]})
        try:
            yield name
        finally:
            with told(self._layout.roots):
                self._owner.call("remove", {"path": name})

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        """A fresh directory for files of this process; gone when the block ends, and with the next sweep when the process is killed."""
        directory = self._layout.tmp / new_name()
        with told(directory):
            directory.mkdir(mode=0o700)
        try:
            yield directory
        finally:
            # What cannot be removed now is swept one day.
            shutil.rmtree(directory, ignore_errors=True)

    def share(self) -> None:
        """Let every user of this machine read the store; images that are made or pulled here later can be read too.

        Raises:
            ConflictError: it holds containers, whose settings are nobody else's business.
            StoreError: it cannot be written.
        """
        sharing.share(self._layout, self.images, self.layers, self.leases, self.containers)

    def check(self, *, content: bool = True) -> list[str]:
        """Name every damaged, missing or unaccounted thing; an empty list means that the store is whole.

        Args:
            content: also compare every blob and every tree with its digest, which reads all of them.
        """
        return [str(problem) for problem in self.problems(content=content)]

    def problems(self, *, content: bool = True) -> list[Problem]:
        """As :meth:`check`, as values."""
        return checking.check(self._layout, self._database, self._owner, content=content)

    def repair(self) -> list[Problem]:
        """Remove what is left over, and what is damaged and can be made again or belongs to the build cache alone.

        What a living process works with is left alone.

        Returns:
            The problems that are left: what must be built, loaded or pulled again.

        Raises:
            StoreError: the store cannot be written.
        """
        self._repair.run(self.problems())
        return self.problems()


def _require_own(path: Path) -> None:
    """Refuse to make a store in somebody's directory of other things."""
    strange = sorted(p.name for p in path.iterdir() if p.name not in NAMES and not p.name.startswith("."))
    if strange:
        raise StoreError(
            "the directory holds other things and is no store",
            hint="set DOCKMAGIC_HOME to an empty or new directory",
            detail=f"{path}: {strange[0]}",
        )


def _make(layout: Layout) -> None:
    layout.home.chmod(0o700)
    for directory in (layout.tmp, layout.blobs.parent, layout.blobs, layout.layers, layout.logs, layout.home / "roots"):
        directory.mkdir(mode=0o700, exist_ok=True)
    sync_directory(layout.blobs.parent)
    with Aside(layout.tmp) as file:
        file.write(FORMAT.encode())
        file.publish(layout.version, mode=0o600)
