"""Entries and the contents of files on their way from a builder to the job that lands them.

Batches: 8 bytes of length, big endian; a JSON list of so many bytes, of rows as a layer's metadata has them; then the content of
every file among them, one after another. A length of 0 ends it. It says less than a tar and costs a fraction of one to read, which
is what a COPY of many small files is made of.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from dockmagic.errors import ArchiveError
from dockmagic.layers import metadata
from dockmagic.layers.compression import Stream
from dockmagic.oci.changeset import Entry

BATCH = 1024  # entries, which are in memory at once
END = bytes(8)
_SMALL = 1 << 16  # bytes of content that is read at once
_CHUNK = 1 << 20


def head(entries: Sequence[Entry]) -> bytes:
    """What stands before the contents of a batch, of at least one entry and at most :data:`BATCH`."""
    rows = json.dumps([metadata.row(entry) for entry in entries], separators=(",", ":")).encode("ascii")
    return len(rows).to_bytes(8, "big") + rows


def arrivals(stream: Stream) -> Iterator[tuple[Entry, Iterable[bytes] | None]]:
    """The entries, with the contents of files; each content is read, or skipped, before the next entry comes.

    Raises:
        ArchiveError: it ends too early.
    """
    while length := int.from_bytes(_exactly(stream, len(END)), "big"):
        for row in json.loads(_exactly(stream, length)):
            entry = metadata.entry(row)
            if entry.type != "file":
                yield entry, None
                continue
            if entry.size <= _SMALL:
                yield entry, (_exactly(stream, entry.size),) if entry.size else ()
                continue
            content = _Content(stream, entry.size)
            yield entry, content.chunks()
            content.skip()


class _Content:
    """So many bytes of a stream."""

    def __init__(self, stream: Stream, size: int) -> None:
        self._stream = stream
        self._left = size

    def chunks(self) -> Iterator[bytes]:
        while self._left:
            data = self._stream.read(min(self._left, _CHUNK))
            if not data:
                raise _short()
            self._left -= len(data)
            yield data

    def skip(self) -> None:
        if self._left:
            for _ in self.chunks():
                pass


def _exactly(stream: Stream, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise _short()
    return data


def _short() -> ArchiveError:
    return ArchiveError("what a COPY sends ends too early", hint="build again")
