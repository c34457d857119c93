"""Files as a tree that is read a folder at a time. Pure.

100,000 files are indexed once, in the kernel; the front end sees pages of rows. A row's ``ref`` is its number in the index: a
front end sends it back, never a path.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dockmagic.changes import ChangedPath
from dockmagic.errors import UsageError
from dockmagic.listing import File, State
from dockmagic.oci.changeset import Entry, Kind
from dockmagic.record.escape import visible

MOST_ROWS = 200
ROOT = 0
UNMODIFIED = "="  # how a front end asks for paths of state ""
_BITS: Mapping[str, int] = {"A": 1, "C": 2, "D": 4, "": 8}
_ALL = 15
_GLOB = re.compile(r"[*?\[]")
_TYPES: Mapping[Kind, int] = {
    "file": stat.S_IFREG,
    "hardlink": stat.S_IFREG,
    "dir": stat.S_IFDIR,
    "symlink": stat.S_IFLNK,
    "char": stat.S_IFCHR,
    "block": stat.S_IFBLK,
    "fifo": stat.S_IFIFO,
}
_IMPLIED: File = File(Entry(path=".", type="dir"), "")


class _Node:
    """A path: ``mask`` has a bit for each state of itself and of what is below it, ``size`` the bytes below."""

    __slots__ = ("children", "file", "mask", "name", "parent", "size")

    def __init__(self, name: str, parent: int) -> None:
        self.name = name
        self.parent = parent
        self.file = _IMPLIED
        self.children: list[int] | None = None
        self.mask = 0
        self.size = 0


class Tree:
    """The index of one file system or layer.

    Args:
        files: what stands in it and what was deleted from it; one value a path.
        notes: words to show beside a path, by path.
        bare: only paths, states and sizes are known: modes and owners are left out.
    """

    def __init__(self, files: Iterable[File], *, notes: Mapping[str, str] | None = None, bare: bool = False) -> None:
        self._nodes = [_Node("", ROOT)]
        self._nodes[ROOT].children = []
        self._notes = notes or {}
        self._bare = bare
        self._refs: dict[str, int] = {"": ROOT}
        for file in files:
            self._add(file)
        self._total()
        for node in self._nodes:
            if node.children:
                node.children.sort(key=self._order)
        self._paths: list[str] | None = None
        self._last: tuple[tuple[str, int], list[int]] | None = None

    def __len__(self) -> int:
        """Count of paths; directories that nothing mentions are some too."""
        return len(self._nodes) - 1

    def file(self, ref: object) -> File:
        """What stands at a row.

        Raises:
            UsageError: there is no such row.
        """
        return self._node(ref).file

    def path(self, ref: object) -> str:
        """The absolute path of a row."""
        node = self._node(ref)
        return f"/{self._path(node)}"

    def page(
        self, folder: object, kinds: Iterable[str] = (), offset: int = 0, limit: int = MOST_ROWS
    ) -> dict[str, Any]:
        """Rows of a folder: directories first, then by name, bytewise.

        Args:
            folder: its ``ref``; :data:`ROOT` for the root.
            kinds: states to show, ``"="`` for unmodified; none for all. A directory is shown for what is below it.
            offset: of the first row.
            limit: of rows, at most :data:`MOST_ROWS`.

        Returns:
            ``{"rows", "offset", "total"}``.
        """
        wanted = _mask(kinds)
        nodes = self._nodes
        children = [ref for ref in self._node(folder).children or () if nodes[ref].mask & wanted]
        return self._rows(children, offset, limit)

    def find(self, text: str, kinds: Iterable[str] = (), offset: int = 0, limit: int = MOST_ROWS) -> dict[str, Any]:
        """Rows whose visible path has ``text`` in it, in any case, or matches it as a pattern (``*.conf``, ``/etc/*``).

        A pattern without a slash is matched with the name alone. A path is found for its own state.

        Returns:
            ``{"rows", "offset", "total", "of"}``: ``of`` is how many paths were looked at.
        """
        wanted = _mask(kinds)
        if self._last is None or self._last[0] != (text, wanted):
            self._last = (text, wanted), self._matching(text, wanted)
        of = sum(bool(_BITS[node.file.state] & wanted) for node in self._nodes[1:])
        return self._rows(self._last[1], offset, limit, whole=True) | {"of": of}

    def counts(self) -> dict[str, int]:
        """How many paths were added, changed and deleted."""
        found = {"A": 0, "C": 0, "D": 0}
        for node in self._nodes:
            if node.file.state:
                found[node.file.state] += 1
        return found

    def _add(self, file: File) -> None:
        path = file.entry.path
        if path in {"", "."}:
            return
        ref = self._refs.get(path)
        if ref is None:
            head, _, name = path.rpartition("/")
            ref = self._refs[path] = self._new(name, self._folder(head))
        node = self._nodes[ref]
        # What was deleted and what replaced it are one row.
        if node.file is _IMPLIED or node.file.state == "D":
            node.file = file
        if file.entry.type == "dir" and node.children is None:
            node.children = []

    def _folder(self, path: str) -> int:
        found = self._refs.get(path)
        if found is None:
            head, _, name = path.rpartition("/")
            found = self._refs[path] = self._new(name, self._folder(head))
            self._nodes[found].children = []
        return found

    def _new(self, name: str, parent: int) -> int:
        self._nodes.append(_Node(name, parent))
        ref = len(self._nodes) - 1
        siblings = self._nodes[parent].children
        if siblings is None:
            siblings = self._nodes[parent].children = []
        siblings.append(ref)
        return ref

    def _total(self) -> None:
        """Sums and masks, from the deepest up."""
        pending = [ROOT]
        order = []
        while pending:
            ref = pending.pop()
            order.append(ref)
            pending += self._nodes[ref].children or ()
        for ref in reversed(order):
            node = self._nodes[ref]
            node.mask |= _BITS[node.file.state]
            if node.file.state != "D" or node.children is None:
                node.size += node.file.entry.size
            if ref != ROOT:
                parent = self._nodes[node.parent]
                parent.mask |= node.mask
                parent.size += node.size if node.file.state != "D" else 0

    def _order(self, ref: int) -> tuple[bool, bytes]:
        node = self._nodes[ref]
        return node.children is None, _as_bytes(node.name)

    def _node(self, ref: object) -> _Node:
        if not isinstance(ref, int) or isinstance(ref, bool) or not 0 <= ref < len(self._nodes):
            raise UsageError("there is no such row")
        return self._nodes[ref]

    def _path(self, node: _Node) -> str:
        parts = [node.name]
        while node.parent != ROOT:
            node = self._nodes[node.parent]
            parts.append(node.name)
        return "/".join(reversed(parts))

    def _matching(self, text: str, wanted: int) -> list[int]:
        if self._paths is None:
            self._paths = ["", *(visible(f"/{self._path(node)}").lower() for node in self._nodes[1:])]
        matches = _matcher(text)
        nodes, paths = self._nodes, self._paths
        found = [ref for ref in range(1, len(nodes)) if _BITS[nodes[ref].file.state] & wanted and matches(paths[ref])]
        return sorted(found, key=paths.__getitem__)

    def _rows(self, refs: Sequence[int], offset: int, limit: int, *, whole: bool = False) -> dict[str, Any]:
        begin = max(0, offset)
        end = begin + max(1, min(limit, MOST_ROWS))
        return {"rows": [self._row(ref, whole=whole) for ref in refs[begin:end]], "offset": begin, "total": len(refs)}

    def _row(self, ref: int, *, whole: bool) -> dict[str, Any]:
        node = self._nodes[ref]
        entry = node.file.entry
        path = f"/{self._path(node)}"
        folder = node.children is not None
        row: dict[str, Any] = {
            "ref": ref,
            "name": visible(path if whole else node.name),
            "path": visible(path),
            "kind": "dir" if folder else entry.type,
            "state": node.file.state,
            "size": node.size if folder or entry.type == "file" else None,
            "folder": folder and bool(node.children),
        }
        if not self._bare:
            row["mode"] = mode_text(entry if node.file is not _IMPLIED else Entry(path=entry.path, type="dir"))
            row["owner"] = f"{entry.uid}:{entry.gid}"
        if entry.linkname:
            row["link"] = visible(entry.linkname)
        if path in self._notes:
            row["note"] = visible(self._notes[path])
        return row


def of_changes(paths: Iterable[ChangedPath]) -> Tree:
    """The tree of what a run changed, where the container is gone: what the run noted of each path."""
    told = list(paths)
    files = [
        File(
            Entry(path=path.path.strip("/"), type="file" if path.size is not None else "dir", size=path.size or 0),
            path.kind,
        )
        for path in told
    ]
    return Tree(files, notes={path.path: path.note for path in told if path.note}, bare=True)


def _as_bytes(name: str) -> bytes:
    try:
        return os.fsencode(name)
    except UnicodeEncodeError:  # a surrogate that stands for no byte: no file has it, a tar's header may
        return name.encode("utf-8", "surrogatepass")


def mode_text(entry: Entry) -> str:
    """As ``ls -l`` writes it: ``-rw-r--r--``."""
    return stat.filemode(_TYPES.get(entry.type, 0) | (entry.mode & 0o7777))


def state_of(word: str) -> State:
    """The state that a front end's word means.

    Raises:
        UsageError: none of A, C, D and =.
    """
    states: dict[str, State] = {"A": "A", "C": "C", "D": "D", UNMODIFIED: ""}
    if word not in states:
        raise UsageError("kinds are A, C, D and =")
    return states[word]


def _mask(kinds: Iterable[str]) -> int:
    found = 0
    for kind in kinds:
        found |= _BITS[state_of(kind)]
    return found or _ALL


def _matcher(text: str) -> Callable[[str], bool]:
    wanted = text.lower()
    if not _GLOB.search(wanted):
        return lambda path: wanted in path
    if "/" in wanted:
        whole = re.compile(fnmatch.translate(wanted if wanted.startswith(("/", "*")) else f"*/{wanted}"))
        return lambda path: whole.match(path) is not None
    name = re.compile(fnmatch.translate(wanted))
    return lambda path: name.match(path.rpartition("/")[2]) is not None
