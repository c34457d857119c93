"""What an archive of images holds: its files, in order. Nothing is written here.

An OCI layout (the image layout page of the specification); for docker and podman ``manifest.json`` lies beside it, as ``docker save``
writes it. Blobs of one digest are there once, whatever images share them.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from dockmagic.layers.compression import Stream
from dockmagic.oci import digest as digests
from dockmagic.oci import manifest as manifests
from dockmagic.oci import mediatype, reference
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import Index, Manifest
from dockmagic.store.archive_output import Part
from dockmagic.store.blobs import Blobs, corrupt
from dockmagic.store.images import ImageRecord
from dockmagic.store.layers import Layers

CONTAINERD_NAME = "io.containerd.image.name"
REF_NAME = "org.opencontainers.image.ref.name"
_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An image that goes out, with the names that it shall bear there.

    Attributes:
        manifest_bytes: the manifest that it came with or got here; where a blob of it is not kept any more, one of uncompressed layers.
    """

    record: ImageRecord
    names: tuple[str, ...]
    manifest_bytes: bytes
    manifest: Manifest


class Parts:
    """Makes the files of archives from the rooms of a store."""

    def __init__(self, blobs: Blobs, layers: Layers) -> None:
        self._blobs = blobs
        self._layers = layers

    def of(self, images: Sequence[tuple[ImageRecord, Sequence[str]]], *, docker: bool) -> list[Part]:
        """The files of an archive of these images, bytewise by name.

        Args:
            images: each with its names, which stand in whole form.
            docker: with ``manifest.json``.

        Raises:
            StoreError: something of an image is missing or damaged.
        """
        outgoing = [self._outgoing(record, tuple(names)) for record, names in images]
        found: dict[str, Part] = {"oci-layout": _given("oci-layout", _LAYOUT)}
        found["index.json"] = _given("index.json", _index(outgoing).to_bytes())
        if docker:
            rows = json.dumps([_docker_row(image) for image in outgoing], sort_keys=True, separators=(",", ":"))
            found["manifest.json"] = _given("manifest.json", rows.encode())
        for image in outgoing:
            for part in self._contents(image):
                found.setdefault(part.name, part)
        return [found[name] for name in sorted(found)]

    def _outgoing(self, record: ImageRecord, names: tuple[str, ...]) -> Outgoing:
        content = self._blobs.read(record.manifest_digest)
        manifest = manifests.parse(content)
        if not isinstance(manifest, Manifest) or not self._has_all(record, manifest):
            manifest = self._uncompressed(record)
            content = manifest.to_bytes()
        return Outgoing(record=record, names=names, manifest_bytes=content, manifest=manifest)

    def _has_all(self, record: ImageRecord, manifest: Manifest) -> bool:
        return len(manifest.layers) == len(record.diff_ids) and all(
            layer.digest == diff_id or self._blobs.has(layer.digest)
            for layer, diff_id in zip(manifest.layers, record.diff_ids, strict=True)
        )

    def _uncompressed(self, record: ImageRecord) -> Manifest:
        config = Descriptor(media_type=mediatype.CONFIG, digest=record.id, size=len(self._blobs.read(record.id)))
        layers = tuple(
            Descriptor(media_type=mediatype.LAYER, digest=diff_id, size=self._layers.get(diff_id).tar_size)
            for diff_id in record.diff_ids
        )
        return Manifest(config=config, layers=layers)

    def _contents(self, image: Outgoing) -> Iterator[Part]:
        yield _given(_blob_name(digests.of(image.manifest_bytes)), image.manifest_bytes)
        yield _given(_blob_name(image.record.id), self._blobs.read(image.record.id))
        for layer, diff_id in zip(image.manifest.layers, image.record.diff_ids, strict=True):
            kept = self._blobs.has(layer.digest)
            opened = (
                functools.partial(self._kept, layer.digest) if kept else functools.partial(self._layers.tar, diff_id)
            )
            yield Part(name=_blob_name(layer.digest), size=layer.size, opened=opened)

    @contextmanager
    def _kept(self, digest: str) -> Iterator[Stream]:
        with self._blobs.open(digest) as file:
            yield _Verified(file, digest)


class _Verified:
    """A stream whose end raises when its digest is not what it should be."""

    def __init__(self, source: Stream, digest: str) -> None:
        self._source = source
        self._digest = digest
        self._state = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        self._state.update(data)
        if not data and f"sha256:{self._state.hexdigest()}" != self._digest:
            raise corrupt(self._digest)
        return data


def _given(name: str, content: bytes) -> Part:
    def opened() -> AbstractContextManager[Stream]:
        return nullcontext(io.BytesIO(content))

    return Part(name=name, size=len(content), opened=opened)


def _blob_name(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _index(images: Sequence[Outgoing]) -> Index:
    """One descriptor for each name, as docker and containerd have it; the whole name, and the tag alone."""
    return Index(manifests=tuple(described for image in images for described in _described(image)))


def _described(image: Outgoing) -> Iterator[Descriptor]:
    plain = Descriptor(
        media_type=image.manifest.media_type,
        digest=digests.of(image.manifest_bytes),
        size=len(image.manifest_bytes),
    )
    if not image.names:
        yield plain
    for name in image.names:
        tag = reference.parse_normalized(name).tag
        annotations = {CONTAINERD_NAME: name} | ({REF_NAME: tag} if tag else {})
        yield Descriptor(media_type=plain.media_type, digest=plain.digest, size=plain.size, annotations=annotations)


def _docker_row(image: Outgoing) -> dict[str, Any]:
    parsed = [reference.parse_normalized(name) for name in image.names]
    return {
        "Config": _blob_name(image.record.id),
        "Layers": [_blob_name(layer.digest) for layer in image.manifest.layers],
        "RepoTags": [name.full for name in parsed if name.tag],
    }
