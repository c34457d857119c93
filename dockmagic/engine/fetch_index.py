"""Everything that one name of a registry stands for: the images of all platforms, what tells about them, and the index as it came."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dockmagic.engine.fetch import DEPTH_LIMIT, Pull
from dockmagic.errors import ArchiveError
from dockmagic.oci import choice, whole
from dockmagic.oci.manifest import Index, Manifest
from dockmagic.store.variants import WholeIndex

if TYPE_CHECKING:
    from dockmagic.engine.transfer import Emit
    from dockmagic.oci.descriptor import Descriptor
    from dockmagic.registry.repository import Fetched

_IMAGE_LIMIT = 100


@dataclass(slots=True)
class _Taken:
    """What has come so far.

    Attributes:
        images: their ids, by platform.
        ids: their ids, by the digest of the manifest.
        described: their manifests, each with its platform.
        blobs: see :class:`~dockmagic.store.variants.WholeIndex`.
        is_same: every image that was here had the manifest that it has now.
    """

    images: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    described: list[Descriptor] = field(default_factory=list)
    blobs: set[str] = field(default_factory=set)
    is_same: bool = True


class WholePull(Pull):
    """All images from one repository that a name stands for; where it stands for one, that."""

    def run(self, emit: Emit) -> str:
        """Pull them; returns the id of this machine's, or of the first."""
        store, target = self._session.store, self._target
        first = self._first()
        if isinstance(first.parsed, Manifest):
            image_id, is_same = self._take(first, first.parsed, emit)
            return self._named(image_id, is_same=is_same)
        taken = _Taken()
        self._take_index(first.parsed, taken, emit, DEPTH_LIMIT)
        if not taken.images:
            raise ArchiveError("the index has no image")
        kept = store.blobs.put(first.content, media_type=first.media_type)
        own = self._own(taken)
        index = WholeIndex(digest=kept.digest, blobs=frozenset(taken.blobs))
        before = store.images.name_together(target.full, taken.images, own, index=index)
        if before is not None or not taken.is_same:
            store.leases.sweep()
        return own

    def _take_index(self, index: Index, taken: _Taken, emit: Emit, depth: int) -> None:
        for described in index.manifests:
            found = self._repository.child(described)
            if isinstance(found.parsed, Manifest):
                self._take_child(described, found, found.parsed, taken, emit)
            elif depth == 0:
                raise ArchiveError("indexes within indexes, too deep")
            else:
                taken.blobs.add(self._session.store.blobs.put(found.content, media_type=found.media_type).digest)
                self._take_index(found.parsed, taken, emit, depth - 1)

    def _take_child(self, described: Descriptor, found: Fetched, manifest: Manifest, taken: _Taken, emit: Emit) -> None:
        store = self._session.store
        if not whole.is_image(described, manifest):
            for blob in (manifest.config, *manifest.layers):
                with closing(self._repository.stream(blob)) as stream:
                    taken.blobs.add(store.blobs.put(stream, blob).digest)
            taken.blobs.add(store.blobs.put(found.content, media_type=found.media_type).digest)
            return
        if len(taken.images) == _IMAGE_LIMIT:
            raise ArchiveError(f"an index of more than {_IMAGE_LIMIT} images")
        image_id, is_same = self._take(found, manifest, emit)
        record = store.images.get(image_id)
        taken.images[whole.key(described, record.config, taken.images)] = image_id
        taken.ids[described.digest] = image_id
        taken.described.append(choice.of_image(described, record.config))
        taken.is_same &= is_same
        taken.blobs |= {image_id, described.digest}
        taken.blobs |= {
            layer.digest
            for layer, diff_id in zip(manifest.layers, record.diff_ids, strict=True)
            if layer.digest != diff_id
        }

    def _own(self, taken: _Taken) -> str:
        """The image for this machine; where there is none, the first."""
        found = choice.candidates(taken.described, self._wanted)
        return taken.ids[(found or taken.described)[0].digest]
