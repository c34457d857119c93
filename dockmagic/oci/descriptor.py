"""Descriptors: what a blob is, its digest and its size."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dockmagic.errors import ArchiveError
from dockmagic.oci import digest as digests
from dockmagic.oci import fields

# RFC 6838, section 4.2
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")
# RFC 3986: it begins with a scheme
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.+", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """The OCI content descriptor.

    Attributes:
        digest: ``"sha256:…"``; of another algorithm in what was only read.
        size: bytes.
    """

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Mapping[str, Any] | None = None
    urls: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON as the specification names the fields."""
        found: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.urls:
            found["urls"] = list(self.urls)
        if self.annotations:
            found["annotations"] = dict(self.annotations)
        if self.platform is not None:
            found["platform"] = dict(self.platform)
        return found


def parse(value: object) -> Descriptor:
    """A descriptor from parsed JSON.

    Raises:
        ArchiveError: a field is missing or of a wrong type.
    """
    if not isinstance(value, dict):
        raise ArchiveError("a descriptor is not a JSON object")
    media_type, digest, size = value.get("mediaType"), value.get("digest"), value.get("size")
    require_media_type(media_type, "mediaType")
    if "artifactType" in value:
        require_media_type(value["artifactType"], "artifactType")
    if not isinstance(digest, str):
        raise ArchiveError("a descriptor has no digest")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 63:
        raise ArchiveError("a descriptor's size is not a number of bytes")
    fields.require_base64(value, "data")
    return Descriptor(
        media_type=str(media_type),
        digest=digests.formed(digest),
        size=size,
        annotations=fields.strings(value, "annotations"),
        platform=_platform(value.get("platform")),
        urls=_urls(value),
    )


def require_media_type(value: object, key: str, *, of: str = "a descriptor") -> None:
    """Check a media type; RFC 6838.

    Raises:
        ArchiveError: it is none.
    """
    if not isinstance(value, str) or not _MEDIA_TYPE.fullmatch(value):
        raise ArchiveError(f"{of} has no {key}")


def _platform(value: object) -> dict[str, Any] | None:
    """What an index says that a manifest runs on; of it the specification needs two."""
    if value is None:
        return None
    found = fields.mapping(value, "a platform")
    for key in ("architecture", "os"):
        fields.needed_text(found, key)
    for key in ("variant", "os.version"):
        fields.text(found, key)
    for key in ("os.features", "features"):
        fields.texts(found, key)
    return found


def _urls(value: Mapping[str, Any]) -> tuple[str, ...]:
    found = value.get("urls")
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(url, str) and _URL.fullmatch(url) for url in found):
        raise ArchiveError("a descriptor's urls are no list of URLs")
    return tuple(found)
