"""A stack of changesets as one tree, by metadata alone: nothing on disk is looked at. Pure.

Rules of the OCI image specification's layer page: a whiteout deletes a path and what is below it, an opaque mark what
the lower layers have in a directory, and what is no directory replaces what was one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from dockmagic.oci.changeset import Entry

Kind = Literal["A", "C", "D"]
_NO_FILES = {"hardlink", "whiteout", "opaque"}


@dataclass(frozen=True, slots=True)
class Found:
    """A path of the union: its entry, and the DiffID of the layer that it comes from."""

    entry: Entry
    diff_id: str


class _Node:
    """A path in the making; ``found`` is None for a directory that no layer mentions."""

    __slots__ = ("children", "found")

    def __init__(self) -> None:
        self.found: Found | None = None
        self.children: dict[str, _Node] = {}


class Union:
    """Changesets applied one on the other."""

    def __init__(self) -> None:
        self._root = _Node()

    def apply(self, diff_id: str, entries: Iterable[Entry]) -> None:
        """Put one more layer on top."""
        present = list(entries)
        # Deletions concern lower layers only, so they come first, wherever they stand in the tar.
        for entry in present:
            if entry.type == "whiteout":
                self._remove(entry.path)
            elif entry.type == "opaque":
                node = self._node(entry.path)
                if node is not None:
                    node.children.clear()
        for entry in present:
            if entry.type not in {"whiteout", "opaque"}:
                self._put(Found(entry, diff_id))

    def get(self, path: str) -> Found | None:
        """What stands at a path without a leading slash."""
        node = self._node(path)
        return None if node is None else node.found

    def has(self, path: str) -> bool:
        """Whether something stands there, an unmentioned parent directory too."""
        return self._node(path) is not None

    def names(self, path: str) -> list[str]:
        """What a directory holds."""
        node = self._node(path)
        return [] if node is None else list(node.children)

    def __iter__(self) -> Iterator[Found]:
        """Everything that a layer mentions."""
        pending = [self._root]
        while pending:
            node = pending.pop()
            if node.found is not None:
                yield node.found
            pending.extend(node.children.values())

    def _node(self, path: str) -> _Node | None:
        node: _Node | None = self._root
        for part in _parts(path):
            if node is None:
                return None
            node = node.children.get(part)
        return node

    def _remove(self, path: str) -> None:
        parent, _, name = path.rpartition("/")
        node = self._node(parent)
        if node is not None:
            node.children.pop(name, None)

    def _put(self, found: Found) -> None:
        node = self._root
        for part in _parts(found.entry.path):
            if node.found is not None and node.found.entry.type != "dir":
                node.found = None  # a directory that this layer implies
            node = node.children.setdefault(part, _Node())
        if found.entry.type != "dir":
            node.children = {}
        node.found = found


def _parts(path: str) -> list[str]:
    return [] if path in {"", "."} else path.split("/")


def union(layers: Iterable[tuple[str, Iterable[Entry]]]) -> Union:
    """Layers as one tree; (DiffID, entries) of each, base first."""
    made = Union()
    for diff_id, entries in layers:
        made.apply(diff_id, entries)
    return made


def changes(entries: Sequence[Entry], below: Union) -> dict[str, Kind]:
    """What a layer adds, changes and deletes against the layers below, as ``docker diff`` words it; absolute paths.

    A directory that is only mentioned because of what stands in it is not told of; of a deleted directory only itself
    is.
    """
    present = {entry.path: entry for entry in entries if entry.type not in {"whiteout", "opaque"}}
    told: dict[str, Kind] = {}
    for entry in entries:
        match entry.type:
            case "whiteout":
                if below.has(entry.path):
                    told.setdefault(f"/{entry.path}", "D")
            case "opaque":
                for path in _hidden(entry.path, below, present):
                    told.setdefault(f"/{path}", "D")
            case _:
                if not below.has(entry.path):
                    told[f"/{entry.path}"] = "A"
                elif not _same_directory(entry, below.get(entry.path)):
                    told[f"/{entry.path}"] = "C"
    return told


def _hidden(directory: str, below: Union, present: Mapping[str, Entry]) -> Iterator[str]:
    """What an opaque directory hides and its layer does not bring itself."""
    for name in below.names(directory):
        path = name if directory == "." else f"{directory}/{name}"
        if path not in present:
            yield path
        elif present[path].type == "dir":
            yield from _hidden(path, below, present)


def _same_directory(entry: Entry, found: Found | None) -> bool:
    if entry.type != "dir":
        return False
    if found is None:
        # A directory that no layer mentions is what extracting makes of it.
        return (entry.mode, entry.uid, entry.gid, dict(entry.xattrs)) == (0o755, 0, 0, {})
    return found.entry.type == "dir" and standing(entry) == standing(found.entry)


def standing(entry: Entry) -> Entry:
    """An entry without what changes by itself: its time, and the attributes' kind of mapping."""
    return replace(entry, mtime=0, xattrs=dict(entry.xattrs))


def plain(tree: Mapping[str, Found], entries: Callable[[str], Iterable[Entry]]) -> dict[str, Found]:
    """A tree whose hard links are the files that they are names of.

    Args:
        tree: what stands at each path.
        entries: gives a layer's entries; a hard link's first name is one of its own layer, and may be hidden in the tree.
    """
    linked = {found.diff_id for found in tree.values() if found.entry.type == "hardlink"}
    files = {diff_id: {e.path: e for e in entries(diff_id) if e.type not in _NO_FILES} for diff_id in linked}
    return {path: _plain(found, files.get(found.diff_id, {})) for path, found in tree.items()}


def _plain(found: Found, files: Mapping[str, Entry]) -> Found:
    first = files.get(found.entry.linkname) if found.entry.type == "hardlink" else None
    return found if first is None else Found(replace(first, path=found.entry.path), found.diff_id)


def difference(before: Mapping[str, Found], after: Mapping[str, Found]) -> tuple[dict[str, Kind], list[str]]:
    """What one tree has that another has not.

    Returns:
        The changes of which the entries alone tell, and the paths of files that only their content can tell of.
    """
    told: dict[str, Kind] = {}
    unsure = []
    for path in before.keys() | after.keys():
        then, now = before.get(path), after.get(path)
        if then is None:
            told[path] = "A"
        elif now is None:
            told[path] = "D"
        elif standing(then.entry) != standing(now.entry):
            told[path] = "C"
        elif then.diff_id != now.diff_id and now.entry.type == "file" and now.entry.size:
            unsure.append(path)
    return told, unsure
