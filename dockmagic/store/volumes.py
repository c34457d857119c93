"""Named volumes: directories that belong to no container, and stay until somebody removes them.

A volume's files are owned by the ids of the scheme that made it, as a container's writable layer is. Its row comes last when it is
made and goes first when it is removed, so a directory without a row is left over, never half of a volume.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from dockmagic.errors import ConflictError, NotFoundError
from dockmagic.layers.owner import Owner
from dockmagic.store.aside import new_name
from dockmagic.store.database import Database
from dockmagic.store.faults import told
from dockmagic.store.layout import Layout

# Docker's own mark of a volume that nobody named.
ANONYMOUS = "com.docker.volume.anonymous"
_LOCK = "volumes"


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeRow:
    """A volume as stored.

    Attributes:
        name: unique among all volumes.
        directory: where its files are, relative to the root of its scheme.
        scheme: the ids that its files belong to.
        created: seconds since 1970.
        labels: by name.
    """

    name: str
    directory: str
    scheme: str
    created: int
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_anonymous(self) -> bool:
        """Nobody named it: it was made for one container."""
        return ANONYMOUS in self.labels


class Volumes:
    """The room of volumes."""

    def __init__(self, layout: Layout, database: Database, owner: Owner) -> None:
        self._layout = layout
        self._database = database
        self._owner = owner

    @contextmanager
    def settled(self) -> Iterator[None]:
        """While the block runs no other process decides what a volume holds at first, nor which volumes a container has."""
        with told(self._layout.locks):
            self._layout.locks.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self._layout.locks / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def create(self, name: str, labels: Mapping[str, str] | None = None, *, tree: str = "") -> VolumeRow:
        """Make a volume; one that is there stays as it is, its labels too.

        Args:
            name: of it.
            labels: of a new one.
            tree: a directory relative to the scheme's root that becomes its content; "" for an empty one.
        """
        aside = tree or self._empty()
        directory = f"volumes/{secrets.token_hex(32)}"
        try:
            with self._database.writing() as connection, told(self._layout.roots):
                found = connection.execute("SELECT * FROM volumes WHERE name = ?", (name,)).fetchone()
                if found is not None:
                    return _row(found)
                self._owner.call("rename", {"src": aside, "dst": directory})
                connection.execute(
                    "INSERT INTO volumes (name, directory, scheme, created, labels) VALUES (?, ?, ?, ?, ?)",
                    (name, directory, self._layout.scheme, int(time.time()), json.dumps(dict(labels or {}))),
                )
                return _row(connection.execute("SELECT * FROM volumes WHERE name = ?", (name,)).fetchone())
        finally:
            self._remove(aside)

    def fill(self, row: VolumeRow, tree: str) -> VolumeRow:
        """Put a directory in the place of a volume's empty one; its name stays. To be called in :meth:`settled`."""
        directory = f"volumes/{secrets.token_hex(32)}"
        with self._database.writing() as connection, told(self._layout.roots):
            self._owner.call("rename", {"src": tree, "dst": directory})
            connection.execute("UPDATE volumes SET directory = ? WHERE name = ?", (directory, row.name))
            found = connection.execute("SELECT * FROM volumes WHERE name = ?", (row.name,)).fetchone()
        self._remove(row.directory)
        return _row(found)

    def find(self, name: str) -> VolumeRow | None:
        """The volume of that name; None if there is none."""
        with self._database.reading() as connection:
            found = connection.execute("SELECT * FROM volumes WHERE name = ?", (name,)).fetchone()
        return _row(found) if found is not None else None

    def get(self, name: str) -> VolumeRow:
        """The volume of that name.

        Raises:
            NotFoundError: there is none.
        """
        row = self.find(name)
        if row is None:
            raise NotFoundError(f"no such volume: {name}", hint="see %container volume ls")
        return row

    def list(self) -> list[VolumeRow]:
        """All volumes by name."""
        with self._database.reading() as connection:
            return [_row(row) for row in connection.execute("SELECT * FROM volumes ORDER BY name")]

    def users(self) -> dict[str, tuple[str, ...]]:
        """Names of the containers that have a volume, by its name; ended ones too."""
        with self._database.reading() as connection:
            return _users(connection)

    def unused(self, *, anonymous: bool = True) -> tuple[VolumeRow, ...]:
        """Volumes that no container has: those that nobody named, or all."""
        users = self.users()
        return tuple(row for row in self.list() if row.name not in users and (row.is_anonymous or not anonymous))

    def remove(self, name: str) -> None:
        """Remove a volume with its files.

        Raises:
            NotFoundError: there is none.
            ConflictError: a container has it.
        """
        with self.settled(), self._database.writing() as connection:
            found = connection.execute("SELECT * FROM volumes WHERE name = ?", (name,)).fetchone()
            if found is None:
                raise NotFoundError(f"no such volume: {name}", hint="see %container volume ls")
            users = _users(connection).get(name, ())
            if users:
                raise ConflictError(
                    f"volume {name} is in use by container {users[0]}", hint=f"%container rm {users[0]} lets it go"
                )
            connection.execute("DELETE FROM volumes WHERE name = ?", (name,))
        if found["scheme"] == self._layout.scheme:
            self._remove(found["directory"])

    def remove_unused(self, rows: Sequence[VolumeRow]) -> tuple[str, ...]:
        """Remove those of these volumes that no container has meanwhile; returns their names."""
        gone = []
        for row in rows:
            with suppress(NotFoundError, ConflictError):
                self.remove(row.name)
                gone.append(row.name)
        return tuple(gone)

    def drop_anonymous(self, spec: Mapping[str, Any]) -> None:
        """Remove the volumes without a name that a container which is gone had; ``spec`` is that of its row."""
        rows = [self.find(name) for name in names_in(spec)]
        self.remove_unused([row for row in rows if row is not None and row.is_anonymous])

    def _empty(self) -> str:
        aside = f"tmp/{new_name()}"
        with told(self._layout.roots):
            self._owner.call("mkdir", {"paths": [aside]})
        return aside

    def _remove(self, tree: str) -> None:
        with told(self._layout.roots):
            self._owner.call("remove", {"path": tree})


def names_in(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the volumes that a container has."""
    return tuple(mount["name"] for mount in spec.get("mounts", ()) if mount["type"] == "volume")


def _users(connection: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for row in connection.execute("SELECT name, spec FROM containers ORDER BY sequence"):
        for name in names_in(json.loads(row["spec"])):
            found[name] = (*found.get(name, ()), row["name"])
    return found


def _row(found: sqlite3.Row) -> VolumeRow:
    return VolumeRow(
        name=found["name"],
        directory=found["directory"],
        scheme=found["scheme"],
        created=found["created"],
        labels=json.loads(found["labels"]),
    )
