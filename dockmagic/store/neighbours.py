"""Which repository of a registry has a layer already, as far as names here tell: a push asks for it to be mounted from there."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from dockmagic.oci import reference
from dockmagic.oci.reference import Reference
from dockmagic.store.rows import layers_of

# Of a layer that very many images have, no more of them are looked at: a push costs the same however many there are.
_LOOKS = 100
_NAMED = """
SELECT tags.name AS name
FROM (SELECT DISTINCT image_id FROM image_layers WHERE diff_id = :layer LIMIT :looks) AS users
JOIN tags ON tags.image_id = users.image_id
WHERE tags.name BETWEEN :domain || '/' AND :domain || '0'
  AND NOT tags.name BETWEEN :repository || ':' AND :repository || ';'
  AND NOT tags.name BETWEEN :repository || '@' AND :repository || 'A'
LIMIT 1
"""


def neighbours(
    connection: sqlite3.Connection, diff_ids: Iterable[str], target: Reference, shared: Mapping[str, str]
) -> dict[str, str]:
    """By DiffID, the path of another repository at the registry of ``target`` whose image has the layer.

    Args:
        connection: a look at the tables.
        diff_ids: the layers.
        target: where they go.
        shared: the image's id of every whole name in shared stores.
    """
    found: dict[str, str] = {}
    for diff_id in diff_ids:
        values = {"layer": diff_id, "looks": _LOOKS, "domain": target.domain, "repository": target.name}
        row = connection.execute(_NAMED, values).fetchone()
        if row is not None:
            found[diff_id] = reference.parse_normalized(row["name"]).path
    for name, image_id in islice(_near(shared, target), _LOOKS):
        for diff_id in layers_of(connection, image_id):
            found.setdefault(diff_id, reference.parse_normalized(name).path)
    return found


def _near(names: Mapping[str, str], target: Reference) -> Iterator[tuple[str, str]]:
    """Those at the same registry, in other repositories."""
    for name, image_id in names.items():
        if name.startswith(f"{target.domain}/") and not name.startswith((f"{target.name}:", f"{target.name}@")):
            yield name, image_id
