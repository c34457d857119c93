"""Taking away what is damaged and can be made again: a tree that has its blob, a blob that has its tree, layers of the cache alone.

Nothing that was acknowledged goes: an image whose config or only copy of a layer is damaged stays, and stays named.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress

from dockmagic.errors import DockmagicError, StoreCorruptError
from dockmagic.layers import metadata as truths
from dockmagic.layers.owner import Owner
from dockmagic.store.aside import new_name
from dockmagic.store.check import Problem
from dockmagic.store.containers import EXITED
from dockmagic.store.database import Database
from dockmagic.store.faults import told
from dockmagic.store.layers import Layers
from dockmagic.store.layout import Layout, snapshot
from dockmagic.store.leases import in_use
from dockmagic.store.rows import layers_of


class Repair:
    """Works on the problems of a store."""

    def __init__(
        self, layout: Layout, database: Database, owner: Owner, layers: Layers, sweeper: Callable[[], None]
    ) -> None:
        self._layout = layout
        self._database = database
        self._owner = owner
        self._layers = layers
        self._sweeper = sweeper

    def run(self, problems: Iterable[Problem]) -> None:
        """Remove what can go; see :meth:`dockmagic.store.store.Store.repair`.

        Raises:
            StoreError: the store cannot be written.
        """
        found = list(problems)
        if any(problem.kind == "database" for problem in found):
            return
        blobs = {problem.digest for problem in found if problem.kind == "blob"}
        trees = {problem.digest for problem in found if problem.kind in {"tree", "metadata"}}
        with told(self._layout.home):
            self._forget_blobs(blobs, trees)
            self._forget_cached(blobs, trees)
            for diff_id in sorted(trees):
                self._make_again(diff_id, blobs)
            self._sweeper()

    def _forget_blobs(self, blobs: set[str], trees: set[str]) -> None:
        """A layer whose tree is whole and packs to its DiffID needs no blob, and one that has a whole blob no other one."""
        with self._database.writing() as connection:
            _use_others(connection, blobs)
            for row in connection.execute("SELECT * FROM layers WHERE blob_digest IS NOT NULL").fetchall():
                damaged = row["blob_digest"] in blobs
                whole = row["diff_id"] not in trees and (self._layout.roots / snapshot(row["diff_id"])).is_dir()
                if damaged and whole and row["tree_digest"] == row["diff_id"]:
                    connection.execute(
                        "UPDATE layers SET blob_digest = NULL, blob_size = NULL, blob_media_type = NULL"
                        " WHERE diff_id = ?",
                        (row["diff_id"],),
                    )

    def _forget_cached(self, blobs: set[str], trees: set[str]) -> None:
        """Steps of the build cache whose layer is damaged, has no other copy and is in no image."""
        with self._database.writing() as connection:
            used = {row["diff_id"] for row in connection.execute("SELECT diff_id FROM image_layers")}
            used |= _worked_with(connection)
            for row in connection.execute("SELECT * FROM layers").fetchall():
                lost = row["diff_id"] in trees if row["blob_digest"] is None else row["blob_digest"] in blobs
                if lost and row["diff_id"] not in used:
                    connection.execute("DELETE FROM cache WHERE diff_id = ?", (row["diff_id"],))

    def _make_again(self, diff_id: str, blobs: set[str]) -> None:
        """Replace tree and metadata of a layer by what its blob says."""
        with self._database.writing() as connection:
            row = connection.execute("SELECT blob_digest FROM layers WHERE diff_id = ?", (diff_id,)).fetchone()
            if row is None or row["blob_digest"] is None or row["blob_digest"] in blobs:
                return
            if diff_id in _worked_with(connection):
                return
            aside = f"tmp/{new_name()}"
            with suppress(FileNotFoundError):
                self._owner.call("rename", {"src": snapshot(diff_id), "dst": aside})
            if not self._is_over_others(diff_id):
                self._layout.metadata(diff_id).unlink(missing_ok=True)
        self._owner.call("remove", {"path": aside})
        self._layers.forget()
        # What cannot be made again is a problem that is left.
        with suppress(DockmagicError):
            self._layers.snapshot(diff_id)

    def _is_over_others(self, diff_id: str) -> bool:
        """Whether metadata says over what the layer has to be extracted, which its blob does not."""
        try:
            return bool(truths.parse(self._layout.metadata(diff_id).read_bytes()).below)
        except (StoreCorruptError, FileNotFoundError):
            return False


def _use_others(connection: sqlite3.Connection, blobs: set[str]) -> None:
    """Forget damaged blobs of layers that are whole in another compression, which becomes their own."""
    for row in connection.execute("SELECT * FROM other_blobs").fetchall():
        own = connection.execute("SELECT blob_digest FROM layers WHERE diff_id = ?", (row["diff_id"],)).fetchone()
        if row["digest"] not in blobs and own["blob_digest"] in blobs:
            connection.execute(
                "UPDATE layers SET blob_digest = ?, blob_size = ?, blob_media_type = ? WHERE diff_id = ?",
                (row["digest"], row["size"], row["media_type"], row["diff_id"]),
            )
        elif row["digest"] not in blobs or own["blob_digest"] in blobs:
            continue
        connection.execute("DELETE FROM other_blobs WHERE digest = ?", (row["digest"],))


def _worked_with(connection: sqlite3.Connection) -> set[str]:
    """Layers of images that containers run on, and of what living processes hold."""
    leased = in_use(connection)
    running = connection.execute("SELECT DISTINCT image_id FROM containers WHERE status != ?", (EXITED,))
    images = leased | {row["image_id"] for row in running}
    return {diff_id for image_id in images for diff_id in layers_of(connection, image_id)} | leased
