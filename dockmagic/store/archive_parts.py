"""What an archive of images holds: its files, in order. Nothing is written here.

An OCI layout (the image layout page of the specification); for docker and podman ``manifest.json`` lies beside it, as ``docker save``
writes it. Blobs of one digest are there once, whatever images share them.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from dockmagic.layers.compression import Stream
from dockmagic.oci import digest as digests
from dockmagic.oci import manifest as manifests
from dockmagic.oci import mediatype, platform, reference
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import Index, Manifest
from dockmagic.store.archive_output import Part
from dockmagic.store.blobs import Blobs, corrupt
from dockmagic.store.images import ImageRecord
from dockmagic.store.layers import Layers
from dockmagic.store.layout_directory import CONTAINERD_NAME, LAYOUT, REF_NAME, LayoutDirectory, blob_name


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

    def described(self, **more: Any) -> Descriptor:
        """The manifest's descriptor."""
        return Descriptor(
            media_type=self.manifest.media_type,
            digest=digests.of(self.manifest_bytes),
            size=len(self.manifest_bytes),
            **more,
        )


# The images that a name stands for on several platforms, by the name and ``"os/architecture"``.
Groups = Mapping[str, Mapping[str, ImageRecord]]
# The bytes of the index that a name's images came as, by the name.
Wholes = Mapping[str, bytes]


class Parts:
    """Makes the files of archives from the rooms of a store."""

    def __init__(self, blobs: Blobs, layers: Layers) -> None:
        self._blobs = blobs
        self._layers = layers

    def of(
        self,
        images: Sequence[tuple[ImageRecord, Sequence[str]]],
        *,
        docker: bool,
        groups: Groups | None = None,
        wholes: Wholes | None = None,
    ) -> list[Part]:
        """The files of an archive of these images, bytewise by name.

        Args:
            images: each with its names, which stand in whole form.
            docker: with ``manifest.json``.
            groups: of names that stand for several platforms: they go out as an index.
            wholes: of such names those whose index goes out as it came, with everything that it leads to.

        Raises:
            StoreError: something of an image is missing or damaged.
        """
        outgoing = [self._outgoing(record, tuple(names)) for record, names in images]
        several = {
            name: {each: self._outgoing(record, ()) for each, record in group.items()}
            for name, group in (groups or {}).items()
            if name not in (wholes or {})
        }
        indexes = {name: _index_of(group).to_bytes() for name, group in several.items()} | dict(wholes or {})
        found: dict[str, Part] = {"oci-layout": _given("oci-layout", LAYOUT)}
        found["index.json"] = _given("index.json", _index(outgoing, indexes).to_bytes())
        if docker:
            rows = json.dumps([_docker_row(image) for image in outgoing], sort_keys=True, separators=(",", ":"))
            found["manifest.json"] = _given("manifest.json", rows.encode())
        for content in indexes.values():
            found[blob_name(digests.of(content))] = _given(blob_name(digests.of(content)), content)
        for content in (wholes or {}).values():
            for part in self._below(content):
                found.setdefault(part.name, part)
        for image in (*outgoing, *(image for group in several.values() for image in group.values())):
            for part in self._contents(image):
                found.setdefault(part.name, part)
        return [found[name] for name in sorted(found)]

    def add_to(self, directory: LayoutDirectory, images: Sequence[tuple[ImageRecord, Sequence[str]]]) -> None:
        """Write these images to a layout that may hold others; see :meth:`of` for the arguments.

        Raises:
            ArchiveError: it cannot be written.
            StoreError: something of an image is missing or damaged.
        """
        outgoing = [self._outgoing(record, tuple(names)) for record, names in images]
        for image in outgoing:
            for part in self._contents(image):
                directory.put(part)
        directory.name(_index(outgoing).manifests)

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

    def _below(self, content: bytes) -> Iterator[Part]:
        """Everything that an index leads to."""
        index = manifests.parse(content)
        for described in index.manifests if isinstance(index, Index) else ():
            child = self._blobs.read(described.digest)
            yield _given(blob_name(described.digest), child)
            found = manifests.parse(child)
            if isinstance(found, Index):
                yield from self._below(child)
                continue
            for blob in (found.config, *found.layers):
                yield self._part(blob, blob.digest)

    def _part(self, described: Descriptor, diff_id: str) -> Part:
        kept = self._blobs.has(described.digest)
        opened = (
            functools.partial(self._kept, described.digest) if kept else functools.partial(self._layers.tar, diff_id)
        )
        return Part(name=blob_name(described.digest), size=described.size, opened=opened)

    def _contents(self, image: Outgoing) -> Iterator[Part]:
        yield _given(blob_name(digests.of(image.manifest_bytes)), image.manifest_bytes)
        yield _given(blob_name(image.record.id), self._blobs.read(image.record.id))
        for layer, diff_id in zip(image.manifest.layers, image.record.diff_ids, strict=True):
            yield self._part(layer, diff_id)

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


def _index(images: Sequence[Outgoing], indexes: Wholes | None = None) -> Index:
    """One descriptor for each name, as docker and containerd have it; the whole name, and the tag alone."""
    return Index(manifests=tuple(described for image in images for described in _described(image, indexes or {})))


def _index_of(group: Mapping[str, Outgoing]) -> Index:
    """The images of one name, by platform."""
    return Index(
        manifests=tuple(image.described(platform=platform.parse(each).to_dict()) for each, image in group.items())
    )


def _described(image: Outgoing, indexes: Wholes) -> Iterator[Descriptor]:
    if not image.names:
        yield image.described()
    for name in image.names:
        tag = reference.parse_normalized(name).tag
        annotations = {CONTAINERD_NAME: name} | ({REF_NAME: tag} if tag else {})
        content = indexes.get(name)
        if content is None:
            yield image.described(annotations=annotations)
            continue
        media_type = manifests.parse(content).media_type
        yield Descriptor(media_type=media_type, digest=digests.of(content), size=len(content), annotations=annotations)


def _docker_row(image: Outgoing) -> dict[str, Any]:
    parsed = [reference.parse_normalized(name) for name in image.names]
    return {
        "Config": blob_name(image.record.id),
        "Layers": [blob_name(layer.digest) for layer in image.manifest.layers],
        "RepoTags": [name.full for name in parsed if name.tag],
    }
