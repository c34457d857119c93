"""Extracting a changeset's tar: what it is on disk, and the truth of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

from dockmagic.layers import metadata, seal
from dockmagic.layers.compression import Stream
from dockmagic.layers.extraction import Extraction
from dockmagic.layers.metadata import Metadata
from dockmagic.layers.tar_reader import TarReader

_CHUNK = 1 << 20


class Digesting:
    """A stream that digests what is read through it."""

    def __init__(self, source: Stream) -> None:
        self._source = source
        self._state = hashlib.sha256()
        self.count = 0

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        self._state.update(data)
        self.count += len(data)
        return data

    def drain(self) -> str:
        """Read to the end; the digest of everything."""
        while self.read(_CHUNK):
            pass
        return f"sha256:{self._state.hexdigest()}"


def unpack(stream: Stream, destination: str, *, single: bool, lowers: Sequence[str] = ()) -> tuple[Metadata, str]:
    """Extract an uncompressed tar.

    A layer is extracted by itself. But a few tools write layers that only make sense on top of those below: a path that leads
    through a link of a lower layer, a hard link to a file of one. These become what they mean, and the truth says so.

    Args:
        stream: the tar.
        destination: a directory that does not exist yet, relative to the working directory.
        single: only one id is mapped: owners go to an attribute.
        lowers: the trees of the layers below, top first, where they are known.

    Returns:
        The truth of the layer; its DiffID is of the whole stream. It leans when it would be another over other layers. And the
        digest of the tar that :func:`dockmagic.layers.seal.pack` would write of it.

    Raises:
        ArchiveError: the tar is corrupt or hostile; the directory is left for the caller to remove.
    """
    digesting = Digesting(stream)
    os.mkdir(destination, 0o755)
    os.chmod(destination, 0o755)  # mkdir(2) heeds the umask
    reader = TarReader(digesting)
    with Extraction(destination, single=single, lowers=lowers) as extraction:
        for entry in reader:
            extraction.add(entry, reader)
        extraction.finish()
    diff_id = digesting.drain()
    truth = metadata.of(
        diff_id, extraction.entries, tar_size=digesting.count, leans=extraction.leans, inherits=extraction.inherits
    )
    return truth, extraction.packed or seal.pack(destination, truth, lambda _: None)
