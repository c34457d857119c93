"""Layers: the truth of each in a metadata file, its tree once a scheme, and the blob that it came from, if any.

A layer that came as a tar keeps that blob; its tree can be made again. A built layer *is* its tree; its tar is packed
from tree and metadata, always with the same bytes.

The order of every change: content is durable, then its name is, then the row; see ``docs/store.md``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from dockmagic.errors import ArchiveError, NotFoundError, StoreCorruptError
from dockmagic.layers.owner import Owner
from dockmagic.oci.changeset import Entry
from dockmagic.oci.descriptor import Descriptor
from dockmagic.store import aside
from dockmagic.store.aside import Aside
from dockmagic.store.blobs import Blobs, Received
from dockmagic.store.database import Database
from dockmagic.store.faults import told
from dockmagic.store.layout import Layout, snapshot
from dockmagic.store.leases import FRESH, take
from dockmagic.store.trees import Trees, Unpacked


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRecord:
    """A layer as stored.

    Attributes:
        diff_id: digest of the uncompressed changeset.
        size: bytes of regular files in it, hard links once.
        files: entries other than directories.
        tar_size: bytes of the uncompressed changeset.
        blob: what it came from, None for a built one.
        host_made: it was assembled from this machine.
    """

    diff_id: str
    size: int
    files: int
    tar_size: int
    blob: Descriptor | None
    host_made: bool


class Layers:
    """The room of layers."""

    def __init__(self, layout: Layout, database: Database, blobs: Blobs, owner: Owner) -> None:
        self._layout = layout
        self._database = database
        self._blobs = blobs
        self._trees = Trees(layout, owner)

    def has(self, diff_id: str) -> bool:
        """Whether the layer is stored."""
        return self._find(diff_id) is not None

    def get(self, diff_id: str) -> LayerRecord:
        """The layer of that DiffID.

        Raises:
            NotFoundError: there is none.
        """
        found = self._find(diff_id)
        if found is None:
            raise NotFoundError(f"no such layer: {diff_id}")
        return found

    def _find(self, diff_id: str) -> LayerRecord | None:
        with self._database.reading() as connection:
            row = connection.execute("SELECT * FROM layers WHERE diff_id = ?", (diff_id,)).fetchone()
        return _record(row) if row is not None else None
