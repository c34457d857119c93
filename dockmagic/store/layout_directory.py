"""An OCI image layout in a directory that is added to: what is there stays, and only an entry of the same name is replaced.

Every file is written under another name and renamed, the index last, so who reads it meanwhile sees it before or after.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from dockmagic.errors import ArchiveError
from dockmagic.layers.compression import Stream
from dockmagic.oci import digest as digests
from dockmagic.oci import manifest as manifests
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import Index
from dockmagic.store.archive_medium import DirectoryMedium, read_limited
from dockmagic.store.archive_output import Part, copied, told, written

CONTAINERD_NAME = "io.containerd.image.name"
REF_NAME = "org.opencontainers.image.ref.name"
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
INDEX_LIMIT = 4 << 20
_CHUNK = 1 << 20


class LayoutDirectory:
    """A layout to write to.

    Args:
        path: of a directory that is new, empty or a layout.

    Raises:
        ArchiveError: it holds other things, or cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with told():
            foreign = path.is_dir() and any(path.iterdir()) and not (path / "oci-layout").is_file()
        if foreign:
            raise ArchiveError(
                "the directory holds other things and is no OCI layout",
                hint="name a new or empty one",
                detail=str(path),
            )
        self._index = self._read()
        with told():
            (path / "blobs/sha256").mkdir(parents=True, exist_ok=True)

    def _read(self) -> Index:
        if not (self._path / "index.json").exists():
            return Index(manifests=())
        found = manifests.parse(read_limited(DirectoryMedium(self._path), "index.json", INDEX_LIMIT))
        if not isinstance(found, Index):
            raise ArchiveError("index.json is no index", hint="name a new or empty directory", detail=str(self._path))
        return found

    def put(self, part: Part) -> None:
        """Write a file of known content."""
        path = self._path / part.name
        with told():
            path.parent.mkdir(parents=True, exist_ok=True)
        with written(path) as write:
            copied(part, write)

    def put_bytes(self, content: bytes, media_type: str) -> Descriptor:
        """Write a blob."""
        described = Descriptor(media_type=media_type, digest=digests.of(content), size=len(content))
        with written(self._path / blob_name(described.digest)) as write:
            write(content)
        return described

    def put_stream(self, source: Stream, media_type: str) -> Descriptor:
        """Write a blob whose digest is known when it is written."""
        aside = self._path / f"blobs/sha256/.{secrets.token_hex(16)}"
        state, size = hashlib.sha256(), 0
        try:
            with told(), aside.open("xb") as file:
                while data := source.read(_CHUNK):
                    state.update(data)
                    size += len(data)
                    file.write(data)
            digest = f"sha256:{state.hexdigest()}"
            with told():
                aside.rename(self._path / blob_name(digest))
        finally:
            with suppress(OSError):
                aside.unlink(missing_ok=True)
        return Descriptor(media_type=media_type, digest=digest, size=size)

    def is_whole(self, known: Descriptor) -> bool:
        """Whether that blob stands there with the right content."""
        with suppress(OSError), (self._path / blob_name(known.digest)).open("rb") as file:
            return digests.of_chunks(iter(lambda: file.read(_CHUNK), b"")) == known.digest
        return False

    def name(self, described: Sequence[Descriptor]) -> None:
        """Put entries into the index: only now what was written is found."""
        names = {_name(each) for each in described}
        others = [each for each in self._index.manifests if _name(each) not in names]
        self._index = replace(self._index, manifests=(*others, *described))
        for name, content in (("oci-layout", LAYOUT), ("index.json", self._index.to_bytes())):
            with written(self._path / name) as write:
                write(content)


def blob_name(digest: str) -> str:
    """Where a layout has a blob."""
    return f"blobs/{digest.replace(':', '/')}"


def _name(described: Descriptor) -> str:
    """What an entry is found by; one without a name by what it is."""
    annotations = described.annotations
    return annotations.get(CONTAINERD_NAME) or annotations.get(REF_NAME) or described.digest
