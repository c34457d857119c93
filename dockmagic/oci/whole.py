"""What an index leads to, told apart: images and the rest, such as attestations. Pure.

OCI image index and image manifest; ``vnd.docker.reference.type`` of BuildKit.
"""

from __future__ import annotations

from collections.abc import Iterable

from dockmagic.oci import choice, mediatype
from dockmagic.oci.config import ImageConfig
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import Manifest
from dockmagic.oci.platform import Platform


def is_image(described: Descriptor, manifest: Manifest) -> bool:
    """Whether a manifest of an index is one of an image that can be taken apart: not an attestation or another artifact."""
    return not choice.is_attestation(described) and manifest.config.media_type in mediatype.CONFIGS


def key(described: Descriptor, config: ImageConfig, taken: Iterable[str]) -> str:
    """What the image is for, as the index or else the image says it: ``"linux/arm64"``; with more where that is taken."""
    given = described.platform or {}
    named = str(
        Platform(
            os=str(given.get("os") or config.os),
            architecture=str(given.get("architecture") or config.architecture),
            variant=str(given.get("variant") or ("" if described.platform else config.variant)),
        )
    )
    others = set(taken)
    if named not in others:
        return named
    version = str(given.get("os.version") or described.digest[-12:])
    return f"{named} {version}"
