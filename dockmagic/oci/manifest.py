"""Image manifests and indexes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dockmagic.errors import ArchiveError
from dockmagic.oci import descriptor, fields, mediatype

if TYPE_CHECKING:
    from dockmagic.oci.descriptor import Descriptor

MANIFEST_LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """An image manifest: its config and its layers, base first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    media_type: str = mediatype.MANIFEST
    annotations: dict[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The one serialisation that we write."""
        value: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "config": self.config.to_dict(),
            "layers": [layer.to_dict() for layer in self.layers],
        }
        if self.annotations:
            value["annotations"] = self.annotations
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An image index: manifests, each perhaps for a platform."""

    manifests: tuple[Descriptor, ...]
    media_type: str = mediatype.INDEX

    def to_bytes(self) -> bytes:
        """The one serialisation that we write."""
        value = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "manifests": [described.to_dict() for described in self.manifests],
        }
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def require_layout(data: bytes) -> None:
    """Check the ``oci-layout`` file of an image layout.

    Raises:
        ArchiveError: it is none, or of an unknown version.
    """
    if not fields.needed_text(_object(data), "imageLayoutVersion").startswith("1."):
        raise ArchiveError("the OCI layout is of an unknown version")


def parse(data: bytes) -> Manifest | Index:
    """A manifest or an index from its bytes.

    Raises:
        ArchiveError: it is neither, or claims to be both (CVE-2021-41190).
    """
    value = _object(data)
    if value.get("schemaVersion") != 2:  # noqa: PLR2004 - the specification's number
        raise ArchiveError("a manifest of an unknown schema version")
    if "manifests" in value and ("layers" in value or "config" in value):
        raise ArchiveError("a manifest that is also an index")
    if value.get("subject") is not None:
        descriptor.parse(value["subject"])  # what the manifest is about: checked, not used
    fields.strings(value, "annotations")
    if value.get("artifactType"):
        descriptor.require_media_type(value["artifactType"], "artifactType", of="a manifest")
    media_type = value.get("mediaType", "")
    if not isinstance(media_type, str):
        raise ArchiveError("a manifest whose media type is no text")
    if "manifests" in value:
        return _index(value, media_type)
    if media_type not in {"", *mediatype.MANIFESTS}:
        raise ArchiveError(f"a manifest of an unknown media type: {media_type[:80]!r}")
    layers = value.get("layers")
    if not isinstance(layers, list):
        raise ArchiveError("a manifest without layers")
    return Manifest(
        config=descriptor.parse(value.get("config")),
        layers=tuple(descriptor.parse(layer) for layer in layers),
        media_type=media_type or mediatype.MANIFEST,
    )


def _index(value: dict[str, Any], media_type: str) -> Index:
    if media_type not in {"", *mediatype.INDEXES}:
        raise ArchiveError(f"an index of an unknown media type: {media_type[:80]!r}")
    manifests = value["manifests"]
    if not isinstance(manifests, list):
        raise ArchiveError("an index whose manifests are no list")
    return Index(manifests=tuple(descriptor.parse(m) for m in manifests), media_type=media_type or mediatype.INDEX)


def _object(data: bytes) -> dict[str, Any]:
    if len(data) > MANIFEST_LIMIT:
        raise ArchiveError("a manifest larger than 4 MiB")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise ArchiveError("a manifest that is not JSON") from None
    if not isinstance(value, dict):
        raise ArchiveError("a manifest that is no JSON object")
    return value
