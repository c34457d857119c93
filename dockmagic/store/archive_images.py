"""Finding the images in an archive: docker archives, OCI archives and OCI layouts. Nothing is stored here.

Docker's form: image tar of ``docker save`` (``manifest.json``). OCI's: the image layout page of its specification.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from dockmagic.errors import ArchiveError, UsageError
from dockmagic.oci import choice, digest, manifest, mediatype, reference
from dockmagic.oci import config as configs
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import Index, Manifest
from dockmagic.oci.platform import Platform
from dockmagic.store.archive_indexes import DEPTH_LIMIT, IMAGE_LIMIT, several
from dockmagic.store.archive_medium import Medium, read_limited
from dockmagic.store.archive_sources import (
    CONFIG_LIMIT,
    MANIFEST_LIMIT,
    ImageSource,
    LayerSource,
    Named,
    Wanted,
    blob,
    differs,
    oci_image,
    require_count,
    whole_names,
)

_LONGEST_NUMBER = 5
_CONTAINERD_NAME = "io.containerd.image.name"
_REF_NAME = "org.opencontainers.image.ref.name"
_HEX = re.compile(r"[0-9a-f]{64}")


def images_in(medium: Medium, wanted: Wanted) -> list[Named]:
    """The images of an archive, in its order.

    Raises:
        ArchiveError: it is no archive of images, or damaged, or has none that is wanted.
    """
    docker = _docker_rows(medium) if medium.has("manifest.json") else []
    if medium.has("index.json") and medium.has("oci-layout"):
        found = list(_oci(medium, wanted, _names_of_configs(docker)))
    elif docker:
        found = [_alone(_docker_image(medium, row)) for row in _rows_of(docker, wanted.name)]
    else:
        raise ArchiveError(
            "this is no archive of images: it has neither manifest.json nor an OCI layout",
            hint="the tar of a root file system is taken by %container import",
        )
    if not found:
        raise ArchiveError("the archive holds no image")
    return found


def _rows_of(rows: Sequence[Mapping[str, Any]], name: str) -> Sequence[Mapping[str, Any]]:
    """Docker's images that bear a name."""
    if not name:
        return rows
    if _numbered(name, len(rows)) is not None:
        return [rows[int(name.removeprefix("@"))]]
    found = [row for row in rows if _bears(name, _strings(row, "RepoTags"))]
    return found or _none_named(name, [tag for row in rows for tag in _strings(row, "RepoTags")])


def _numbered(name: str, count: int) -> int | None:
    """The place of the image that ``@NUMBER`` means."""
    digits = name.removeprefix("@")
    is_number = name.startswith("@") and digits.isascii() and digits.isdigit() and len(digits) < _LONGEST_NUMBER
    return int(digits) if is_number and int(digits) < count else None


def _bears(name: str, texts: Iterable[str]) -> bool:
    """Whether one of an image's names is meant: the same, its tag, or another spelling of it."""
    return any(name == text or text.endswith(f":{name}") or _full(name) == _full(text) != "" for text in texts)


def _full(text: str) -> str:
    try:
        return reference.parse_normalized(text).full
    except UsageError:
        return ""


def _none_named(name: str, offered: Sequence[str]) -> NoReturn:
    has = ", ".join(dict.fromkeys(filter(None, offered)))[:200]
    raise ArchiveError(f'the archive has no image "{name[:80]}"', hint=f"it has {has or 'none with a name'}")


def _docker_rows(medium: Medium) -> list[Mapping[str, Any]]:
    rows = _json(read_limited(medium, "manifest.json", MANIFEST_LIMIT), "manifest.json")
    if isinstance(rows, dict) and medium.has("version"):
        raise ArchiveError(
            "this is a directory of skopeo's form dir:, which holds no archive",
            hint="skopeo copy dir:DIRECTORY oci:OTHER:1 makes an OCI layout of it, which is taken",
        )
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or len(rows) > IMAGE_LIMIT:
        raise ArchiveError("manifest.json is not a list of images")
    return rows


