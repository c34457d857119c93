"""Shared stores in front of a private one.

What of them is asked for is *taken up*: the private tables get its rows, and where the private store would have a layer's blob,
metadata and tree stand links to the shared ones. From then on it is like everything else here; nothing of a layer is copied, and
removing it removes links. The config and the manifest are copied: a listing needs them, whatever becomes of the shared store.

The shared store's names are never copied. They are looked up there each time, so that they mean what they mean now, and the
private store's own names win over them.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from dockmagic.errors import IsolationError, NotFoundError, StoreError
from dockmagic.layers.owner import Owner
from dockmagic.store.aside import new_name, sync_directory
from dockmagic.store.blobs import Blobs
from dockmagic.store.database import Database
from dockmagic.store.faults import told
from dockmagic.store.layout import Layout, snapshot
from dockmagic.store.leases import FRESH, release, take
from dockmagic.store.rows import layers_of
from dockmagic.store.shared import Layer, Offer, SharedStore

_T = TypeVar("_T")


class Shelf:
    """The shared stores of a private one. One that cannot be read counts as empty, and is named in ``troubles``.

    Args:
        paths: their directories; the first one that has a name wins.
        layout: of the private store.
        database: its tables.
        blobs: its blobs.
        owner: runs jobs on its trees.

    Attributes:
        paths: the directories.
        troubles: why a shared store could not be used when it was looked at last, by its directory.
    """

    def __init__(self, paths: Sequence[Path], layout: Layout, database: Database, blobs: Blobs, owner: Owner) -> None:
        self.paths = tuple(path for path in paths if path != layout.home)
        self.troubles: dict[Path, StoreError] = {}
        self._layout = layout
        self._database = database
        self._blobs = blobs
        self._owner = owner

    def names(self) -> dict[str, str]:
        """The image's id of every whole name in the shared stores."""
        found: dict[str, str] = {}
        for path in self.paths:
            found = (self._look(path, SharedStore.names) or {}) | found
        return dict(sorted(found.items()))

    def resolve(self, wanted: str) -> str | None:
        """The id of the shared image of that name, id, or unique beginning of an id, which is taken up; None where there is none.

        Raises:
            StoreError: the private store cannot be written.
        """
        for path in self.paths:
            found = self._look(path, lambda store: store.resolve(wanted))
            if found is not None and self._take(path, found):
                return found
        return None

    def mend(self, image_id: str) -> None:
        """Take an image up again whose links lead nowhere any more, if a shared store has it.

        Raises:
            StoreError: the private store cannot be written.
        """
        if self.paths and not self._is_whole(image_id):
            self.resolve(image_id)

    def take_all(self) -> None:
        """Take up every image that has a name in a shared store, as far as the private store can be written."""
        for path in self.paths:
            for image_id in dict.fromkeys((self._look(path, SharedStore.names) or {}).values()):
                with suppress(StoreError):
                    self._take(path, image_id)

    def _look(self, path: Path, look: Callable[[SharedStore], _T]) -> _T | None:
        """Ask a shared store; None where it cannot be read, which is noted."""
        try:
            found = look(SharedStore.open(path, self._layout.scheme))
        except StoreError as error:
            self.troubles[path] = error
            return None
        except NotFoundError:
            return None  # it went away between two looks
        self.troubles.pop(path, None)
        return found

    def _take(self, path: Path, image_id: str) -> bool:
        """Have a shared store's image here; False where that does not give it."""
        if self._is_whole(image_id):
            return True
        offer = self._look(path, lambda store: store.offer(image_id))
        if offer is None:
            return False
        self._put(offer)
        return True

    def _is_whole(self, image_id: str) -> bool:
        """Whether the image is here with its content, by names; nothing is read."""
        with self._database.reading() as connection:
            there = connection.execute("SELECT 1 FROM images WHERE id = ?", (image_id,)).fetchone()
            rows = [
                connection.execute("SELECT diff_id, blob_digest FROM layers WHERE diff_id = ?", (diff_id,)).fetchone()
                for diff_id in layers_of(connection, image_id)
            ]
        layout = self._layout
        return there is not None and all(
            layout.metadata(row["diff_id"]).exists()
            and (
                (row["blob_digest"] is not None and layout.blob(row["blob_digest"]).exists())
                or os.path.isdir(layout.roots / snapshot(row["diff_id"]))  # noqa: PTH112 - no error where it may not be asked
            )
            for row in rows
        )

    def _put(self, offer: Offer) -> None:
        digests = [offer.id, offer.manifest_digest]
        for layer in offer.layers:
            digests += [layer.diff_id, *(digest for digest, _ in layer.blobs)]
        with self._database.writing() as connection:
            take(connection, FRESH, digests)
        self._blobs.put(offer.config)
        self._blobs.put(offer.manifest)
        for layer in offer.layers:
            self._link(layer)
        with told(self._layout.home):
            sync_directory(self._layout.blobs)
            sync_directory(self._layout.layers)
        with self._database.writing() as connection:
            _add(connection, offer)
            release(connection, FRESH, digests)

    def _link(self, layer: Layer) -> None:
        """Links in place of a layer's content; content that is here stays."""
        with told(self._layout.home):
            for digest, path in layer.blobs:
                self._point(self._layout.blob(digest), path)
            self._point(self._layout.metadata(layer.diff_id), layer.metadata)
        # a host without walls uses no trees
        with told(self._layout.roots), suppress(IsolationError):
            self._owner.call("point", {"path": snapshot(layer.diff_id), "targets": [str(path) for path in layer.trees]})

    def _point(self, place: Path, target: Path) -> None:
        if place.exists():
            return
        aside = self._layout.tmp / new_name()
        aside.symlink_to(target)
        aside.rename(place)


def _add(connection: sqlite3.Connection, offer: Offer) -> None:
    """The rows of an image; those that are there stay."""
    rows = dict(offer.rows)
    for table in ("layers", "other_blobs"):
        _insert(connection, table, rows[table])
    statement = "INSERT OR IGNORE INTO images (id, manifest_digest) VALUES (?, ?)"
    connection.execute(statement, (offer.id, offer.manifest_digest))
    for table in ("image_layers", "image_blobs"):
        _insert(connection, table, rows[table])


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[tuple[object, ...]]) -> None:
    for row in rows:
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row)  # noqa: S608 - a name of ours, and marks
