"""Rows of containers: what they were made of, who runs them, and how they ended."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dockmagic.errors import EXIT_KILLED, ConflictError, NotFoundError, UsageError
from dockmagic.store import holder
from dockmagic.store.database import Database
from dockmagic.store.faults import told
from dockmagic.store.holder import Holder
from dockmagic.store.layout import Layout
from dockmagic.store.log import marks_path

CREATED, RUNNING, EXITED = "created", "running", "exited"
_PREFIX = re.compile(r"[0-9a-f]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRow:
    """A container as stored.

    Attributes:
        id: 64 hexadecimal digits.
        name: unique among all containers.
        image_id: ``"sha256:…"``; the image cannot be deleted while this row stands.
        image_ref: the image as it was named.
        status: ``"created"``, ``"running"`` or ``"exited"``; a running one whose kernel has died reads as exited.
        exit_code: of the last process, None before the first ended.
        spec: options that an exec takes up again; JSON.
        owners: owners that the tree cannot hold in a scheme of one id; JSON, as the sandbox gave it.
        pid: of its first process while it runs, else 0.
        birth: of the same, clock ticks since boot.
        kernel_pid: of the process that runs it.
        kernel_birth: of the same.
        kept: it stays when it has ended.
        order: grows with each container.
        health: what its health check said last; JSON, {} where nothing is checked.
        paused: pid and birth of its processes that were stopped already when it was paused; None where it is not.
        kernel_lives: whether that process lives, as far as can be seen from here.
    """

    id: str
    name: str
    image_id: str
    image_ref: str
    status: str
    exit_code: int | None
    command: tuple[str, ...]
    spec: Mapping[str, Any] = field(repr=False)
    owners: Mapping[str, Any] = field(repr=False)
    pid: int
    birth: int
    kernel_pid: int
    kernel_birth: int
    kept: bool
    order: int
    health: Mapping[str, Any] = field(default_factory=dict, repr=False)
    paused: tuple[tuple[int, int], ...] | None = None
    kernel_lives: bool = True

    @property
    def is_over(self) -> bool:
        """Nobody uses it: it has ended and was kept, or the kernel that made it has died."""
        return not self.kernel_lives or (self.status == EXITED and self.kept)


class Containers:
    """The room of containers."""

    def __init__(self, layout: Layout, database: Database) -> None:
        self._layout = layout
        self._database = database

    def create(
        self,
        *,
        id: str,  # noqa: A002 - docker's name
        name: str,
        image_id: str,
        image_ref: str,
        command: Sequence[str] = (),
        spec: Mapping[str, Any] | None = None,
        kept: bool = False,
        kernel_pid: int,
    ) -> ContainerRow:
        """Add a container that has not started; its trees are the caller's to make, after this.

        Raises:
            ConflictError: the name is taken.
            NotFoundError: the image is gone.
        """
        self._layout.log(id)
        with self._database.writing() as connection:
            if connection.execute("SELECT 1 FROM containers WHERE name = ?", (name,)).fetchone():
                raise ConflictError(
                    f'the name "{name}" belongs to another container', hint=f"%container rm {name} removes it"
                )
            if not connection.execute("SELECT 1 FROM images WHERE id = ?", (image_id,)).fetchone():
                raise NotFoundError(f"image not found: {image_ref}", hint="see %container images")
            connection.execute(
                "INSERT INTO containers (id, name, image_id, image_ref, status, command, spec, owners, pid, birth,"
                " kernel, kept) VALUES (?, ?, ?, ?, ?, ?, ?, '{}', 0, 0, ?, ?)",
                (
                    id, name, image_id, image_ref, CREATED, json.dumps(list(command)), json.dumps(dict(spec or {})),
                    holder.of(kernel_pid).token(), kept,
                ),
            )  # fmt: skip
            return _row(connection.execute("SELECT * FROM containers WHERE id = ?", (id,)).fetchone())

    def started(self, container_id: str, *, pid: int, birth: int) -> None:
        """Say that its first process runs, started by this process.

        Raises:
            NotFoundError: it was removed meanwhile.
        """
        kernel = holder.of(os.getpid()).token()
        self._set(
            container_id,
            "status = ?, pid = ?, birth = ?, kernel = ?, exit_code = NULL, paused = 'null'",
            (RUNNING, pid, birth, kernel),
        )

    def ended(
        self, container_id: str, *, exit_code: int, stopped: str = "", owners: Mapping[str, Any] | None = None
    ) -> None:
        """Say how its first process ended, and what stopped it, "" for nothing; the owners are added to those of earlier runs.

        A container that was removed meanwhile stays removed.
        """
        with self._database.writing() as connection:
            found = connection.execute("SELECT owners, spec FROM containers WHERE id = ?", (container_id,)).fetchone()
            if found is None:
                return
            merged = {**json.loads(found["owners"]), **(owners or {})}
            spec = {**json.loads(found["spec"]), "stopped": stopped}
            connection.execute(
                "UPDATE containers SET status = ?, exit_code = ?, pid = 0, birth = 0, owners = ?, spec = ?,"
                " paused = 'null' WHERE id = ?",
                (EXITED, exit_code, json.dumps(merged), json.dumps(spec), container_id),
            )

    def amend(self, container_id: str, values: Mapping[str, Any]) -> None:
        """Add to its spec, or replace there, what became known since.

        Raises:
            NotFoundError: it was removed meanwhile.
        """
        with self._database.writing() as connection:
            found = connection.execute("SELECT spec FROM containers WHERE id = ?", (container_id,)).fetchone()
            merged = {**(json.loads(found["spec"]) if found is not None else {}), **values}
            _update(connection, container_id, "spec = ?", (json.dumps(merged),))

    def checked(self, container_id: str, health: Mapping[str, Any]) -> None:
        """Write down what its health check says; a container that was removed meanwhile stays removed."""
        with suppress(NotFoundError):
            self._set(container_id, "health = ?", (json.dumps(dict(health)),))

    def pause(self, container_id: str) -> bool:
        """Say that it is paused; False where it is already, or does not run."""
        with self._database.writing() as connection:
            changed = connection.execute(
                "UPDATE containers SET paused = '[]' WHERE id = ? AND paused = 'null' AND status = ?",
                (container_id, RUNNING),
            )
            return changed.rowcount == 1

    def were_stopped(self, container_id: str, processes: Sequence[tuple[int, int]]) -> None:
        """Note which processes of a paused container, pid and birth, were stopped before; one that has ended meanwhile is left alone."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE containers SET paused = ? WHERE id = ? AND paused != 'null'",
                (json.dumps(list(processes)), container_id),
            )

    def unpause(self, container_id: str) -> None:
        """Say that it goes on; a container that was removed meanwhile stays removed."""
        with suppress(NotFoundError):
            self._set(container_id, "paused = 'null'", ())

    def keep(self, container_id: str, *, kept: bool = True) -> None:
        """Say whether it stays when it has ended.

        Raises:
            NotFoundError: it was removed meanwhile.
        """
        self._set(container_id, "kept = ?", (kept,))

    def rename(self, container_id: str, name: str) -> None:
        """Give it another name.

        Raises:
            ConflictError: the name is taken.
            NotFoundError: there is no such container.
        """
        with self._database.writing() as connection:
            taken = connection.execute("SELECT id FROM containers WHERE name = ?", (name,)).fetchone()
            if taken is not None and taken["id"] != container_id:
                raise ConflictError(
                    f'the name "{name}" belongs to another container', hint=f"%container rm {name} removes it"
                )
            _update(connection, container_id, "name = ?", (name,))

    def _set(self, container_id: str, assignments: str, values: tuple[Any, ...]) -> None:
        with self._database.writing() as connection:
            _update(connection, container_id, assignments, values)

    def get(self, wanted: str) -> ContainerRow | None:
        """The container with that id, name, or unique beginning of an id, in this order; None if there is none.

        Raises:
            UsageError: several ids begin so.
        """
        with self._database.reading() as connection:
            for column in ("id", "name"):
                found = connection.execute(f"SELECT * FROM containers WHERE {column} = ?", (wanted,)).fetchone()  # noqa: S608 - two words of ours
                if found is not None:
                    return _row(found)
            if not _PREFIX.fullmatch(wanted):
                return None
            rows = connection.execute("SELECT * FROM containers WHERE id GLOB ? LIMIT 2", (f"{wanted}*",)).fetchall()
        if len(rows) > 1:
            raise UsageError(f"several containers have an id that begins with {wanted}", hint="give more digits")
        return _row(rows[0]) if rows else None

    def get_name(self, name: str) -> ContainerRow | None:
        """The container of exactly that name."""
        with self._database.reading() as connection:
            found = connection.execute("SELECT * FROM containers WHERE name = ?", (name,)).fetchone()
        return _row(found) if found is not None else None

    def list(self) -> list[ContainerRow]:
        """All containers, newest first."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT * FROM containers ORDER BY sequence DESC").fetchall()
        return [_row(row) for row in rows]

    def abandoned(self) -> tuple[ContainerRow, ...]:
        """Containers that nobody kept and whose kernel has died: the engine removes them, tree and row."""
        return tuple(row for row in self.list() if not row.kept and not row.kernel_lives)

    def delete_ended(self, container_id: str) -> bool:
        """Forget a container that has ended meanwhile or long ago; False when it runs again, or is another process's own.

        Its log and its trees go with the next sweep.
        """
        with self._database.writing() as connection:
            found = connection.execute("SELECT * FROM containers WHERE id = ?", (container_id,)).fetchone()
            if found is None or not _row(found).is_over:
                return False
            connection.execute("DELETE FROM containers WHERE id = ?", (container_id,))
        return True

    def delete(self, container_id: str) -> None:
        """Forget a container and its log; its trees are the caller's to remove, after this. None there is success."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM containers WHERE id = ?", (container_id,))
        path = self._layout.log(container_id)
        for file in (path, marks_path(path)):
            with told(file):
                file.unlink(missing_ok=True)

    def log_path(self, container_id: str) -> Path:
        """The file that its output is appended to; not there before the first start."""
        return self._layout.log(container_id)


