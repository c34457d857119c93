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
        """The row of the layer that has that blob."""
        return self._one("SELECT * FROM layers WHERE blob_digest = ? LIMIT 1", digest)

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
        """Bytes that every layer has on the disk, its files and its original blob, by DiffID."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT diff_id, size + coalesce(blob_size, 0) AS size FROM layers")
            return {row["diff_id"]: row["size"] for row in rows}

    def _one(self, statement: str, value: str) -> LayerRecord | None:
        with self._database.reading() as connection:
            row = connection.execute(statement, (value,)).fetchone()
        return record(row) if row is not None else None

    def insert(self, numbers: Numbers, *, blob: Descriptor | None, tree_digest: str, host_made: bool) -> LayerRecord:
        """Add a row, whose content is durable. A row that is there stays.

        A blob is added to one that has none, and takes the place of the uncompressed tar, which can be made of it.
        """
        described = (blob.digest, blob.size, blob.media_type) if blob is not None else (None, None, None)
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO layers VALUES (?, ?, ?, ?, ?, ?, NULL, NULL, NULL)",
                (numbers.diff_id, numbers.size, numbers.files, numbers.tar_size, tree_digest, host_made),
            )
            if blob is not None:
                connection.execute(
                    "UPDATE layers SET blob_digest = ?, blob_size = ?, blob_media_type = ?"
                    " WHERE diff_id = ? AND (blob_digest IS NULL OR blob_digest = diff_id)",
                    (*described, numbers.diff_id),
                )
            row = connection.execute("SELECT * FROM layers WHERE diff_id = ?", (numbers.diff_id,)).fetchone()
        return record(row)

    def keep_compressed(self, diff_id: str, blob: Descriptor) -> Descriptor:
        """Note the compressed blob of a layer that has none, or only its uncompressed tar, which can be made of this one.

        Returns:
            The blob that the row has then: another process may have been first.

        Raises:
            NotFoundError: there is no such layer any more.
        """
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE layers SET blob_digest = ?, blob_size = ?, blob_media_type = ?"
                " WHERE diff_id = ? AND (blob_digest IS NULL OR blob_digest = diff_id)",
                (blob.digest, blob.size, blob.media_type, diff_id),
            )
        return self.get(diff_id).blob or blob


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
