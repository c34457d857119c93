"""Naming what is damaged, missing or unaccounted.

Files are listed before the rows are read: content gets its row last, so what was listed and has neither a row nor a
living process's lease is left over.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from dockmagic.errors import DockmagicError, IsolationError, StoreError
from dockmagic.layers.owner import Owner
from dockmagic.oci import config as configs
from dockmagic.oci import reference
from dockmagic.store import trees
from dockmagic.store.aside import is_abandoned
from dockmagic.store.database import Database
from dockmagic.store.faults import told
from dockmagic.store.layout import Layout, snapshot
from dockmagic.store.leases import held
from dockmagic.store.log import container_of
from dockmagic.store.rows import has_table, layers_of
from dockmagic.store.sweep import entries
from dockmagic.store.variants import blobs_of_indexes

_DIFFERS = "differs from its digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """Names that stood in the store's directories."""

    blobs: frozenset[str]
    layers: frozenset[str]
    snapshots: frozenset[str]
    containers: frozenset[str]
    logs: frozenset[str]
    volumes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """What the tables say; digests are their hexadecimal digits, volumes the names by their directories' names."""

    images: tuple[sqlite3.Row, ...]
    image_layers: dict[str, tuple[str, ...]]
    layers: tuple[sqlite3.Row, ...]
    containers: frozenset[str]
    volumes: Mapping[str, str]
    held: frozenset[str]
    others: Mapping[str, str]
    names: Mapping[str, tuple[str, ...]]
    indexes: frozenset[str]


