"""A store that somebody else keeps, as a course's images for many users: it is read and never written, not even a lock of it.

What of it can be used without a copy depends on whose files its trees are. Blobs and metadata are the same for everybody. A tree
belongs to the ids of its scheme, so only who has the same ids can use it as it stands; everybody else makes a tree of their own
from the blob, as they would of a pulled one.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dockmagic.errors import StoreError
from dockmagic.store.blobs import Blobs
from dockmagic.store.database import Database
from dockmagic.store.faults import told
from dockmagic.store.images import Images
from dockmagic.store.layout import FORMAT, Layout, snapshot

_SINGLE = "single-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Where a layer's content lies.

    Attributes:
        diff_id: of the layer.
        metadata: its truth.
        blobs: its blobs that can be read, by digest.
        trees: directories that may be its tree for this user; which one is, the kernel says.
    """

    diff_id: str
    metadata: Path
    blobs: tuple[tuple[str, Path], ...]
    trees: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An image of a shared store: all that a private one needs to have it too.

    Attributes:
        id: digest of the config.
        manifest_digest: of the manifest.
        config: bytes.
        manifest: bytes.
        layers: each once.
        rows: of the tables, by the table's name; what an image has besides its own row.
    """

    id: str
    manifest_digest: str
    config: bytes = field(repr=False)
    manifest: bytes = field(repr=False)
    layers: tuple[Layer, ...] = field(repr=False)
    rows: tuple[tuple[str, tuple[tuple[object, ...], ...]], ...] = field(repr=False)


class SharedStore:
    """A store to read from.

    Args:
        path: its directory.
        scheme: of the ids of who reads.
    """

    def __init__(self, path: Path, scheme: str) -> None:
        self.path = path
        self._layout = Layout(home=path, scheme=scheme)
        self._database = Database(self._layout.database, read_only=True)
        self._blobs = Blobs(self._layout, self._database)
        self._images = Images(self._database, self._blobs)

    @classmethod
    def open(cls, path: Path, scheme: str) -> SharedStore:
        """Open the store in a directory.

        Raises:
            StoreError: there is none, it cannot be read, another version of dockmagic made it, or everybody can write to it.
        """
        store = cls(path, scheme)
        store._require_usable()
        return store

    def _require_usable(self) -> None:
        with told(self.path):
            try:
                found = self._layout.version.read_text("ascii", "replace")
            except (FileNotFoundError, NotADirectoryError):
                raise StoreError(
                    "the shared store is not there",
                    hint="DOCKMAGIC_SHARED names a directory that was filled by DOCKMAGIC_HOME=DIRECTORY dockmagic pull",
                    detail=str(self.path),
                ) from None
            except PermissionError:
                raise _unreadable(self.path) from None
            mode = self.path.stat().st_mode
        if mode & stat.S_IWOTH:
            raise StoreError(
                "everybody can write to the shared store",
                hint="its owner takes that away: chmod o-w",
                detail=str(self.path),
            )
        if found != FORMAT:
            raise StoreError(
                "the shared store was made by a newer dockmagic", hint="update dockmagic", detail=str(self.path)
            )
        if not os.access(self._layout.database, os.R_OK):
            raise _unreadable(self._layout.database)
        self._database.require_current()

    def names(self) -> dict[str, str]:
        """The image's id of every whole name.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._images.names()

    def resolve(self, wanted: str) -> str | None:
        """The id of the image of that name, id, or unique beginning of an id.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._images.resolve(wanted)

    def offer(self, image_id: str) -> Offer:
        """An image with everything of it.

        Raises:
            NotFoundError: there is no such image.
            StoreError: something of it is missing, damaged, or not for this user to read.
        """
        record = self._images.get(image_id)
        with self._database.reading() as connection:
            rows = tuple(_rows(connection, image_id))
        blobs = [
            (row["diff_id"], row[key])
            for name, key in (("layers", "blob_digest"), ("other_blobs", "digest"))
            for row in dict(rows)[name]
            if row[key]
        ]
        return Offer(
            id=image_id,
            manifest_digest=record.manifest_digest,
            config=self._blobs.read(image_id),
            manifest=self._blobs.read(record.manifest_digest),
            layers=tuple(
                self._layer(diff_id, [digest for owner, digest in blobs if owner == diff_id])
                for diff_id in dict.fromkeys(record.diff_ids)
            ),
            rows=tuple((name, tuple(tuple(row) for row in found)) for name, found in rows),
        )

    def _layer(self, diff_id: str, digests: Iterable[str]) -> Layer:
        metadata = self._layout.metadata(diff_id)
        paths = ((digest, self._layout.blob(digest)) for digest in digests)
        blobs = tuple((digest, path) for digest, path in paths if os.access(path, os.R_OK))
        trees = tuple(self._trees(diff_id))
        if not os.access(metadata, os.R_OK) or not (blobs or trees):
            raise _unreadable(metadata)
        return Layer(diff_id=diff_id, metadata=metadata, blobs=blobs, trees=trees)

    def _trees(self, diff_id: str) -> Iterable[Path]:
        """Of the own scheme; and where there is one id only, of any such: a mount may show the files as this user's."""
        own = self._layout.roots
        roots = [own]
        if self._layout.scheme.startswith(_SINGLE):
            with suppress(OSError):
                roots += sorted(path for path in own.parent.iterdir() if path.name.startswith(_SINGLE) and path != own)
        for root in roots:
            with suppress(OSError):
                if (root / snapshot(diff_id)).is_dir():
                    yield root / snapshot(diff_id)


def _rows(connection: sqlite3.Connection, image_id: str) -> Iterable[tuple[str, Sequence[sqlite3.Row]]]:
    """The rows that an image's own row goes with, in an order in which they can be added."""
    of_layers = "diff_id IN (SELECT diff_id FROM image_layers WHERE image_id = ?)"
    for table, condition in (
        ("layers", of_layers),
        ("other_blobs", of_layers),
        ("image_layers", "image_id = ?"),
        ("image_blobs", "image_id = ?"),
    ):
        yield table, connection.execute(f"SELECT * FROM {table} WHERE {condition}", (image_id,)).fetchall()  # noqa: S608 - no value in it


def _unreadable(path: Path) -> StoreError:
    return StoreError(
        "the shared store cannot be read",
        hint="its owner lets everybody read it: DOCKMAGIC_HOME=DIRECTORY dockmagic share",
        detail=str(path),
    )
