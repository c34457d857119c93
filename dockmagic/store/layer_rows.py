"""Rows of layers."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from dockmagic.errors import NotFoundError
from dockmagic.oci.descriptor import Descriptor
from dockmagic.store.database import Database
from dockmagic.store.trees import Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRecord:
    """A layer as stored.

    Attributes:
        diff_id: digest of the uncompressed changeset.
        size: bytes of regular files in it, hard links once.
        files: entries other than directories.
        tar_size: bytes of the uncompressed changeset.
        tree_digest: digest of what packing its tree gives: the DiffID for a built layer, something else for one that came
            in another tool's tar.
        blob: what it came from, None for a built one.
        host_made: it was assembled from this machine.
    """

    diff_id: str
    size: int
    files: int
    tar_size: int
    tree_digest: str
    blob: Descriptor | None
    host_made: bool


class LayerRows:
    """The table of layers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, diff_id: str) -> LayerRecord | None:
        """The row of that DiffID."""
        return self._one("SELECT * FROM layers WHERE diff_id = ?", diff_id)

    def of_blob(self, digest: str) -> LayerRecord | None:
        """The row of the layer that has that blob, as its own or as another compression of it."""
        own = self._one("SELECT * FROM layers WHERE blob_digest = ? LIMIT 1", digest)
        if own is not None:
            return own
        return self._one("SELECT layers.* FROM other_blobs JOIN layers USING (diff_id) WHERE digest = ?", digest)

    def get(self, diff_id: str) -> LayerRecord:
        """The row of that DiffID.

        Raises:
            NotFoundError: there is none.
        """
        found = self.find(diff_id)
        if found is None:
            raise NotFoundError(f"no such layer: {diff_id}", hint="see %container images")
        return found

    def sizes(self) -> dict[str, int]:
        """Bytes of regular files of every layer, by DiffID."""
        with self._database.reading() as connection:
            return {row["diff_id"]: row["size"] for row in connection.execute("SELECT diff_id, size FROM layers")}

    def footprints(self) -> dict[str, int]:
        """Bytes that every layer has on the disk, its files and its blobs, by DiffID."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT diff_id, size + coalesce(blob_size, 0) AS size FROM layers")
            found = {row["diff_id"]: int(row["size"]) for row in rows}
            for row in connection.execute("SELECT diff_id, sum(size) AS size FROM other_blobs GROUP BY diff_id"):
                found[row["diff_id"]] += row["size"]
        return found

    def _one(self, statement: str, value: str) -> LayerRecord | None:
        with self._database.reading() as connection:
            row = connection.execute(statement, (value,)).fetchone()
        return record(row) if row is not None else None

    def insert(self, numbers: Numbers, *, blob: Descriptor | None, host_made: bool, named: bool = False) -> LayerRecord:
        """Add a row, whose content is durable. A row that is there stays; its blob is kept as by :meth:`keep_blob`."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO layers VALUES (?, ?, ?, ?, ?, ?, NULL, NULL, NULL)",
                (numbers.diff_id, numbers.size, numbers.files, numbers.tar_size, numbers.tree_digest, host_made),
            )
            if blob is not None:
                _keep(connection, numbers.diff_id, blob, named=named)
            row = connection.execute("SELECT * FROM layers WHERE diff_id = ?", (numbers.diff_id,)).fetchone()
        return record(row)

    def keep_blob(self, diff_id: str, blob: Descriptor, *, named: bool = False) -> LayerRecord:
        """Note a blob of a layer: as its own where it has none, or only the uncompressed tar, which can be made of this one.

        Args:
            diff_id: of the layer.
            blob: whose content is durable.
            named: a manifest names it, so where the layer has a compressed blob already this one is kept as another.

        Returns:
            The row; its blob may be one that another process kept first.

        Raises:
            NotFoundError: there is no such layer any more.
        """
        with self._database.writing() as connection:
            _keep(connection, diff_id, blob, named=named)
        return self.get(diff_id)


def _keep(connection: sqlite3.Connection, diff_id: str, blob: Descriptor, *, named: bool) -> None:
    connection.execute(
        "UPDATE layers SET blob_digest = ?, blob_size = ?, blob_media_type = ?"
        " WHERE diff_id = ? AND (blob_digest IS NULL OR blob_digest = diff_id)",
        (blob.digest, blob.size, blob.media_type, diff_id),
    )
    if named and blob.digest != diff_id:
        connection.execute(
            "INSERT OR IGNORE INTO other_blobs SELECT ?, diff_id, ?, ? FROM layers WHERE diff_id = ? AND blob_digest != ?",
            (blob.digest, blob.size, blob.media_type, diff_id, blob.digest),
        )


def record(row: sqlite3.Row) -> LayerRecord:
    """A row as a value."""
    blob = None
    if row["blob_digest"] is not None:
        blob = Descriptor(media_type=row["blob_media_type"], digest=row["blob_digest"], size=row["blob_size"])
    return LayerRecord(
        diff_id=row["diff_id"],
        size=row["size"],
        files=row["files"],
        tar_size=row["tar_size"],
        tree_digest=row["tree_digest"],
        blob=blob,
        host_made=bool(row["host_made"]),
    )
