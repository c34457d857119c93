"""An image with its layers compressed as a build's output asks for it, for as long as that goes out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from dockmagic.engine.push_image import as_oci, kept_manifest
from dockmagic.errors import UsageError
from dockmagic.oci import digest as digests
from dockmagic.oci import mediatype
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import Manifest
from dockmagic.store.compressing import MEDIA_TYPES, compressed

if TYPE_CHECKING:
    from typing import Literal

    from dockmagic.builder.exports import Packing
    from dockmagic.store import Store
    from dockmagic.store.images import ImageRecord

_DOCKER = {
    mediatype.LAYER: mediatype.DOCKER_LAYER,
    mediatype.LAYER_GZIP: mediatype.DOCKER_LAYER_GZIP,
    mediatype.CONFIG: mediatype.DOCKER_CONFIG,
}


@contextmanager
def packed(store: Store, record: ImageRecord, packing: Packing, *, usual: str) -> Iterator[tuple[bytes, Manifest]]:
    """A manifest of the image, which is a blob while the block runs, as are the layers that it names.

    Args:
        store: where the image is; the caller holds it.
        record: the image.
        packing: how its layers go out.
        usual: the compression where ``packing`` names none.

    Raises:
        UsageError: nothing is installed that writes that compression, or Docker's media types have no name for a layer.
        StoreCorruptError: what is stored is damaged.
    """
    kept = kept_manifest(store, record)
    if kept is not None and not packing.force and packing.oci:
        yield store.blobs.read(record.manifest_digest), kept
        return
    made: list[str] = []
    try:
        layers = tuple(_layer(store, diff_id, packing, usual, made) for diff_id in record.diff_ids)
        config = Descriptor(media_type=mediatype.CONFIG, digest=record.id, size=len(store.blobs.read(record.id)))
        manifest = Manifest(config=config, layers=tuple(map(as_oci, layers)))
        manifest = manifest if packing.oci else _as_docker(manifest)
        content = manifest.to_bytes()
        made.append(store.blobs.put(content, media_type=manifest.media_type).digest)
        yield content, manifest
    finally:
        store.layers.let_go(*made)


def descriptor(content: bytes, manifest: Manifest) -> Descriptor:
    """Of a manifest's bytes."""
    return Descriptor(media_type=manifest.media_type, digest=digests.of(content), size=len(content))


def _layer(store: Store, diff_id: str, packing: Packing, usual: str, made: list[str]) -> Descriptor:
    """The layer's blob; one that is made for this alone is noted in ``made``."""
    compression = packing.compression or usual
    stored = store.layers.get(diff_id)
    blob = stored.blob if stored.blob is not None and store.blobs.has(stored.blob.digest) else None
    own = stored.tree_digest == diff_id and not stored.host_made
    if blob is not None and blob.digest != diff_id and not (packing.force or own):
        return blob
    if compression == "uncompressed":
        return Descriptor(media_type=mediatype.LAYER, digest=diff_id, size=stored.tar_size)
    wanted = MEDIA_TYPES[compression]
    if packing.level is None:
        if blob is not None and as_oci(blob).media_type == wanted:
            return blob
        if compression == "gzip" and (blob is None or blob.digest == diff_id):
            return store.layers.compressed(diff_id)
    with store.layers.tar(diff_id) as tar:
        stream = compressed(tar, cast("Literal['gzip', 'zstd']", compression), packing.level)
        described = store.blobs.put(stream, media_type=wanted)
    made.append(described.digest)
    return described


def _as_docker(manifest: Manifest) -> Manifest:
    if any(layer.media_type == mediatype.LAYER_ZSTD for layer in manifest.layers):
        raise UsageError(
            "a layer of the base image is zstd, for which Docker has no media type",
            hint="leave oci-mediatypes=false out, or add force-compression=true",
        )

    def named(described: Descriptor) -> Descriptor:
        media_type = _DOCKER.get(described.media_type, described.media_type)
        return Descriptor(media_type=media_type, digest=described.digest, size=described.size)

    return Manifest(
        config=named(manifest.config), layers=tuple(map(named, manifest.layers)), media_type=mediatype.DOCKER_MANIFEST
    )
