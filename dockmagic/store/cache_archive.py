"""The build cache in a directory: ``--cache-to`` and ``--cache-from type=local``.

An OCI image layout whose index names, by tag, a manifest with the layers of steps; its config says which step made which. A directory is
only added to: what other manifests name stays. Nothing of it is believed but what its digest proves: a step's row holds the key, which
a build makes by itself, and a DiffID, which the layer's content must have.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dockmagic.errors import ArchiveError, NotFoundError, StoreError
from dockmagic.oci import digest as digests
from dockmagic.oci import manifest as manifests
from dockmagic.oci import mediatype
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import Index, Manifest
from dockmagic.store.archive_medium import DirectoryMedium, read_limited
from dockmagic.store.blobs import Blobs
from dockmagic.store.cache import Cache
from dockmagic.store.gzipping import Gzipped
from dockmagic.store.layers import Layers
from dockmagic.store.layout_directory import INDEX_LIMIT, REF_NAME, LayoutDirectory, blob_name

CONFIG = "application/vnd.dockmagic.cache.config.v1+json"
_CONFIG_LIMIT = 16 << 20
_SHOWN = 19  # of a digest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What one manifest of a directory holds.

    Attributes:
        steps: by the key of a step, the DiffID of its layer, "" for none.
        layers: by DiffID, the blob.
    """

    steps: Mapping[str, str] = field(default_factory=dict)
    layers: Mapping[str, Descriptor] = field(default_factory=dict)


class CachedSteps:
    """Steps of one directory, taken into the store one by one; several threads may do so.

    Attributes:
        problems: layers that could not be taken, in words.
    """

    def __init__(self, path: Path, kept: _Kept, layers: Layers) -> None:
        self._medium = DirectoryMedium(path)
        self._kept = kept
        self._layers = layers
        self._lock = threading.Lock()
        self._bad: set[str] = set()
        self.problems: list[str] = []

    def take(self, key: str, below: Sequence[str]) -> str | None:
        """Take the layer of a step into the store.

        Args:
            key: of the step.
            below: DiffIDs of the layers below it, base first.

        Returns:
            The layer's DiffID, "" for a step that changed nothing; None for one that is not here, or whose layer is damaged.
        """
        diff_id = self._kept.steps.get(key)
        if not diff_id:
            return diff_id
        with self._lock:
            if diff_id in self._bad:
                return None
            try:
                self._take(diff_id, below)
            except (ArchiveError, StoreError) as error:
                self._bad.add(diff_id)
                self.problems.append(f"the layer {diff_id[:_SHOWN]} is not used: {error.message}")
                return None
        return diff_id

    def _take(self, diff_id: str, below: Sequence[str]) -> None:
        blob = self._kept.layers[diff_id]
        if self._layers.has(diff_id):
            return
        with self._medium.open(blob_name(blob.digest)) as file:
            self._layers.add_tar(file, expected=blob, diff_id=diff_id, below=below)


class CacheArchive:
    """The room of build caches in directories."""

    def __init__(self, blobs: Blobs, layers: Layers, cache: Cache) -> None:
        self._blobs = blobs
        self._layers = layers
        self._cache = cache

    def open(self, path: Path, *, tag: str, digest: str = "") -> CachedSteps:
        """The steps that a directory holds.

        Args:
            path: the directory.
            tag: the entry of its index.
            digest: the manifest, "" for the one that ``tag`` names.

        Raises:
            NotFoundError: there is no such directory, or no such entry in it.
            ArchiveError: it is no cache, or damaged.
        """
        if not path.is_dir():
            raise NotFoundError("there is no such directory")
        return CachedSteps(path, _read(path, tag, digest), self._layers)

    def write(self, keys: Sequence[str], path: Path, *, tag: str, compressed: bool) -> None:
        """Write steps and their layers to a directory, which is new, empty or such a cache; who reads it meanwhile sees one or the other.

        Steps that are not in this store's cache any more are left out. The caller holds leases on the layers.

        Args:
            keys: of the steps.
            path: the directory.
            tag: the entry of its index that is replaced.
            compressed: layers are stored as gzip.

        Raises:
            ArchiveError: it holds something else, or cannot be written.
            StoreError: a layer is damaged.
        """
        found = (self._cache.get(key) for key in dict.fromkeys(keys))
        steps = {row.key: row.diff_id for row in found if row is not None}
        directory, known = LayoutDirectory(path), _known(path, tag)
        media_type = mediatype.LAYER_GZIP if compressed else mediatype.LAYER
        layers = {}
        for diff_id in sorted(set(steps.values()) - {""}):
            before = known.get(diff_id)
            again = before is not None and before.media_type == media_type and directory.is_whole(before)
            layers[diff_id] = before if before and again else self._layer(directory, diff_id, media_type)
        config = directory.put_bytes(_packed({"diff_ids": list(layers), "steps": dict(sorted(steps.items()))}), CONFIG)
        manifest = Manifest(config=config, layers=tuple(layers.values()))
        described = directory.put_bytes(manifest.to_bytes(), mediatype.MANIFEST)
        directory.name([replace(described, annotations={REF_NAME: tag})])

    def _layer(self, directory: LayoutDirectory, diff_id: str, media_type: str) -> Descriptor:
        blob = self._layers.get(diff_id).blob
        if media_type == mediatype.LAYER_GZIP and blob is not None and blob.digest != diff_id:
            with suppress(NotFoundError), self._blobs.open(blob.digest) as file:
                return directory.put_stream(file, blob.media_type)
        with self._layers.tar(diff_id) as tar:
            return directory.put_stream(Gzipped(tar) if media_type == mediatype.LAYER_GZIP else tar, media_type)


def _read(path: Path, tag: str, digest: str) -> _Kept:
    medium = DirectoryMedium(path)
    manifests.require_layout(read_limited(medium, "oci-layout", 4096))
    index = manifests.parse(read_limited(medium, "index.json", INDEX_LIMIT))
    if not isinstance(index, Index):
        raise ArchiveError("index.json is no index")
    for described in index.manifests:
        if described.digest == digest or (not digest and described.annotations.get(REF_NAME) == tag):
            return _kept(medium, described)
    raise NotFoundError(f"it has no cache {digest or tag}")


def _kept(medium: DirectoryMedium, described: Descriptor) -> _Kept:
    manifest = manifests.parse(_content(medium, described, INDEX_LIMIT))
    if not isinstance(manifest, Manifest) or manifest.config.media_type != CONFIG:
        raise ArchiveError("it holds something else than a build cache of dockmagic")
    try:
        config: Any = json.loads(_content(medium, manifest.config, _CONFIG_LIMIT))
        diff_ids = [digests.checked(each) for each in config["diff_ids"]]
        layers = dict(zip(diff_ids, manifest.layers, strict=True))
        steps = {digests.checked(key): str(diff_id) for key, diff_id in config["steps"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ArchiveError("the build cache is damaged") from None
    if not set(steps.values()) <= {"", *layers}:
        raise ArchiveError("the build cache is damaged")
    return _Kept(steps=steps, layers=layers)


def _content(medium: DirectoryMedium, described: Descriptor, limit: int) -> bytes:
    content = read_limited(medium, blob_name(described.digest), limit)
    if not digests.matches(described.digest, content):
        raise ArchiveError("a file of the build cache differs from its digest")
    return content


def _known(path: Path, tag: str) -> Mapping[str, Descriptor]:
    """The layers of the entry that is replaced; nothing where it cannot be read."""
    try:
        return _read(path, tag, "").layers
    except (ArchiveError, NotFoundError):
        return {}


def _packed(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