def _names_of_configs(rows: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Names by the digits of a config's digest, from docker's part of an archive that has both forms."""
    return {
        posixpath.basename(str(row.get("Config", ""))).removesuffix(".json"): tuple(
            whole_names(_strings(row, "RepoTags"))
        )
        for row in rows
    }


def _docker_image(medium: Medium, row: Mapping[str, Any]) -> ImageSource:
    name = row.get("Config")
    if not isinstance(name, str) or not name:
        raise ArchiveError("an image in manifest.json names no Config")
    content = read_limited(medium, name, CONFIG_LIMIT)
    promised = posixpath.basename(name).removesuffix(".json")
    if _HEX.fullmatch(promised) and digest.of(content) != f"sha256:{promised}":
        raise differs(name)
    config = configs.parse(content)
    layers = tuple(LayerSource(name=layer) for layer in _strings(row, "Layers"))
    require_count(len(layers), config)
    return ImageSource(
        config=config,
        config_bytes=content,
        manifest_bytes=None,
        layers=layers,
        tags=tuple(whole_names(_strings(row, "RepoTags"))),
    )


def _alone(image: ImageSource) -> Named:
    return Named(images={"": image})


def _oci(medium: Medium, wanted: Wanted, docker_names: Mapping[str, tuple[str, ...]]) -> Iterator[Named]:
    manifest.require_layout(read_limited(medium, "oci-layout", 4096))
    index = manifest.parse(read_limited(medium, "index.json", MANIFEST_LIMIT))
    if not isinstance(index, Index):
        raise ArchiveError("index.json is no index")
    named = _named(index.manifests, wanted.name)
    if wanted.every:
        for name, group in _groups(named).items():
            yield from several(medium, group, wanted.platform, name, docker_names)
        return
    found = [
        (name, *behind)
        for name, described in _chosen(named, wanted.platform)
        if (behind := _manifest(medium, described, wanted.platform, DEPTH_LIMIT)) is not None
    ]
    # Signatures and other artifacts may stand beside images; alone they are told by the error.
    images = [each for each in found if each[2].config.media_type in mediatype.CONFIGS]
    for name, content, read in images or found:
        yield _alone(oci_image(medium, content, read, name, docker_names))


def _named(manifests: Sequence[Descriptor], name: str) -> Sequence[Descriptor]:
    """The manifests that bear a name or digest; all for ""."""
    if not name:
        return manifests
    if _numbered(name, len(manifests)) is not None:
        return [manifests[int(name.removeprefix("@"))]]
    if name.startswith("@"):
        found = [described for described in manifests if described.digest == name.removeprefix("@")]
        return found or _none_named(name, [described.digest for described in manifests])
    names = {i: [name for name in (_name_of(d), d.annotations.get(_REF_NAME)) if name] for i, d in enumerate(manifests)}
    found = [described for index, described in enumerate(manifests) if _bears(name, names[index])]
    return found or _none_named(name, [text for texts in names.values() for text in texts])


def _chosen(manifests: Sequence[Descriptor], wanted: Platform) -> Iterator[tuple[str, Descriptor]]:
    """What to load, with its name: of several manifests of one name that differ by platform only the wanted one's."""
    for name, group in _groups(manifests).items():
        if len(group) > 1 and all(d.platform is not None for d in group):
            yield name, choice.choose_of(group, wanted)
        else:
            yield from ((name, described) for described in group)


def _groups(manifests: Sequence[Descriptor]) -> Mapping[str, list[Descriptor]]:
    """The manifests of each name, "" for those without one."""
    if len(manifests) > IMAGE_LIMIT:
        raise ArchiveError(f"the index has more than {IMAGE_LIMIT:,} images")
    groups: dict[str, list[Descriptor]] = {}
    for described in manifests:
        groups.setdefault(_name_of(described), []).append(described)
    return groups


def _name_of(described: Descriptor) -> str:
    """What a layout calls a manifest, "" for nothing.

    A tag that is another than the whole name's is the newer one: tools that know of tags alone copy the other annotations.
    """
    whole, tag = (described.annotations.get(key, "") for key in (_CONTAINERD_NAME, _REF_NAME))
    if not whole or not reference.is_tag(tag):
        return whole or tag
    try:
        named = reference.parse_normalized(whole)
    except UsageError:
        return whole
    return whole if named.digest or tag == (named.tag or reference.DEFAULT_TAG) else f"{named.name}:{tag}"


def _manifest(medium: Medium, described: Descriptor, wanted: Platform, depth: int) -> tuple[bytes, Manifest] | None:
    """The image manifest that a descriptor leads to; None for an attestation and for an index that leads to none.

    Raises:
        ArchiveError: the outermost index has none for the platform, or something is damaged.
    """
    if choice.is_attestation(described):
        return None
    if described.media_type not in mediatype.MANIFESTS | mediatype.INDEXES:
        raise ArchiveError(f"the index names something that is no image: {described.media_type[:80]!r}")
    content = blob(medium, described, MANIFEST_LIMIT)
    found = manifest.parse(content)
    if found.media_type != described.media_type:
        raise ArchiveError("a manifest is of another media type than the index says")
    if isinstance(found, Manifest):
        return content, found
    if depth == 0:
        raise ArchiveError("indexes within indexes, too deep")
    children = choice.candidates(found.manifests, wanted)
    behind = next(filter(None, (_manifest(medium, child, wanted, depth - 1) for child in children)), None)
    if behind is None and found.manifests and depth == DEPTH_LIMIT:
        raise choice.missing(found.manifests, wanted)
    return behind


def _json(content: bytes, name: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise ArchiveError(f"{name} in the archive is not JSON") from None


def _strings(row: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = row.get(key) or []
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ArchiveError(f"{key} in manifest.json is not a list of names")
    return tuple(found)
