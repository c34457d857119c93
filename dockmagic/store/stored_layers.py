"""Layers that are stored: looked at, compared, rendered as trees and packed as tars."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dockmagic.layers import metadata as truths
from dockmagic.layers.compression import Stream
from dockmagic.layers.metadata import Metadata
from dockmagic.layers.owner import Owner
from dockmagic.oci.changeset import Entry
from dockmagic.store import contents, rendering, trees, union
from dockmagic.store.blobs import Blobs
from dockmagic.store.database import Database
from dockmagic.store.faults import told
from dockmagic.store.layer_rows import LayerRecord, LayerRows
from dockmagic.store.layout import Layout, snapshot
from dockmagic.store.piping import piped
from dockmagic.store.trees import Trees
from dockmagic.store.union import Found, Kind

_KNOWN_METADATA = 32


class StoredLayers:
    """What can be asked of layers without changing any.

    Args:
        layout: where things lie.
        database: the tables.
        blobs: where original blobs lie.
        owner: runs jobs on trees.
    """

    def __init__(self, layout: Layout, database: Database, blobs: Blobs, owner: Owner) -> None:
        self._layout = layout
        self._database = database
        self._blobs = blobs
        self._owner = owner
        self._trees = Trees(layout, owner)
        self._rows = LayerRows(database)
        self._truths = functools.lru_cache(_KNOWN_METADATA)(self._read_truth)

    def has(self, diff_id: str) -> bool:
        """Whether the layer is stored."""
        return self._rows.find(diff_id) is not None

    def get(self, diff_id: str) -> LayerRecord:
        """The layer of that DiffID.

        Raises:
            NotFoundError: there is none.
        """
        return self._rows.get(diff_id)

    def sizes(self) -> dict[str, int]:
        """Bytes of regular files of every stored layer, by DiffID."""
        return self._rows.sizes()

    def footprints(self) -> dict[str, int]:
        """Bytes that every stored layer has on the disk, its files and its blobs, by DiffID; 0 for one of a shared store."""
        found = self._rows.footprints()
        return {diff_id: 0 if self._layout.metadata(diff_id).is_symlink() else size for diff_id, size in found.items()}

    @contextmanager
    def tar(self, diff_id: str) -> Iterator[Stream]:
        """The layer's uncompressed tar as a stream; see :meth:`pack` for what its reading raises."""
        with piped(functools.partial(self.pack, diff_id)) as stream:
            yield stream

    def snapshot(self, diff_id: str) -> str:
        """The layer's tree in the scheme of this store's owner, relative to its root; made again where there is none.

        Raises:
            NotFoundError: there is no such layer.
            StoreError: its tree cannot be made: it stands under other ids only, which this user cannot read.
        """
        if not self._trees.has(diff_id):
            lowers = [(lower, self.snapshot(lower)) for lower in self._below(diff_id)]
            rendering.render(self._layout, self._blobs, self._trees, self.get(diff_id), lowers)
        return snapshot(diff_id)

    def _below(self, diff_id: str) -> tuple[str, ...]:
        """What a layer leans on; nothing where its metadata is lost, which then is made again with its tree."""
        return self._truths(diff_id).below if self._layout.metadata(diff_id).exists() else ()

    def entries(self, diff_id: str) -> tuple[Entry, ...]:
        """What the changeset holds, in the order of its tar.

        Raises:
            StoreError: its metadata is missing or damaged.
        """
        return self._truths(diff_id).entries

    def forget(self) -> None:
        """Read metadata again when it is asked for; after a repair."""
        self._truths.cache_clear()

    def _read_truth(self, diff_id: str) -> Metadata:
        path = self._layout.metadata(diff_id)
        with told(path):
            return truths.parse(path.read_bytes())

    def changes(self, diff_id: str, below: Sequence[str] = ()) -> dict[str, Kind]:
        """What a layer adds, changes and deletes against the layers ``below`` it, base first; absolute paths."""
        return union.changes(self.entries(diff_id), self._union(below))

    def merged(self, diff_ids: Sequence[str]) -> dict[str, Found]:
        """The tree that a stack of layers is, base first: what stands at each absolute path."""
        return {f"/{found.entry.path}": found for found in self._union(diff_ids)}

    def difference(self, before: Sequence[str], after: Sequence[str]) -> dict[str, Kind]:
        """What one stack of layers has that another has not; files are compared by their content, times not at all.

        A hard link counts as the file that it is a name of.
        """
        then, now = (union.plain(self.merged(stack), self.entries) for stack in (before, after))
        told_of, unsure = union.difference(then, now)
        digests = {
            diff_id: contents.file_digests(functools.partial(self.pack, diff_id), self._layout)
            for diff_id in {tree[path].diff_id for path in unsure for tree in (then, now)}
        }
        for path in unsure:
            if digests[then[path].diff_id].get(path[1:]) != digests[now[path].diff_id].get(path[1:]):
                told_of[path] = "C"
        return told_of

    def _union(self, diff_ids: Sequence[str]) -> union.Union:
        return union.union((diff_id, self.entries(diff_id)) for diff_id in diff_ids)

    def pack(self, diff_id: str, out: int) -> None:
        """Write the layer's uncompressed tar, whose digest is the DiffID.

        Args:
            diff_id: of the layer.
            out: descriptor; it stays open.

        Raises:
            NotFoundError: there is no such layer.
            StoreCorruptError: what is stored is damaged; what was written is worthless.
        """
        record = self.get(diff_id)
        if record.blob is not None:
            contents.write_uncompressed(self._blobs, record.blob, diff_id, out)
            return
        tree, path = self.snapshot(diff_id), self._layout.metadata(diff_id)
        with told(path), path.open("rb") as metadata:
            found = trees.pack(self._owner, tree, metadata.fileno(), out)
        contents.require_undamaged(found, diff_id)
