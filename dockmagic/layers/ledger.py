"""The entries of a layer that is being extracted, under the paths where they really stand."""

from __future__ import annotations

import posixpath

from dockmagic.oci.changeset import Entry


class Ledger:
    """Entries in the order of the tar; what was replaced is none any more. Each change costs as much as it changes."""

    def __init__(self) -> None:
        self._rows: list[Entry | None] = []
        self._places: dict[str, list[int]] = {}
        self._children: dict[str, set[str]] = {}

    def add(self, entry: Entry) -> None:
        """Note what was written."""
        if entry.type != "whiteout":
            self._places.setdefault(entry.path, []).append(len(self._rows))
            self._children.setdefault(posixpath.dirname(entry.path), set()).add(entry.path)
        self._rows.append(entry)

    def forget(self, path: str) -> None:
        """Drop a path and what is below it; a whiteout stays, since it tells what to delete in the layers below."""
        self._children.get(posixpath.dirname(path), set()).discard(path)
        pending = [path]
        while pending:
            gone = pending.pop()
            for place in self._places.pop(gone, ()):
                self._rows[place] = None
            pending += self._children.pop(gone, ())

    def entries(self) -> list[Entry]:
        """What is left."""
        return [row for row in self._rows if row is not None]
