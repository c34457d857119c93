"""Naming what is damaged, missing or unaccounted.

Files are listed before the rows are read: content gets its row last, so what was listed and has neither a row nor a
living process's lease is left over.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dockmagic.errors import DockmagicError, IsolationError, StoreError
from dockmagic.layers.owner import Owner
from dockmagic.oci import config as configs
from dockmagic.store import trees
from dockmagic.store.aside import is_abandoned
from dockmagic.store.database import Database
from dockmagic.store.faults import told
from dockmagic.store.layout import Layout, snapshot
from dockmagic.store.leases import held
from dockmagic.store.rows import layers_of
from dockmagic.store.sweep import entries


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """Names that stood in the store's directories."""

    blobs: frozenset[str]
    layers: frozenset[str]
    snapshots: frozenset[str]
    containers: frozenset[str]
    logs: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """What the tables say; digests are their hexadecimal digits."""

    images: tuple[sqlite3.Row, ...]
    image_layers: dict[str, tuple[str, ...]]
    layers: tuple[sqlite3.Row, ...]
    containers: frozenset[str]
    held: frozenset[str]


def check(layout: Layout, database: Database, owner: Owner, *, content: bool) -> list[str]:
    """Name every problem, in a fixed order; see :meth:`dockmagic.store.store.Store.check`."""
    with told(layout.home):
        listing = _list(layout)
        try:
            rows, problems = _read(database)
        except StoreError as error:
            return [f"db.sqlite: {error.message} ({error.detail.rpartition(': ')[2]})"]
        problems += _unaccounted(listing, rows)
        problems += _left_over(layout)
        problems += _missing(listing, rows)
        if content:
            problems += _damaged_blobs(layout, rows)
            problems += _damaged_trees(layout, owner, listing, rows)
        problems += _images(layout, rows)
    return problems


def _list(layout: Layout) -> _Listing:
    def names(directory: Path) -> frozenset[str]:
        return frozenset(path.name for path in entries(directory))

    return _Listing(
        blobs=names(layout.blobs),
        layers=names(layout.layers),
        snapshots=names(layout.roots / "snapshots"),
        containers=names(layout.roots / "containers"),
        logs=names(layout.logs),
    )


def _read(database: Database) -> tuple[_Rows, list[str]]:
    problems = []
    with database.reading() as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        problems += [f"db.sqlite: {row[0]}" for row in found if row[0] != "ok"]
        problems += [
            f"db.sqlite: a row of {row[0]} refers to nothing" for row in connection.execute("PRAGMA foreign_key_check")
        ]
        images = tuple(connection.execute("SELECT * FROM images ORDER BY sequence"))
        rows = _Rows(
            images=images,
            image_layers={row["id"]: layers_of(connection, row["id"]) for row in images},
            layers=tuple(connection.execute("SELECT * FROM layers")),
            containers=frozenset(row["id"] for row in connection.execute("SELECT id FROM containers")),
            held=frozenset(digest.removeprefix("sha256:") for digest in held(connection)),
        )
    return rows, problems


def _blob_digests(rows: _Rows) -> frozenset[str]:
    """Digests of all blobs that rows refer to."""
    found = {row["blob_digest"] for row in rows.layers if row["blob_digest"]}
    for row in rows.images:
        found |= {row["id"], row["manifest_digest"]}
    return frozenset(found)


def _unaccounted(listing: _Listing, rows: _Rows) -> list[str]:
    layers = {_hex(row["diff_id"]) for row in rows.layers} | rows.held
    blobs = {_hex(digest) for digest in _blob_digests(rows)} | rows.held
    groups = (
        ("blobs/sha256", listing.blobs - blobs),
        ("layers", {name for name in listing.layers if name.removesuffix(".json") not in layers}),
        ("snapshots", listing.snapshots - layers),
        ("containers", listing.containers - rows.containers),
        ("logs", listing.logs - rows.containers),
    )
    return [f"{directory}/{name}: nothing refers to it" for directory, names in groups for name in sorted(names)]


def _left_over(layout: Layout) -> list[str]:
    now = time.time()
    return [
        f"{name}/{path.name}: left by a process that has ended"
        for name, directory in (
            ("tmp", layout.tmp),
            ("roots/tmp", layout.roots / "tmp"),
            ("roots/work", layout.roots / "work"),
        )
        for path in entries(directory)
        if is_abandoned(path, now=now)
    ]


def _missing(listing: _Listing, rows: _Rows) -> list[str]:
    problems = [
        f"blobs/sha256/{_hex(digest)}: missing"
        for digest in sorted(_blob_digests(rows))
        if _hex(digest) not in listing.blobs
    ]
    for row in rows.layers:
        name = _hex(row["diff_id"])
        if f"{name}.json" not in listing.layers:
            problems.append(f"layers/{name}.json: missing")
        # A layer with a blob gets its tree again when it is asked for.
        if row["blob_digest"] is None and name not in listing.snapshots:
            problems.append(f"snapshots/{name}: missing")
    return problems


def _damaged_blobs(layout: Layout, rows: _Rows) -> list[str]:
    problems = []
    for digest in sorted(_blob_digests(rows)):
        try:
            with layout.blob(digest).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            continue  # named as missing
        if found != _hex(digest):
            problems.append(f"blobs/sha256/{_hex(digest)}: differs from its digest")
    return problems


def _damaged_trees(layout: Layout, owner: Owner, listing: _Listing, rows: _Rows) -> Iterator[str]:
    """Pack every tree of the scheme and compare its digest, which is the truth of all that it holds."""
    for row in rows.layers:
        name = _hex(row["diff_id"])
        if name not in listing.snapshots or f"{name}.json" not in listing.layers:
            continue
        try:
            with layout.metadata(row["diff_id"]).open("rb") as metadata:
                found = trees.digest(owner, snapshot(row["diff_id"]), metadata.fileno())
        except IsolationError:
            return  # this host runs no jobs
        except (DockmagicError, OSError) as error:
            yield f"snapshots/{name}: cannot be read ({type(error).__name__})"
            continue
        if found != row["tree_digest"]:
            yield f"snapshots/{name}: differs from its digest"


def _images(layout: Layout, rows: _Rows) -> Iterator[str]:
    for row in rows.images:
        try:
            config = configs.parse(layout.blob(row["id"]).read_bytes())
        except (DockmagicError, FileNotFoundError):
            yield f"image {row['id']}: its config cannot be read"
            continue
        if config.diff_ids != rows.image_layers[row["id"]]:
            yield f"image {row['id']}: its rows name other layers than its config"


def _hex(digest: str) -> str:
    return str(digest).removeprefix("sha256:")
