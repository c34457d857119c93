"""Layers: the truth of each in a metadata file, its tree once a scheme, and the blob that it came from, if any.

A layer that came as a tar keeps that blob; its tree can be made again. A built layer *is* its tree; its tar is packed
from tree and metadata, always with the same bytes.

The order of every change: content is durable, then its name is, then the row; see ``docs/store.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from dockmagic.errors import ArchiveError, StoreError
from dockmagic.layers.compression import Stream
from dockmagic.layers.owner import Owner
from dockmagic.oci import mediatype
from dockmagic.oci.descriptor import Descriptor
from dockmagic.store import contents
from dockmagic.store.arrival import Arrival
from dockmagic.store.aside import Aside
from dockmagic.store.blobs import Blobs, Received
from dockmagic.store.database import Database
from dockmagic.store.faults import told
from dockmagic.store.gzipping import Gzipped
from dockmagic.store.layer_rows import LayerRecord
from dockmagic.store.layout import Layout
from dockmagic.store.leases import FRESH, release, take
from dockmagic.store.stored_layers import StoredLayers
from dockmagic.store.trees import Numbers


@dataclass(frozen=True, slots=True)
class _Incoming:
    """A layer that comes in.

    Attributes:
        blob: what it comes as.
        diff_id: what the uncompressed tar's digest must be, "" for anything.
        below: the layers below it.
        named: a manifest names the blob, so its very bytes are kept.
        host_made: it was assembled from this machine.
    """

    blob: Descriptor
    diff_id: str
    below: tuple[str, ...]
    named: bool = False
    host_made: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    """An extracted tree that is no layer yet."""

    path: str
    numbers: Numbers
    metadata: Aside


class Layers(StoredLayers):
    """The room of layers: how they come in, and what can be asked of them.

    Args:
        layout: where things lie.
        database: the tables.
        blobs: where original blobs lie.
        owner: runs jobs on trees.
        sweeper: removes what nothing refers to, after a failure.
    """

    def __init__(
        self, layout: Layout, database: Database, blobs: Blobs, owner: Owner, sweeper: Callable[[], None]
    ) -> None:
        super().__init__(layout, database, blobs, owner)
        self._sweeper = sweeper

    def add_tar(
        self,
        stream: Stream | bytes,
        media_type: str = "",
        *,
        expected: Descriptor | None = None,
        diff_id: str = "",
        below: Sequence[str] = (),
        host_made: bool = False,
    ) -> LayerRecord:
        """Take in a layer's tar, plain or compressed, and keep it as its blob; one that is there already is success.

        It is kept at least until this process ends, or until an image or a cache row refers to it.

        Args:
            stream: the tar; it need not be seekable.
            media_type: of the blob; by default what its first bytes say.
            expected: what the blob must be.
            diff_id: what the uncompressed tar's digest must be.
            below: DiffIDs of the layers below it, base first, which are stored; a few tools write layers that lean on them.
            host_made: it was assembled from this machine.

        Raises:
            ArchiveError: it is no tar, is hostile, or is not what was expected; the store is as it was.
            StoreError: it leans on the layers below, and is stored over others already.
        """
        with self._blobs.receive(stream, expected) as received:
            descriptor = expected or Descriptor(
                media_type=media_type or contents.media_type(received.file),
                digest=received.digest,
                size=received.size,
            )
            # The same bytes are known to be the same layer; only new ones are worth extracting.
            known = self._rows.of_blob(received.digest)
            if known is not None and self._keep_known(known, received):
                _require(known.diff_id, diff_id)
                self._require_below(known.diff_id, below)
                return known
            incoming = _Incoming(descriptor, diff_id, tuple(below), named=expected is not None, host_made=host_made)
            return self._compressed_anew(incoming, lambda: received) or self._add_new(received, incoming)

    def _keep_known(self, known: LayerRecord, received: Received) -> bool:
        """Hold a layer that is stored; False when it was swept meanwhile, or its content is lost."""
        with self._database.writing() as connection:
            take(connection, FRESH, [known.diff_id, received.digest])
        return self._rows.find(known.diff_id) is not None and self._stands(known.diff_id, received.digest)

    def _stands(self, diff_id: str, blob: str) -> bool:
        """Whether a layer's truth and its blob are there: in a shared store that has gone they are not."""
        return self._layout.metadata(diff_id).exists() and self._blobs.has(blob)

    def _require_below(self, diff_id: str, below: Sequence[str]) -> None:
        """Refuse a layer that leans on others than these.

        Raises:
            StoreError: it does: one tree cannot be right for both.
        """
        if not self._layout.metadata(diff_id).exists():
            return
        truth = self._truths(diff_id)
        if truth.leans and list(truth.below) != list(below):
            raise StoreError(
                "a layer of the image needs the links of the layers below it, and is stored over other layers already",
                hint="remove the image that has it, then try again",
                detail=f"{diff_id} was extracted over {', '.join(truth.below) or 'nothing'}",
            )

    @contextmanager
    def arriving(self, expected: Descriptor) -> Iterator[Arrival]:
        """A blob that another thread will write while this one extracts it; gone at the end unless a layer took it."""
        with told(self._layout.tmp):
            file = Aside(self._layout.tmp)
        with file:
            yield Arrival(self._layout, self._blobs, file, expected)

    def held(self, blob: Descriptor, *, diff_id: str, below: Sequence[str] = ()) -> LayerRecord | None:
        """The layer that has that blob, held as by :meth:`add_tar`; None when there is none, and it has to be fetched.

        An uncompressed one can be made of any other, or of the tree of a layer that was built here; a compressed one that is here in another compression has to be fetched, for
        a manifest names its very bytes.

        Raises:
            ArchiveError: it is another layer than ``diff_id``.
            StoreError: it leans on other layers than ``below``.
        """
        known = self._rows.of_blob(blob.digest) or (self._rows.find(diff_id) if blob.digest == diff_id else None)
        kept = self._made_of(known, blob) if known is not None else None
        if known is None or kept is None:
            return None
        with self._database.writing() as connection:
            take(connection, FRESH, [known.diff_id, *kept])
        if self._rows.find(known.diff_id) is None:
            return None
        _require(known.diff_id, diff_id)
        self._require_below(known.diff_id, below)
        return known

    def _made_of(self, known: LayerRecord, blob: Descriptor) -> tuple[str, ...] | None:
        """The blobs that a layer's blob can be had from; None where it cannot be."""
        if known.blob is None:
            is_tree = (
                blob.digest == known.diff_id == known.tree_digest and self._layout.metadata(known.diff_id).exists()
            )
            return () if is_tree and self._trees.has(known.diff_id) else None
        kept = known.blob.digest if blob.digest == known.diff_id else blob.digest
        return (kept,) if self._blobs.has(kept) else None

    def add_arriving(self, arrival: Arrival, *, diff_id: str, below: Sequence[str]) -> LayerRecord:
        """As :meth:`add_tar`, of a blob that may still be coming in: it is extracted meanwhile, unless the layer is here.

        Raises:
            ArchiveError: it is no tar, is hostile, or is not what was expected; the store is as it was.
            DockmagicError: it does not come, for the reason that ``arrival`` was given.
        """
        incoming = _Incoming(arrival.expected, diff_id, tuple(below), named=True)
        known = self._compressed_anew(incoming, arrival.wait)
        if known is not None:
            return known
        try:
            with arrival.flowing() as tar, self._extracted(tar, below) as tree:
                return self._take_up(arrival.wait(), tree, incoming)
        except ArchiveError:
            # What breaks off or is something else cannot be extracted either: that is the better reason.
            arrival.wait()
            raise

    def compressed(self, diff_id: str) -> Descriptor:
        """The layer's blob as registries take it: the compressed one that it came in, else gzip, made once and kept.

        The caller holds a lease on the layer or its image.

        Raises:
            NotFoundError: there is no such layer.
            StoreCorruptError: what is stored is damaged.
        """
        blob = self.get(diff_id).blob
        if blob is not None and blob.digest != diff_id and self._blobs.has(blob.digest):
            return blob
        with self.tar(diff_id) as tar, self._blobs.receive(Gzipped(tar)) as received:
            described = Descriptor(media_type=mediatype.LAYER_GZIP, digest=received.digest, size=received.size)
            with self._database.writing() as connection:
                take(connection, FRESH, [received.digest])
            self._blobs.publish(received)
            stored = self._rows.keep_blob(diff_id, described)
        self._let_spare_go(stored, _Incoming(described, diff_id, ()))
        return stored.blob or described

    def _compressed_anew(self, incoming: _Incoming, come: Callable[[], Received]) -> LayerRecord | None:
        """Take in another blob of a layer that is stored: its tar is compared, and not extracted again.

        Args:
            incoming: what comes.
            come: waits for it.

        Returns:
            None where the layer is not stored, its truth is lost, or it has gone meanwhile.

        Raises:
            ArchiveError: it is another layer, or damaged.
            StoreError: it leans on other layers than those below.
        """
        blob, diff_id = incoming.blob, incoming.diff_id
        if not diff_id or not self.has(diff_id) or not self._layout.metadata(diff_id).exists():
            return None
        with self._fresh(diff_id, blob.digest):
            if not self.has(diff_id):
                return None
            self._require_below(diff_id, incoming.below)
            received = come()
            _require(contents.tar_digest(received.file), diff_id)
            self._blobs.publish(received)
            stored = self._rows.keep_blob(diff_id, blob, named=incoming.named)
        self._let_spare_go(stored, incoming)
        return stored

    def _add_new(self, received: Received, incoming: _Incoming) -> LayerRecord:
        if not received.size:
            raise ArchiveError("the archive is empty", hint="a tar has at least 1024 bytes: was it downloaded whole?")
        with self._extracted(received.file.fileno(), incoming.below) as tree:
            return self._take_up(received, tree, incoming)

    @contextmanager
    def _extracted(self, tar: int, below: Sequence[str]) -> Iterator[_Tree]:
        lowers = [(lower, self.snapshot(lower)) for lower in below]
        with (
            self._new_metadata() as metadata,
            self._trees.unpacked(tar, metadata.fileno(), lowers) as (path, numbers),
        ):
            yield _Tree(path=path, numbers=numbers, metadata=metadata)

    def _take_up(self, received: Received, tree: _Tree, incoming: _Incoming) -> LayerRecord:
        """Make a received blob and its tree a layer."""
        numbers, metadata = tree.numbers, tree.metadata
        _require(numbers.diff_id, incoming.diff_id)
        if self.has(numbers.diff_id):
            self._require_below(numbers.diff_id, incoming.below)
        with self._fresh(numbers.diff_id, incoming.blob.digest):
            self._blobs.publish(received)
            self._publish(metadata, tree.path, numbers)
            stored = self._rows.insert(numbers, blob=incoming.blob, host_made=incoming.host_made, named=incoming.named)
        self._let_spare_go(stored, incoming)
        return stored

    def _let_spare_go(self, stored: LayerRecord, incoming: _Incoming) -> None:
        """The uncompressed tar beside a compressed blob can be made of that, and one that no manifest names is not wanted."""
        kept = stored.blob.digest if stored.blob is not None else stored.diff_id
        if kept != stored.diff_id and self._blobs.has(stored.diff_id):
            # The lease on its digest is the layer's own, and stays.
            with self._database.writing() as connection:
                if not connection.execute("SELECT 1 FROM layers WHERE blob_digest = ?", (stored.diff_id,)).fetchone():
                    self._layout.blob(stored.diff_id).unlink(missing_ok=True)
        if not incoming.named and incoming.blob.digest not in {kept, stored.diff_id}:
            self.let_go(incoming.blob.digest)

    def adopt(
        self,
        upper: str,
        *,
        lowers: Sequence[str],
        epoch: int,
        default_owner: tuple[int, int] = (0, 0),
        owners: Mapping[str, Sequence[int]] | None = None,
        ignore: Sequence[str] = (),
        last: Mapping[str, object] | None = None,
        fds: Sequence[int] = (),
    ) -> LayerRecord | None:
        """Make a finished writable layer a layer: its tree becomes the snapshot, so ``upper`` is gone afterwards.

        It is kept at least until this process ends, or until an image or a cache row refers to it.

        Args:
            upper: relative to the scheme's root; as overlayfs left it.
            lowers: snapshots below it, top first.
            epoch: seconds since 1970 that every timestamp becomes.
            default_owner: of what has no recorded owner, in a scheme of one id.
            owners: owners that the tree cannot hold, as the sandbox gave them.
            ignore: paths that do not belong to the layer.
            last: arguments of a job ``copy`` that finishes it first, None where it is finished.
            fds: descriptors of that job.

        Returns:
            None when it holds no change.
        """
        arguments = {
            "upper": upper,
            "lowers": list(lowers),
            "epoch": epoch,
            "default_owner": list(default_owner),
            "owners": {key: list(value) for key, value in (owners or {}).items()},
            "ignore": list(ignore),
            **({} if last is None else {"last": dict(last)}),
        }
        with self._new_metadata() as metadata:
            numbers = self._trees.seal(arguments, metadata.fileno(), *fds)
            if numbers.empty:
                self._trees.remove(upper)
                return None
            with self._fresh(numbers.diff_id):
                self._publish(metadata, upper, numbers)
                return self._rows.insert(numbers, blob=None, host_made=False)

    def _new_metadata(self) -> Aside:
        with told(self._layout.tmp):
            return Aside(self._layout.tmp)

    @contextmanager
    def _fresh(self, *digests: str) -> Iterator[None]:
        """Hold what comes in; after a failure let it go again, and with it whatever of it was written."""
        with self._database.writing() as connection:
            take(connection, FRESH, digests)
        try:
            yield
        except BaseException:
            self.let_go(*digests)
            raise

    def let_go(self, *digests: str) -> None:
        """End the hold on content that was added and is not wanted after all; it goes unless something refers to it."""
        with suppress(StoreError):
            with self._database.writing() as connection:
                release(connection, FRESH, digests)
            self._sweeper()

    def _publish(self, metadata: Aside, tree: str, numbers: Numbers) -> None:
        with told(self._layout.layers):
            metadata.publish(self._layout.metadata(numbers.diff_id), mode=self._layout.mode)
        self._trees.keep(tree, numbers.diff_id)


def _require(found: str, wanted: str) -> None:
    if wanted and found != wanted:
        raise ArchiveError(
            "a layer differs from what the image's config says of it",
            hint="the image is damaged or was changed: make or fetch it again",
            detail=f"its DiffID is {found}, the config names {wanted}",
        )
