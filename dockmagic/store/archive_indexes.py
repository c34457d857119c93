"""What a name of an OCI layout stands for on all platforms: its index with everything that this leads to. Nothing is stored here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dockmagic.errors import ArchiveError
from dockmagic.oci import choice, manifest, mediatype, whole
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import Index
from dockmagic.oci.platform import Platform
from dockmagic.store.archive_medium import Medium
from dockmagic.store.archive_sources import MANIFEST_LIMIT, ImageSource, Named, blob, oci_image

DEPTH_LIMIT = 3
IMAGE_LIMIT = 1000


def several(
    medium: Medium,
    group: Sequence[Descriptor],
    platform: Platform,
    name: str,
    docker_names: Mapping[str, tuple[str, ...]],
) -> Iterator[Named]:
    """What one name of the layout stands for, all platforms of it."""
    loose: list[Descriptor] = []
    for described in group:
        if described.media_type not in mediatype.INDEXES:
            loose.append(described)
            continue
        content = blob(medium, described, MANIFEST_LIMIT)
        index = manifest.parse(content)
        if isinstance(index, Index) and index.manifests:
            yield _whole(_Below(medium, name, docker_names), content, index, platform)
    found = _Below(medium, name, docker_names)
    found.take(Index(manifests=tuple(loose)), 0)
    if len(loose) > 1 and all(described.platform is not None for described in loose):
        yield Named(images=found.images, own=found.own(platform))
    else:
        yield from (Named(images={"": image}) for image in found.images.values())


def _whole(below: _Below, content: bytes, index: Index, platform: Platform) -> Named:
    below.take(index, DEPTH_LIMIT)
    if not below.images:
        raise ArchiveError("an index in the archive has no image")
    return Named(
        images=below.images,
        own=below.own(platform),
        index=content,
        media_type=index.media_type,
        rest=tuple(below.rest),
    )


class _Below:
    """What an index leads to, read from an archive."""

    def __init__(self, medium: Medium, name: str, docker_names: Mapping[str, tuple[str, ...]]) -> None:
        self._medium = medium
        self._name = name
        self._docker_names = docker_names
        self._keys: dict[str, str] = {}
        self._described: list[Descriptor] = []
        self.images: dict[str, ImageSource] = {}
        self.rest: list[Descriptor] = []

    def take(self, index: Index, depth: int) -> None:
        """Read its manifests, and those of indexes in it."""
        if len(index.manifests) + len(self.images) > IMAGE_LIMIT:
            raise ArchiveError(f"the index has more than {IMAGE_LIMIT:,} images")
        for described in index.manifests:
            content = blob(self._medium, described, MANIFEST_LIMIT)
            found = manifest.parse(content)
            if found.media_type != described.media_type:
                raise ArchiveError("a manifest is of another media type than the index says")
            if isinstance(found, Index):
                if depth == 0:
                    raise ArchiveError("indexes within indexes, too deep")
                self.rest.append(described)
                self.take(found, depth - 1)
            elif whole.is_image(described, found):
                image = oci_image(self._medium, content, found, self._name, self._docker_names)
                key = whole.key(described, image.config, self.images)
                self.images[key] = image
                self._keys[described.digest] = key
                self._described.append(choice.of_image(described, image.config))
            else:
                self.rest += [described, found.config, *found.layers]

    def own(self, platform: Platform) -> str:
        """The platform of the image that is meant here; where none runs here, the first."""
        found = choice.candidates(self._described, platform)
        return self._keys[(found or self._described)[0].digest]
