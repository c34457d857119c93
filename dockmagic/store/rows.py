"""What several rooms ask of the tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from dockmagic.errors import StoreError
from dockmagic.oci import reference


def require_layers(connection: sqlite3.Connection, diff_ids: Iterable[str]) -> None:
    """Make sure that layers are stored, before a row refers to them.

    Raises:
        StoreError: one is not.
    """
    for diff_id in diff_ids:
        if not connection.execute("SELECT 1 FROM layers WHERE diff_id = ?", (diff_id,)).fetchone():
            raise StoreError(f"the store has no layer {diff_id}", hint="it was removed meanwhile: do the same again")


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Whether there is a table of that name: one that a newer version brought is missing where tables may only be read."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone() is not None


def image_of_tag(connection: sqlite3.Connection, name: str) -> str | None:
    """The id of the image that bears that whole name."""
    found = connection.execute("SELECT image_id FROM tags WHERE name = ?", (name,)).fetchone()
    return None if found is None else str(found["image_id"])


def image_of_name(connection: sqlite3.Connection, wanted: str) -> str | None:
    """The id of the image that a name means: by its tag, or by the digest of its manifest in a repository of that name.

    Raises:
        UsageError: it is no name.
    """
    parsed = reference.parse_normalized(wanted)
    found = image_of_tag(connection, parsed.full)
    if found is not None or not parsed.digest:
        return found
    rows = connection.execute(
        "SELECT images.id AS id, tags.name AS name FROM images JOIN tags ON tags.image_id = images.id"
        " WHERE images.manifest_digest = ?",
        (parsed.digest,),
    ).fetchall()
    same = (row for row in rows if reference.parse_normalized(row["name"]).name == parsed.name)
    first = next(same, None)
    return None if first is None else str(first["id"])


def layers_of(connection: sqlite3.Connection, image_id: str) -> tuple[str, ...]:
    """The DiffIDs of an image's layers, base first."""
    rows = connection.execute(
        "SELECT diff_id FROM image_layers WHERE image_id = ? ORDER BY position", (image_id,)
    ).fetchall()
    return tuple(row["diff_id"] for row in rows)


def name_blobs(connection: sqlite3.Connection, image_id: str, digests: Iterable[str]) -> None:
    """Note which blobs an image's manifest wants; those of its manifest before are wanted no more."""
    connection.execute("DELETE FROM image_blobs WHERE image_id = ?", (image_id,))
    connection.executemany("INSERT OR IGNORE INTO image_blobs VALUES (?, ?)", [(image_id, d) for d in digests])


def tar_size(connection: sqlite3.Connection, diff_id: str) -> int:
    """Bytes of a layer's uncompressed tar."""
    return int(connection.execute("SELECT tar_size FROM layers WHERE diff_id = ?", (diff_id,)).fetchone()["tar_size"])


def contents_of(connection: sqlite3.Connection, diff_ids: Iterable[str]) -> Iterable[str]:
    """The layers and their blobs."""
    for diff_id in diff_ids:
        yield diff_id
        found = connection.execute("SELECT blob_digest FROM layers WHERE diff_id = ?", (diff_id,)).fetchone()
        if found is not None and found["blob_digest"]:
            yield found["blob_digest"]
        rows = connection.execute("SELECT digest FROM other_blobs WHERE diff_id = ?", (diff_id,)).fetchall()
        yield from (row["digest"] for row in rows)
