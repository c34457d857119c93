"""Removing what nothing refers to, while others work on the same store.

Rows go first, in a transaction of their own: a row means that its content is whole, also when this process is killed at
the next step. What is unreferenced then is decided inside a second transaction, in which nobody can add a reference or a
lease; there it is only renamed to a temporary name, which is quick. The removal itself follows outside. A kill on the way
leaves content without a row or temporary things of a dead process, which the next sweep removes.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dockmagic.errors import IsolationError
from dockmagic.layers.owner import Owner
from dockmagic.store.aside import is_abandoned, new_name
from dockmagic.store.database import Database
from dockmagic.store.faults import told
from dockmagic.store.layout import Layout
from dockmagic.store.leases import drop_dead, held
from dockmagic.store.log import container_of
from dockmagic.store.rows import layers_of
from dockmagic.store.variants import blobs_of_indexes, forget_unnamed_indexes

TRIAL = "trial-"
_TRIAL_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class _Trash:
    """What was renamed and waits for its removal: files, and trees relative to the scheme's root."""

    files: list[Path] = field(default_factory=list)
    trees: list[str] = field(default_factory=list)


def sweep(layout: Layout, database: Database, owner: Owner) -> None:
    """Remove layers, blobs, logs, trees and temporary things that no row and no living process's lease refers to.

    Trees of other id schemes stay until somebody sweeps there; on a host without a runtime all trees stay.

    Raises:
        StoreError: the store cannot be written.
    """
    trash = _Trash()
    with told(layout.home):
        # What needs no transaction goes first: on a full disk that gives the transaction its room.
        now = time.time()
        abandoned = [p for p in entries(layout.tmp) if is_abandoned(p, now=now)]
        trees = [
            f"{area}/{p.name}"
            for area in ("tmp", "work")
            for p in entries(layout.roots / area)
            if is_abandoned(p, now=now)
        ]
        _empty(_Trash(abandoned, trees), owner)
        with database.writing() as connection:
            drop_dead(connection)
            _forget(connection)
        with database.writing() as connection, suppress(IsolationError):
            _set_aside(connection, layout, owner, trash)
        _empty(trash, owner)


def _forget(connection: sqlite3.Connection) -> None:
    """Delete the rows of unreferenced layers, and of compressions of layers that no image's manifest names."""
    wanted = _referred(connection)
    gone = [row for row in connection.execute("SELECT diff_id FROM layers") if row["diff_id"] not in wanted]
    connection.executemany("DELETE FROM layers WHERE diff_id = ?", [(row["diff_id"],) for row in gone])
    forget_unnamed_indexes(connection)
    named = held(connection) | {row["digest"] for row in connection.execute("SELECT digest FROM image_blobs")}
    named |= set(blobs_of_indexes(connection))
    spare = [row for row in connection.execute("SELECT digest FROM other_blobs") if row["digest"] not in named]
    connection.executemany("DELETE FROM other_blobs WHERE digest = ?", [(row["digest"],) for row in spare])


def _referred(connection: sqlite3.Connection) -> set[str]:
    """Layers that images, cache rows or leases have, and whatever else is leased."""
    leased = held(connection)
    wanted = {d for image_id in leased for d in layers_of(connection, image_id)} | leased
    for query in ("SELECT diff_id FROM image_layers", "SELECT diff_id FROM cache WHERE diff_id IS NOT NULL"):
        wanted.update(row["diff_id"] for row in connection.execute(query))
    return wanted


def _wanted_layers(connection: sqlite3.Connection) -> frozenset[str]:
    """Digits of the DiffIDs that a row or a lease refers to."""
    rows = connection.execute("SELECT diff_id FROM layers")
    return _digits(_referred(connection) | {row["diff_id"] for row in rows})


def _wanted_blobs(connection: sqlite3.Connection) -> frozenset[str]:
    """Digits of the blobs that a row or a lease refers to; a DiffID alone wants no blob, though one may have its digest."""
    wanted = set(held(connection)) | set(blobs_of_indexes(connection))
    for query in (
        "SELECT blob_digest AS digest FROM layers WHERE blob_digest IS NOT NULL",
        "SELECT digest FROM other_blobs",
        "SELECT id AS digest FROM images",
        "SELECT manifest_digest AS digest FROM images",
    ):
        wanted.update(row["digest"] for row in connection.execute(query))
    return _digits(wanted)


def _digits(digests: Iterable[str]) -> frozenset[str]:
    return frozenset(digest.removeprefix("sha256:") for digest in digests)


def _set_aside(connection: sqlite3.Connection, layout: Layout, owner: Owner, trash: _Trash) -> None:
    """Rename what is not wanted; no other process can want it anew before the transaction ends."""
    wanted, blobs = _wanted_layers(connection), _wanted_blobs(connection)
    containers = {row["id"] for row in connection.execute("SELECT id FROM containers")}
    volumes = {row["directory"] for row in connection.execute("SELECT directory FROM volumes")}
    files = [
        *(p for p in entries(layout.blobs) if p.name not in blobs),
        *(p for p in entries(layout.layers) if p.name.removesuffix(".json") not in wanted),
        *(p for p in entries(layout.logs) if container_of(p.name) not in containers),
    ]
    for file in files:
        target = layout.tmp / new_name()
        with suppress(FileNotFoundError):  # who deleted the row removes it too
            file.rename(target)
            trash.files.append(target)
    trees = [
        *(p for p in entries(layout.roots / "snapshots") if p.name not in wanted),
        *(p for p in entries(layout.roots / "containers") if p.name not in containers and not _is_tried(p)),
        *(p for p in entries(layout.roots / "volumes") if f"volumes/{p.name}" not in volumes),
    ]
    for tree in trees:
        aside = f"tmp/{new_name()}"
        with suppress(FileNotFoundError):
            owner.call("rename", {"src": f"{tree.parent.name}/{tree.name}", "dst": aside})
            trash.trees.append(aside)


def _is_tried(path: Path) -> bool:
    """Whether a process may be trying just now what the host gives in this directory; that takes less than a second."""
    try:
        return path.name.startswith(TRIAL) and time.time() - path.lstat().st_mtime < _TRIAL_SECONDS
    except FileNotFoundError:
        return True


def _empty(trash: _Trash, owner: Owner) -> None:
    for file in trash.files:
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file, ignore_errors=True)
        else:
            file.unlink(missing_ok=True)
    with suppress(IsolationError):
        for tree in trash.trees:
            # Another process may sweep the same: gone is what we want.
            with suppress(FileNotFoundError):
                owner.call("remove", {"path": tree})


def entries(directory: Path) -> Iterable[Path]:
    """What stands in a directory, sorted; nothing when there is none."""
    try:
        return sorted(directory.iterdir())
    except FileNotFoundError:
        return []
