"""Rows of images that one name means on several platforms, and of the index that they came as."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dockmagic.store.rows import has_table


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeIndex:
    """An index that came with everything that it leads to, so that it can go out again as it came.

    Attributes:
        digest: of its bytes, which are a blob.
        blobs: digests of the blobs that it leads to: indexes, manifests, configs, and layers but uncompressed ones, which are packed
            again.
    """

    digest: str
    blobs: frozenset[str]


def add_variants(connection: sqlite3.Connection, name: str, images: Mapping[str, str], *, together: bool) -> None:
    """Note images of a whole name, by platform; one of a platform that is there is replaced.

    Args:
        connection: within a transaction.
        name: whole.
        images: ids by platform.
        together: they go out as one index.
    """
    rows = [(name, platform, image_id, together) for platform, image_id in images.items()]
    connection.executemany("INSERT OR REPLACE INTO variants VALUES (?, ?, ?, ?)", rows)


def variants_of(connection: sqlite3.Connection, name: str, *, together: bool = False) -> dict[str, str]:
    """Ids of the images of a whole name, by platform in the order of their names."""
    rows = connection.execute(
        "SELECT platform, image_id FROM variants WHERE name = ? AND together >= ? ORDER BY platform", (name, together)
    )
    return {row["platform"]: row["image_id"] for row in rows}


def forget_variants(connection: sqlite3.Connection, name: str, *, together: bool = False) -> None:
    """Leave a whole name with the one image that bears it; ``together``: and with those that it does not go out with."""
    connection.execute("DELETE FROM variants WHERE name = ? AND together >= ?", (name, together))
    connection.execute("DELETE FROM indexes WHERE name = ?", (name,))


def names_of_variants(connection: sqlite3.Connection) -> dict[str, str]:
    """What each image is called that a name means on another platform: ``NAME (PLATFORM)``, by id."""
    rows = connection.execute("SELECT name, platform, image_id FROM variants ORDER BY name DESC, platform DESC")
    return {row["image_id"]: f"{row['name']} ({row['platform']})" for row in rows}


def keep_index(connection: sqlite3.Connection, name: str, index: WholeIndex) -> None:
    """Note the index that a whole name's images came as."""
    connection.execute("INSERT OR REPLACE INTO indexes VALUES (?, ?)", (name, index.digest))
    # with the index itself: when the name has gone, all of it is accounted for until the next sweep
    rows = [(index.digest, digest) for digest in index.blobs | {index.digest}]
    connection.executemany("INSERT OR IGNORE INTO index_blobs VALUES (?, ?)", rows)


def index_of(connection: sqlite3.Connection, name: str) -> WholeIndex | None:
    """The index of a whole name; None where it has none, or lost one of its images."""
    row = connection.execute("SELECT digest FROM indexes WHERE name = ?", (name,)).fetchone()
    if row is None:
        return None
    rows = connection.execute("SELECT digest FROM index_blobs WHERE index_digest = ?", (row["digest"],))
    return WholeIndex(digest=row["digest"], blobs=frozenset(each["digest"] for each in rows))


def forget_indexes_of(connection: sqlite3.Connection, image_id: str) -> None:
    """An image goes: the indexes that it is in are whole no more."""
    connection.execute(
        "DELETE FROM indexes WHERE name IN (SELECT name FROM variants WHERE image_id = ? AND together)", (image_id,)
    )


def forget_unnamed_indexes(connection: sqlite3.Connection) -> None:
    """An index that no name has is wanted no more, nor what it leads to."""
    connection.execute("DELETE FROM index_blobs WHERE index_digest NOT IN (SELECT digest FROM indexes)")


def blobs_of_indexes(connection: sqlite3.Connection) -> Iterable[str]:
    """Digests of the indexes and of the blobs that they lead to."""
    if has_table(connection, "index_blobs"):
        yield from (row["digest"] for row in connection.execute("SELECT digest FROM index_blobs"))
