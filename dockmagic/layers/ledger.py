"""The entries of a layer that is being extracted, under the paths where they really stand."""

from __future__ import annotations

import posixpath
from dataclasses import replace

from dockmagic.oci.changeset import Entry


class Ledger:
    """Entries in the order of the tar; what was replaced is none any more. Each change costs as much as it changes."""

    def __init__(self) -> None:
        self._rows: list[Entry | None] = []
        self._places: dict[str, list[int]] = {}
        self._children: dict[str, set[str]] = {}
        self._links: dict[str, list[int]] = {}

    def add(self, entry: Entry) -> Entry:
        """Note what was written; as it was noted: a hard link to a further name of a file becomes one to its first."""
        if entry.type == "hardlink":
            entry = self._to_first(entry)
            self._links.setdefault(entry.linkname, []).append(len(self._rows))
        if entry.type != "whiteout":
            self._places.setdefault(entry.path, []).append(len(self._rows))
            self._children.setdefault(posixpath.dirname(entry.path), set()).add(entry.path)
        self._rows.append(entry)
        return entry

    def forget(self, path: str) -> None:
        """Drop a path and what is below it; a whiteout stays, since it tells what to delete in the layers below."""
        self._children.get(posixpath.dirname(path), set()).discard(path)
        pending = [path]
        while pending:
            gone = pending.pop()
            for place in self._places.pop(gone, ()):
                row, self._rows[place] = self._rows[place], None
                if row is not None and gone in self._links:
                    self._bequeath(row)
            pending += self._children.pop(gone, ())

    def _to_first(self, entry: Entry) -> Entry:
        places = self._places.get(entry.linkname, ())
        row = self._rows[places[-1]] if places else None
        return replace(entry, linkname=row.linkname) if row is not None and row.type == "hardlink" else entry

    def _bequeath(self, row: Entry) -> None:
        """Make the next name of a file whose first name goes its first."""
        left = [place for place in self._links.pop(row.path) if self._rows[place] is not None]
        for count, place in enumerate(left):
            link = self._rows[place]
            assert link is not None  # noqa: S101 - for the type checker: left has no others
            if not count:
                row = replace(row, path=link.path)
                self._links[link.path] = left[1:]
            self._rows[place] = replace(link, linkname=row.path) if count else row

    def entries(self) -> list[Entry]:
        """What is left."""
        return [row for row in self._rows if row is not None]
