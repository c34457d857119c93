"""The images that one name means on several platforms, and the index of them, to one repository of a registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from dockmagic.builder.exports import PLAIN, Packing
from dockmagic.engine.packing import descriptor, packed
from dockmagic.engine.push_image import Push
from dockmagic.oci import digest as digests
from dockmagic.oci import manifest as manifests
from dockmagic.oci import mediatype, platform, reference, whole
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import Index, Manifest

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.engine.transfer import Emit
    from dockmagic.oci.reference import Reference
    from dockmagic.registry.repository import Repository
    from dockmagic.store.variants import WholeIndex


class PushIndex:
    """Images that were made here, or taken in one by one: the index is made for them."""

    def __init__(
        self,
        session: Session,
        repository: Repository,
        target: Reference,
        variants: Mapping[str, str],
        packing: Packing = PLAIN,
        *,
        by_digest: bool = False,
    ) -> None:
        self._by_digest = by_digest
        self._packing = packing
        self._session = session
        self._repository = repository
        self._target = target
        self._variants = variants

    def run(self, emit: Emit) -> str:
        """Push every image, then the index; returns the index's digest."""
        children = []
        with self._session.store.leases.hold("push", *self._variants.values()):
            for each, image_id in self._variants.items():
                described = self._image(image_id, emit)
                where = platform.parse(each.partition(" ")[0]).to_dict()
                children.append(replace(described, platform=where))
        media_type = mediatype.INDEX if self._packing.oci else mediatype.DOCKER_LIST
        content = Index(manifests=tuple(children), media_type=media_type).to_bytes()
        tag = "" if self._by_digest else self._target.tag or reference.DEFAULT_TAG
        return self._repository.push_manifest(tag or digests.of(content), content, media_type)

    def _image(self, image_id: str, emit: Emit) -> Descriptor:
        """Push an image; its manifest's descriptor."""
        store = self._session.store
        record = store.images.get(image_id)
        with packed(store, record, self._packing, usual="gzip") as given:
            content, manifest = Push(self._session, self._repository, self._target, record, given).contents(emit)
        described = descriptor(content, manifest)
        self._repository.push_manifest(described.digest, content, manifest.media_type)
        return described


class PushWhole:
    """An index as it came, with everything that it leads to."""

    def __init__(self, session: Session, repository: Repository, target: Reference, index: WholeIndex) -> None:
        self._session = session
        self._store = session.store
        self._repository = repository
        self._target = target
        self._index = index

    def run(self, emit: Emit) -> str:
        """Push what it leads to, then the index; returns its digest."""
        with self._store.leases.hold("push", self._index.digest, *self._index.blobs):
            content = self._store.blobs.read(self._index.digest)
            index = manifests.parse(content)
            if isinstance(index, Index):
                self._children(index, emit)
            return self._repository.push_manifest(self._target.tag or reference.DEFAULT_TAG, content, index.media_type)

    def _children(self, index: Index, emit: Emit) -> None:
        for described in index.manifests:
            content = self._store.blobs.read(described.digest)
            found = manifests.parse(content)
            if isinstance(found, Index):
                self._children(found, emit)
            elif whole.is_image(described, found):
                record = self._store.images.get(found.config.digest)
                Push(self._session, self._repository, self._target, record, (content, found)).contents(emit)
            else:
                self._blobs(found)
            self._repository.push_manifest(described.digest, content, described.media_type)

    def _blobs(self, manifest: Manifest) -> None:
        """What belongs to a manifest that is none of an image."""
        for blob in (manifest.config, *manifest.layers):
            self._repository.push_blob(blob, partial(self._store.blobs.open, blob.digest))
