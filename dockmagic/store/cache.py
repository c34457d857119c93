"""Rows of the build cache: the key of a step, and the layer that it made.

The key is a digest of everything that the step depends on; ``components`` says of what, in words, so that a miss can be
explained by the row of the same instruction that is nearest.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dockmagic.store.database import Database
from dockmagic.store.leases import FRESH, Hold, release
from dockmagic.store.rows import require_layers


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRow:
    """A step that was executed once.

    Attributes:
        key: digest of all that it depends on.
        diff_id: the layer that it made, ``""`` when it changed nothing.
        components: what the key is made of, by name; JSON.
        lineage: the step's instruction and where it stands, as the builder words it; equal for steps that explain each
            other's misses.
        position: where it stands alone, without its text.
        sequence: grows with each row that is put.
    """

    key: str
    diff_id: str
    components: Mapping[str, Any]
    lineage: str
    position: str
    sequence: int


class Cache:
    """The room of the build cache."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> CacheRow | None:
        """The row of that key."""
        return self._one("key = ?", key)

    def put(
        self,
        key: str,
        diff_id: str,
        components: Mapping[str, Any] | None = None,
        *,
        lineage: str = "",
        position: str = "",
        hold: Hold | None = None,
    ) -> None:
        """Remember a step; a row of the same key is replaced. The layer stays as long as the row, and as the hold.

        Raises:
            StoreError: the layer was removed meanwhile.
        """
        with self._database.writing() as connection:
            if diff_id:
                require_layers(connection, [diff_id])
            connection.execute(
                "INSERT OR REPLACE INTO cache (key, diff_id, components, lineage, position) VALUES (?, ?, ?, ?, ?)",
                (key, diff_id or None, json.dumps(dict(components or {})), lineage, position),
            )
            if hold is not None and diff_id:
                hold.take(connection, diff_id)
            release(connection, FRESH, [diff_id])

    def similar(self, lineage: str) -> CacheRow | None:
        """The newest row of that lineage, which is what a miss is explained by."""
        return self._one("lineage = ?", lineage)

    def latest_for(self, position: str) -> CacheRow | None:
        """The newest row of a step at that position, whatever its instruction was."""
        return self._one("position = ?", position)

    def clear(self) -> None:
        """Forget all rows; the layers go with the next sweep, unless an image has them."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM cache")

    def _one(self, condition: str, value: str) -> CacheRow | None:
        statement = f"SELECT * FROM cache WHERE {condition} ORDER BY sequence DESC LIMIT 1"  # noqa: S608 - words of ours
        with self._database.reading() as connection:
            found = connection.execute(statement, (value,)).fetchone()
        return _row(found) if found is not None else None


def _row(found: sqlite3.Row) -> CacheRow:
    return CacheRow(
        key=found["key"],
        diff_id=found["diff_id"] or "",
        components=json.loads(found["components"]),
        lineage=found["lineage"],
        position=found["position"],
        sequence=found["sequence"],
    )
