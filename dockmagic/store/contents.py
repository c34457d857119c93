"""A layer's content as a stream: what compressed it, its tar, and digests of its files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

from dockmagic.layers.compression import Decompressed, Stream
from dockmagic.layers.tar_reader import TarReader
from dockmagic.oci import mediatype
from dockmagic.oci.descriptor import Descriptor
from dockmagic.store.aside import Aside
from dockmagic.store.blobs import Blobs, corrupt
from dockmagic.store.faults import told
from dockmagic.store.layout import Layout

_CHUNK = 1 << 20
_MEDIA_TYPES = {b"\x1f\x8b": mediatype.LAYER_GZIP, b"\x28\xb5": mediatype.LAYER_ZSTD}


def media_type(file: Aside) -> str:
    """The media type of a layer's blob by its first bytes."""
    return _MEDIA_TYPES.get(os.pread(file.fileno(), 2, 0), mediatype.LAYER)


def write_uncompressed(blobs: Blobs, blob: Descriptor, diff_id: str, out: int) -> None:
    """Write the uncompressed tar of a layer's blob to a descriptor.

    Raises:
        StoreCorruptError: the blob is damaged.
    """
    state = hashlib.sha256()
    with blobs.open(blob.digest) as file:
        tar = Decompressed(file)
        while data := tar.read(_CHUNK):
            state.update(data)
            view = memoryview(data)
            while view:
                view = view[os.write(out, view) :]
    require_undamaged(f"sha256:{state.hexdigest()}", diff_id)


def tar_digest(file: Aside) -> str:
    """The digest of the uncompressed tar that a blob holds.

    Raises:
        ArchiveError: the compressed data is damaged.
    """
    file.rewind()
    state = hashlib.sha256()
    with os.fdopen(os.dup(file.fileno()), "rb") as source:
        tar = Decompressed(source)
        while data := tar.read(_CHUNK):
            state.update(data)
    file.rewind()
    return f"sha256:{state.hexdigest()}"


def require_undamaged(found: str, wanted: str) -> None:
    """Compare digests of what was written and what should have been.

    Raises:
        StoreCorruptError: they differ.
    """
    if found != wanted:
        raise corrupt(wanted)


def file_digests(write: Callable[[int], None], layout: Layout) -> dict[str, bytes]:
    """A digest of each regular file in a layer, by its path; a hard link has that of its first name.

    Args:
        write: writes the layer's tar to a descriptor.
        layout: where there is room for it.
    """
    with told(layout.tmp):
        spool = Aside(layout.tmp)
    with spool:
        write(spool.fileno())
        spool.rewind()
        with os.fdopen(os.dup(spool.fileno()), "rb") as file:
            return _digests(file)


def _digests(stream: Stream) -> dict[str, bytes]:
    reader = TarReader(stream)
    found: dict[str, bytes] = {}
    for entry in reader:
        if entry.type == "file":
            state = hashlib.sha256()
            for chunk in reader.chunks():
                state.update(chunk)
            found[entry.path] = state.digest()
        elif entry.type == "hardlink" and entry.linkname in found:
            found[entry.path] = found[entry.linkname]
    return found