def _update(connection: sqlite3.Connection, container_id: str, assignments: str, values: tuple[Any, ...]) -> None:
    statement = f"UPDATE containers SET {assignments} WHERE id = ?"  # noqa: S608 - assignments are words of ours
    if connection.execute(statement, (*values, container_id)).rowcount == 0:
        raise NotFoundError(f"no such container: {container_id[:12]}", hint="it was removed meanwhile")


def _row(found: sqlite3.Row) -> ContainerRow:
    kernel = Holder.parse(found["kernel"])
    row = ContainerRow(
        id=found["id"],
        name=found["name"],
        image_id=found["image_id"],
        image_ref=found["image_ref"],
        status=found["status"],
        exit_code=found["exit_code"],
        command=tuple(json.loads(found["command"])),
        spec=json.loads(found["spec"]),
        owners=json.loads(found["owners"]),
        pid=found["pid"],
        birth=found["birth"],
        kernel_pid=kernel.pid if kernel else 0,
        kernel_birth=kernel.birth if kernel else 0,
        kept=bool(found["kept"]),
        health=json.loads(found["health"]),
        paused=_paused(found["paused"]),
        order=found["sequence"],
        kernel_lives=kernel is not None and kernel.lives() is not False,
    )
    if row.status == RUNNING and not row.kernel_lives:
        spec = {**row.spec, "stopped": "killed"}
        return replace(row, status=EXITED, exit_code=EXIT_KILLED, spec=spec, pid=0, birth=0, paused=None)
    return row


def _paused(text: str) -> tuple[tuple[int, int], ...] | None:
    found = json.loads(text)
    return None if found is None else tuple((pid, birth) for pid, birth in found)
