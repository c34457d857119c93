"""One image to one repository of a registry: byte for byte as it came; one that was made here is compressed in one pinned way."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from dockmagic.engine.transfer import Emit, Progress
from dockmagic.events import LayerPushed, PushStarted
from dockmagic.oci import digest as digests
from dockmagic.oci import manifest as manifests
from dockmagic.oci import mediatype, reference
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from dockmagic.engine.session import Session
    from dockmagic.oci.reference import Reference
    from dockmagic.registry.repository import Repository
    from dockmagic.store import Store
    from dockmagic.store.images import ImageRecord


class Push:
    """One image to one repository.

    Args:
        session: what it works on.
        repository: where it goes.
        target: the name that it gets there.
        record: the image.
        given: the manifest that it shall have, everything of which is here; None for its own.
        by_digest: it gets no tag there.
    """

    def __init__(
        self,
        session: Session,
        repository: Repository,
        target: Reference,
        record: ImageRecord,
        given: tuple[bytes, Manifest] | None = None,
        *,
        by_digest: bool = False,
    ) -> None:
        self._by_digest = by_digest
        self._parallel = session.registries.settings.parallel
        self._store = session.store
        self._repository = repository
        self._target = target
        self._record = record
        self._given = given

    def run(self, emit: Emit) -> str:
        """Push layers, config and manifest in this order; returns the manifest's digest."""
        content, manifest = self.contents(emit)
        tag = "" if self._by_digest else self._target.tag or reference.DEFAULT_TAG
        return self._repository.push_manifest(tag or digests.of(content), content, manifest.media_type)

    def contents(self, emit: Emit) -> tuple[bytes, Manifest]:
        """Push layers and config; returns the manifest that names them."""
        emit(PushStarted(name=self._target.familiar, layers=self._record.diff_ids))
        kept = self._given[1] if self._given is not None else kept_manifest(self._store, self._record)
        near = self._store.images.neighbours(self._record.diff_ids, self._target)

        def send(number: int) -> Descriptor:
            diff_id = self._record.diff_ids[number]
            described = kept.layers[number] if kept is not None else self._store.layers.compressed(diff_id)
            self._send(described, diff_id, near.get(diff_id, ""), emit)
            return described

        with ThreadPoolExecutor(self._parallel, "dockmagic-push") as threads:
            # Each layer once, though an image may have it several times.
            first = {diff_id: number for number, diff_id in reversed(list(enumerate(self._record.diff_ids)))}
            jobs = {diff_id: threads.submit(send, number) for diff_id, number in first.items()}
            try:
                sent = {diff_id: job.result() for diff_id, job in jobs.items()}
            except BaseException:
                self._repository.client.transport.stop()
                threads.shutdown(cancel_futures=True)
                raise
        content, manifest = self._manifest(kept, [sent[diff_id] for diff_id in self._record.diff_ids])
        config = manifest.config
        self._repository.push_blob(config, lambda: self._store.blobs.open(config.digest))
        return content, manifest

    def _manifest(self, kept: Manifest | None, described: list[Descriptor]) -> tuple[bytes, Manifest]:
        """The manifest that the image came with, else one of the compressed layers."""
        if self._given is not None:
            return self._given
        if kept is not None:
            return self._store.blobs.read(self._record.manifest_digest), kept
        size = len(self._store.blobs.read(self._record.id))
        config = Descriptor(media_type=mediatype.CONFIG, digest=self._record.id, size=size)
        made = Manifest(config=config, layers=tuple(as_oci(layer) for layer in described))
        return made.to_bytes(), made

    def _send(self, described: Descriptor, diff_id: str, near: str, emit: Emit) -> None:
        present = True
        if described.media_type not in mediatype.FOREIGN:
            progress = Progress(emit, described.digest, described.size)
            with _blob(self._store, described, diff_id) as source:
                present = not self._repository.push_blob(described, source, mount_from=near, told=progress.take)
        emit(LayerPushed(digest=described.digest, size=described.size, present=present))


def kept_manifest(store: Store, record: ImageRecord) -> Manifest | None:
    """The image's own manifest, where it came with one and everything that it names is here; else None."""
    content = store.blobs.read(record.manifest_digest)
    found = manifests.parse(content)
    if not isinstance(found, Manifest) or len(found.layers) != len(record.diff_ids):
        return None
    plain = all(layer.digest == diff_id for layer, diff_id in zip(found.layers, record.diff_ids, strict=True))
    if plain and Manifest(config=found.config, layers=found.layers).to_bytes() == content:
        return None  # made here: it names uncompressed layers, as the store has them
    for layer, diff_id in zip(found.layers, record.diff_ids, strict=True):
        if layer.digest != diff_id and layer.media_type not in mediatype.FOREIGN and not store.blobs.has(layer.digest):
            return None
    return found


def as_oci(described: Descriptor) -> Descriptor:
    """A blob in a manifest of ours: docker's names of layers are OCI's there."""
    names = {mediatype.DOCKER_LAYER_GZIP: mediatype.LAYER_GZIP, mediatype.DOCKER_LAYER: mediatype.LAYER}
    media_type = names.get(described.media_type, described.media_type)
    return Descriptor(media_type=media_type, digest=described.digest, size=described.size)


@contextmanager
def _blob(store: Store, described: Descriptor, diff_id: str) -> Iterator[Callable[[], BinaryIO]]:
    """What opens a layer's blob; an uncompressed one that is not kept is made again for this."""
    if store.blobs.has(described.digest) or described.digest != diff_id:
        yield lambda: store.blobs.open(described.digest)
        return
    with store.layers.tar(diff_id) as stream, store.blobs.receive(stream, described) as received:
        yield lambda: received.file.path.open("rb")
