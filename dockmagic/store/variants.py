"""Rows of images that one name means on several platforms."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping


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


def names_of_variants(connection: sqlite3.Connection) -> dict[str, str]:
    """What each image is called that a name means on another platform: ``NAME (PLATFORM)``, by id."""
    rows = connection.execute("SELECT name, platform, image_id FROM variants ORDER BY name DESC, platform DESC")
    return {row["image_id"]: f"{row['name']} ({row['platform']})" for row in rows}
