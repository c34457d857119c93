"""What nothing uses, and its removal: ended containers, images without a name, the build cache, caches of RUN.

What is removed is looked at again in the transaction that removes it, so a plan may be old: what somebody began to use meanwhile
stays.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass

from dockmagic.errors import ConflictError, NotFoundError
from dockmagic.store.cache import Cache
from dockmagic.store.caches import Caches
from dockmagic.store.containers import ContainerRow, Containers
from dockmagic.store.database import Database
from dockmagic.store.images import Images
from dockmagic.store.leases import held, in_use, made_by_others
from dockmagic.store.rows import layers_of
from dockmagic.store.variants import names_of_variants


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a prune would remove.

    Attributes:
        containers: that have ended.
        names: of images, whole, that are taken away first.
        images: ids of images that have no name then, here or in a shared store, and no container.
        steps: count of the build cache's rows.
        layers: DiffIDs of layers that only those have.
        caches: directories of ``RUN --mount=type=cache``, relative to the scheme's root.
    """

    containers: tuple[ContainerRow, ...]
    names: tuple[str, ...]
    images: tuple[str, ...]
    steps: int
    layers: frozenset[str]
    caches: tuple[str, ...]


class Pruning:
    """The room of what can go.

    Args:
        database: the tables.
        containers: where the rows of containers are.
        images: where the images are.
        cache: the build cache.
        caches: directories that RUN keeps.
        sweeper: removes what nothing refers to.
    """

    def __init__(
        self,
        *,
        database: Database,
        containers: Containers,
        images: Images,
        cache: Cache,
        caches: Caches,
        sweeper: Callable[[], None],
    ) -> None:
        self._database = database
        self._containers = containers
        self._images = images
        self._cache = cache
        self._caches = caches
        self._sweeper = sweeper

    def plan(self, names: Collection[str] = ()) -> Plan:
        """What would go now; nothing is changed.

        Args:
            names: whole names that would be taken away from their images.
        """
        over = tuple(row for row in self._containers.list() if row.is_over)
        shared = self._images.shared()
        with self._database.reading() as connection:
            ended = frozenset(row.id for row in over)
            images = tuple(i for i in _unused_images(connection, ended, frozenset(names)) if i not in shared)
            return Plan(
                containers=over,
                names=tuple(sorted(row["name"] for row in _tags(connection) if row["name"] in names)),
                images=images,
                steps=int(connection.execute("SELECT count(*) FROM cache").fetchone()[0]),
                layers=_freed(connection, images),
                caches=self._caches.unused(),
            )

    def carry_out(self, plan: Plan) -> Plan:
        """Remove what a plan names and nobody uses meanwhile, and sweep; returns what has gone.

        Raises:
            StoreError: the store cannot be written.
        """
        containers = tuple(row for row in plan.containers if self._containers.delete_ended(row.id))
        names = tuple(name for name in plan.names if self._images.untag(name))
        images = tuple(image_id for image_id in plan.images if self._delete(image_id))
        self._cache.clear()
        self._sweeper()
        caches = tuple(directory for directory in plan.caches if self._caches.remove(directory))
        with self._database.reading() as connection:
            left = {row["diff_id"] for row in connection.execute("SELECT diff_id FROM layers")}
        return Plan(
            containers=containers,
            names=names,
            images=images,
            steps=plan.steps,
            layers=plan.layers - left,
            caches=caches,
        )

    def _delete(self, image_id: str) -> bool:
        with suppress(ConflictError, NotFoundError):
            return self._images.delete_unnamed(image_id)
        return False


def _tags(connection: sqlite3.Connection) -> list[sqlite3.Row]:
    return connection.execute("SELECT name, image_id FROM tags").fetchall()


def _unused_images(connection: sqlite3.Connection, over: Collection[str], names: Collection[str]) -> tuple[str, ...]:
    used = in_use(connection) | made_by_others(connection)
    used |= {row["image_id"] for row in _tags(connection) if row["name"] not in names}
    used |= names_of_variants(connection).keys()
    rows = connection.execute("SELECT id, image_id FROM containers")
    used |= {row["image_id"] for row in rows if row["id"] not in over}
    rows = connection.execute("SELECT id FROM images ORDER BY sequence")
    return tuple(row["id"] for row in rows if row["id"] not in used)


def _freed(connection: sqlite3.Connection, images: Iterable[str]) -> frozenset[str]:
    """Layers that nothing has when those images and the cache are gone."""
    gone = set(images)
    leased = held(connection)
    kept = {d for image_id in leased - gone for d in layers_of(connection, image_id)} | leased
    rows = connection.execute("SELECT image_id, diff_id FROM image_layers")
    kept |= {row["diff_id"] for row in rows if row["image_id"] not in gone}
    return frozenset(row["diff_id"] for row in connection.execute("SELECT diff_id FROM layers")) - kept