Kind = Literal["database", "left over", "blob", "metadata", "tree", "image", "volume", "shared"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A damaged, missing or unaccounted thing.

    Attributes:
        path: relative to the store's directory; of an image its id.
        words: what is wrong with it.
        kind: what it is; ``"left over"`` for what nothing refers to.
        digest: of the blob, or the DiffID of the layer, or the image's id; "" for the rest.
        users: names, or ids, of the images that have it.
    """

    path: str
    words: str
    kind: Kind
    digest: str = ""
    users: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}: {self.words}"


def check(layout: Layout, database: Database, owner: Owner, *, content: bool) -> list[Problem]:
    """Name every problem, in a fixed order; see :meth:`dockmagic.store.store.Store.check`."""
    with told(layout.home):
        listing = _list(layout)
        try:
            rows, problems = _read(layout, database)
        except StoreError as error:
            words = f"{error.message} ({error.detail.rpartition(': ')[2]})"
            return [Problem(path="db.sqlite", words=words, kind="database")]
        problems += _unaccounted(listing, rows)
        problems += _left_over(layout)
        problems += _missing(layout, listing, rows)
        if content:
            problems += _damaged_blobs(layout, rows)
            problems += _damaged_trees(layout, owner, listing, rows)
        problems += _images(layout, rows)
    users = _users(rows)
    return [replace(problem, users=users.get(problem.digest, ())) for problem in problems]


def _users(rows: _Rows) -> dict[str, tuple[str, ...]]:
    """By digest of a blob or DiffID: names of the images that have it."""
    blobs: dict[str, str | None] = {row["diff_id"]: row["blob_digest"] for row in rows.layers}
    found: dict[str, dict[str, None]] = {}
    for row in rows.images:
        own = rows.names.get(row["id"]) or (row["id"],)
        for diff_id in rows.image_layers[row["id"]]:
            for digest in (diff_id, blobs.get(diff_id) or diff_id):
                found.setdefault(digest, {}).update(dict.fromkeys(own))
        for digest in (row["id"], row["manifest_digest"]):
            found.setdefault(digest, {}).update(dict.fromkeys(own))
    for digest, diff_id in rows.others.items():
        found[digest] = found.get(diff_id, {})
    return {digest: tuple(names) for digest, names in found.items()}


def _list(layout: Layout) -> _Listing:
    def names(directory: Path) -> frozenset[str]:
        # a link that leads nowhere, as to a shared store that has gone, is as good as nothing
        return frozenset(path.name for path in entries(directory) if not path.is_symlink() or path.exists())

    return _Listing(
        blobs=names(layout.blobs),
        layers=names(layout.layers),
        snapshots=names(layout.roots / "snapshots"),
        containers=names(layout.roots / "containers"),
        logs=names(layout.logs),
        volumes=names(layout.roots / "volumes"),
    )


def _read(layout: Layout, database: Database) -> tuple[_Rows, list[Problem]]:
    with database.reading() as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        words = [row[0] for row in found if row[0] != "ok"]
        words += [f"a row of {row[0]} refers to nothing" for row in connection.execute("PRAGMA foreign_key_check")]
        names: dict[str, list[str]] = {}
        for row in connection.execute("SELECT name, image_id FROM tags ORDER BY name"):
            names.setdefault(row["image_id"], []).append(reference.parse_normalized(row["name"]).familiar)
        images = tuple(connection.execute("SELECT * FROM images ORDER BY sequence"))
        rows = _Rows(
            images=images,
            image_layers={row["id"]: layers_of(connection, row["id"]) for row in images},
            layers=tuple(connection.execute("SELECT * FROM layers")),
            containers=frozenset(row["id"] for row in connection.execute("SELECT id FROM containers")),
            volumes=_volumes(connection, layout.scheme),
            held=frozenset(digest.removeprefix("sha256:") for digest in held(connection)),
            others=_others(connection),
            indexes=frozenset(blobs_of_indexes(connection)),
            names={image_id: tuple(own) for image_id, own in names.items()},
        )
    return rows, [Problem(path="db.sqlite", words=text, kind="database") for text in words]


def _volumes(connection: sqlite3.Connection, scheme: str) -> dict[str, str]:
    if not has_table(connection, "volumes"):
        return {}
    rows = connection.execute("SELECT directory, name FROM volumes WHERE scheme = ?", (scheme,))
    return {row["directory"].removeprefix("volumes/"): row["name"] for row in rows}


def _blob_digests(rows: _Rows) -> frozenset[str]:
    """Digests of all blobs that rows refer to."""
    found = {row["blob_digest"] for row in rows.layers if row["blob_digest"]} | rows.others.keys()
    for row in rows.images:
        found |= {row["id"], row["manifest_digest"]}
    return frozenset(found | rows.indexes)


def _others(connection: sqlite3.Connection) -> dict[str, str]:
    return {row["digest"]: row["diff_id"] for row in connection.execute("SELECT digest, diff_id FROM other_blobs")}


def _unaccounted(listing: _Listing, rows: _Rows) -> list[Problem]:
    layers = {_hex(row["diff_id"]) for row in rows.layers} | rows.held
    blobs = {_hex(digest) for digest in _blob_digests(rows)} | rows.held
    groups = (
        ("blobs/sha256", listing.blobs - blobs),
        ("layers", {name for name in listing.layers if name.removesuffix(".json") not in layers}),
        ("snapshots", listing.snapshots - layers),
        ("containers", listing.containers - rows.containers),
        ("logs", {name for name in listing.logs if container_of(name) not in rows.containers}),
        ("volumes", listing.volumes - rows.volumes.keys()),
    )
    return [
        Problem(path=f"{directory}/{name}", words="nothing refers to it", kind="left over")
        for directory, names in groups
        for name in sorted(names)
    ]


def _left_over(layout: Layout) -> list[Problem]:
    now = time.time()
    return [
        Problem(path=f"{name}/{path.name}", words="left by a process that has ended", kind="left over")
        for name, directory in (
            ("tmp", layout.tmp),
            ("roots/tmp", layout.roots / "tmp"),
            ("roots/work", layout.roots / "work"),
        )
        for path in entries(directory)
        if is_abandoned(path, now=now)
    ]


def _is_elsewhere(layout: Layout, diff_id: str) -> bool:
    """Whether another id scheme has the layer's tree, or may have it: it cannot be looked for in all of them."""
    for root in layout.roots.parent.iterdir():
        try:
            if (root / snapshot(diff_id)).is_dir():
                return True
        except PermissionError:
            return True
    return False


def _missing(layout: Layout, listing: _Listing, rows: _Rows) -> list[Problem]:
    problems = [
        _problem("blob", digest, "missing")
        for digest in sorted(_blob_digests(rows))
        if _hex(digest) not in listing.blobs
    ]
    for row in rows.layers:
        name = _hex(row["diff_id"])
        if f"{name}.json" not in listing.layers:
            problems.append(_problem("metadata", row["diff_id"], "missing"))
        # A layer with a blob gets its tree again when it is asked for, and one with a tree in another scheme.
        if row["blob_digest"] is None and name not in listing.snapshots and not _is_elsewhere(layout, row["diff_id"]):
            problems.append(_problem("tree", row["diff_id"], "missing"))
    for directory in sorted(rows.volumes.keys() - listing.volumes):
        words = f"the files of volume {rows.volumes[directory]} are missing"
        problems.append(Problem(path=f"volumes/{directory}", words=words, kind="volume"))
    return problems


def _problem(kind: Literal["blob", "metadata", "tree"], digest: str, words: str) -> Problem:
    paths = {"blob": "blobs/sha256/{}", "metadata": "layers/{}.json", "tree": "snapshots/{}"}
    return Problem(path=paths[kind].format(_hex(digest)), words=words, kind=kind, digest=digest)


def _damaged_blobs(layout: Layout, rows: _Rows) -> list[Problem]:
    problems = []
    for digest in sorted(_blob_digests(rows)):
        try:
            with layout.blob(digest).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            continue  # named as missing
        except PermissionError:
            problems.append(_problem("blob", digest, "cannot be read"))
            continue
        if found != _hex(digest):
            problems.append(_problem("blob", digest, _DIFFERS))
    return problems


def _damaged_trees(layout: Layout, owner: Owner, listing: _Listing, rows: _Rows) -> Iterator[Problem]:
    """Pack every tree of the scheme and compare its digest, which is the truth of all that it holds."""
    for row in rows.layers:
        name = _hex(row["diff_id"])
        if name not in listing.snapshots or f"{name}.json" not in listing.layers:
            continue
        try:
            with layout.metadata(row["diff_id"]).open("rb") as metadata:
                found = trees.digest(owner, snapshot(row["diff_id"]), metadata.fileno())
                whole = trees.stands(owner, snapshot(row["diff_id"]), metadata.fileno())
        except IsolationError:
            return  # this host runs no jobs
        except (DockmagicError, OSError) as error:
            yield _problem("tree", row["diff_id"], f"cannot be read ({type(error).__name__})")
            continue
        if found != row["tree_digest"]:
            yield _problem("tree", row["diff_id"], _DIFFERS)
        elif not whole:
            yield _problem("tree", row["diff_id"], "differs from its metadata")


def _images(layout: Layout, rows: _Rows) -> Iterator[Problem]:
    for row in rows.images:
        try:
            config = configs.parse(layout.blob(row["id"]).read_bytes())
        except (DockmagicError, FileNotFoundError):
            yield _image(row["id"], "its config cannot be read")
            continue
        if config.diff_ids != rows.image_layers[row["id"]]:
            yield _image(row["id"], "its rows name other layers than its config")


def _image(image_id: str, words: str) -> Problem:
    return Problem(path=f"image {image_id}", words=words, kind="image", digest=image_id)


def _hex(digest: str) -> str:
    return str(digest).removeprefix("sha256:")
