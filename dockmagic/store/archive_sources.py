"""What an archive holds, as values, and reading an image of the OCI form into one. Nothing is stored here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dockmagic.errors import ArchiveError, UsageError
from dockmagic.oci import config as configs
from dockmagic.oci import digest, mediatype, reference
from dockmagic.oci.config import ImageConfig
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import Manifest
from dockmagic.oci.platform import Platform
from dockmagic.store.archive_medium import Medium

MANIFEST_LIMIT = 4 << 20
CONFIG_LIMIT = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSource:
    """A layer in an archive: the member that holds it, and what it must be, where that is known."""

    name: str
    expected: Descriptor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSource:
    """An image in an archive.

    Attributes:
        config_bytes: the config as it stands there; its digest is the image's id.
        manifest_bytes: the manifest as it stands there, None where the archive has none.
        media_type: the manifest's.
        tags: whole names that it bears.
    """

    config: ImageConfig
    config_bytes: bytes = field(repr=False)
    manifest_bytes: bytes | None = field(repr=False)
    media_type: str = ""
    layers: tuple[LayerSource, ...]
    tags: tuple[str, ...]

    @property
    def blobs(self) -> frozenset[str]:
        """Digests of the manifest, the config, and the layers but uncompressed ones."""
        pairs = zip(self.layers, self.config.diff_ids, strict=True)
        own = {layer.expected.digest for layer, diff_id in pairs if layer.expected and layer.expected.digest != diff_id}
        return frozenset(own | {digest.of(self.config_bytes), digest.of(self.manifest_bytes or b"")})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which images of an archive.

    Attributes:
        platform: of several that differ by platform, the one for this.
        name: a tag, a whole name or ``@digest`` that one bears there, or ``@NUMBER`` in its order; "" for all.
        every: of several that differ by platform, all; ``platform`` says which of them the name means here.
    """

    platform: Platform
    name: str = ""
    every: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What one name stands for in an archive.

    Attributes:
        images: by platform, ``""`` for one that stands alone.
        own: the platform whose image the name means here.
        index: the bytes of the index that the images stand in, None where they stand in none or one is taken of it.
        media_type: the index's.
        rest: what else the index leads to: indexes, and what is no image, each with what it names.
    """

    images: Mapping[str, ImageSource]
    own: str = ""
    index: bytes | None = field(default=None, repr=False)
    media_type: str = ""
    rest: tuple[Descriptor, ...] = ()

    @property
    def tags(self) -> tuple[str, ...]:
        """Whole names that it bears."""
        return self.images[self.own].tags


def oci_image(
    medium: Medium, content: bytes, found: Manifest, name: str, docker_names: Mapping[str, tuple[str, ...]]
) -> ImageSource:
    """An image, without the content of its layers.

    Args:
        medium: the archive.
        content: the manifest's bytes.
        found: what they say.
        name: what the layout calls it, "" for nothing.
        docker_names: whole names by the digits of a config's digest.

    Raises:
        ArchiveError: it is damaged, or of a kind that is not supported.
    """
    if found.config.media_type not in mediatype.CONFIGS:
        raise ArchiveError(f"the archive holds something that is no image: {found.config.media_type[:80]!r}")
    for layer in found.layers:
        digest.require_stored(layer.digest)
        if layer.media_type not in mediatype.LAYERS | mediatype.FOREIGN:
            raise ArchiveError(f"a layer of a kind that is not supported: {layer.media_type[:80]!r}")
    config_bytes = blob(medium, found.config, CONFIG_LIMIT)
    config = configs.parse(config_bytes)
    require_count(len(found.layers), config)
    tags = _full_names(name) or docker_names.get(digest.encoded(found.config.digest), ())
    return ImageSource(
        config=config,
        config_bytes=config_bytes,
        manifest_bytes=content,
        media_type=found.media_type,
        layers=tuple(LayerSource(name=blob_name(layer), expected=layer) for layer in found.layers),
        tags=tags,
    )


def _full_names(name: str) -> tuple[str, ...]:
    """A name in an annotation; a bare word is only a tag, of which nobody says whose it is."""
    return tuple(whole_names([name])) if ":" in name or "/" in name else ()


def whole_names(texts: Iterable[str]) -> Iterator[str]:
    """References in whole form.

    Raises:
        ArchiveError: one is none.
    """
    for text in texts:
        try:
            yield reference.parse_normalized(text).full
        except UsageError:
            raise ArchiveError(f"the archive names an image {text[:120]!r}, which is no reference") from None


def blob_name(described: Descriptor) -> str:
    """The member of an OCI layout that has it."""
    return f"blobs/{described.digest.replace(':', '/')}"


def blob(medium: Medium, described: Descriptor, limit: int) -> bytes:
    """A small blob whole, verified.

    Raises:
        ArchiveError: it is larger than ``limit`` bytes, or not what its descriptor says.
    """
    digest.require_stored(described.digest)
    if described.size > limit:
        raise ArchiveError(f"a manifest or config in the archive is larger than {limit >> 20} MiB")
    with medium.open(blob_name(described)) as file:
        content = file.read(described.size + 1)
    if len(content) != described.size or digest.of(content) != described.digest:
        raise differs(blob_name(described))
    return content


def differs(name: str) -> ArchiveError:
    """The error for a member that is not what its name promises."""
    return ArchiveError(
        f"a file in the archive differs from its digest: {name[:120]}",
        hint="the archive is damaged or was changed: make or fetch it again",
    )


def require_count(count: int, config: ImageConfig) -> None:
    """Refuse an image whose config names another number of layers, or names them in another way than the store.

    Raises:
        ArchiveError: it does.
    """
    digest.require_stored(*config.diff_ids)
    if count != len(config.diff_ids):
        raise ArchiveError(f"the image has {count} layers, but its config names {len(config.diff_ids)}")
