"""The digest of the tar that is written again of a layer which is being extracted, in the same pass."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from dockmagic.layers.tar_writer import TarStream, padding
from dockmagic.oci.changeset import Entry


class Packed:
    """Entries as they come, which is the order of that tar as long as none of them is replaced by a later one."""

    def __init__(self) -> None:
        self._state = hashlib.sha256()
        self._tar: TarStream | None = TarStream(self._state.update)

    def bare(self, entry: Entry) -> None:
        """Something without content."""
        if self._tar is not None:
            self._tar.head(entry)

    def file(self, entry: Entry, content: Iterable[bytes]) -> Iterator[bytes]:
        """A file; its content goes through."""
        if self._tar is None:
            yield from content
            return
        self._tar.head(entry)
        for data in content:
            self._tar.add(data)
            yield data
        self._tar.add(padding(entry.size))

    def spoil(self) -> None:
        """An entry was replaced: what was digested is not what stands there."""
        self._tar = None

    def digest(self) -> str:
        """Of the whole tar, once; "" where it is not known."""
        if self._tar is None:
            return ""
        self._tar.end()
        return f"sha256:{self._state.hexdigest()}"
