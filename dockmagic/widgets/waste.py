"""Bytes that an image's layers store and nobody sees any more. Pure.

``dive`` counts all copies of a path that stands in several layers as wasted, also the one that is seen, and the size of a deleted
directory once more at its whiteout. Here a byte is wasted when a layer stores it and the merged file system does not show it: of N
copies of a file N - 1 are wasted, of a deleted one all. The efficiency is what is shown divided by what is stored; 1 where nothing
is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dockmagic.listing import File
from dockmagic.oci.changeset import Entry

Changeset = tuple[str, Sequence[Entry]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wasted:
    """A path some of whose bytes are not seen.

    Attributes:
        copies: in how many layers it is stored.
        size: bytes that are not seen.
        deleted: nothing stands there any more.
    """

    path: str
    copies: int
    size: int
    deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Waste:
    """The sum over an image.

    Attributes:
        stored: bytes of regular files in all layers, as :attr:`dockmagic.results.Image.size`.
        wasted: of them, what is not seen.
        paths: the largest first.
    """

    stored: int
    wasted: int
    paths: tuple[Wasted, ...]

    @property
    def efficiency(self) -> float:
        """From 0 to 1."""
        return 1.0 if not self.stored else (self.stored - self.wasted) / self.stored


def waste(layers: Iterable[Changeset], merged: Iterable[File]) -> Waste:
    """What of the layers is not seen.

    Args:
        layers: (DiffID, entries) of each, base first; no DiffID twice with other entries.
        merged: what stands in the image; deleted paths in it are ignored.
    """
    seen = {(file.diff_id, path): True for file in merged if file.state != "D" for path in _needed(file)}
    present = {path for _, path in seen}
    copies: dict[str, int] = {}
    hidden: dict[str, int] = {}
    stored = 0
    used: set[tuple[str, str]] = set()
    for diff_id, entries in layers:
        for path, size in _files(entries).items():
            stored += size
            copies[path] = copies.get(path, 0) + 1
            # A layer may stand twice in an image; it is seen once.
            if (diff_id, path) not in seen or (diff_id, path) in used:
                hidden[path] = hidden.get(path, 0) + size
            used.add((diff_id, path))
    rows = [
        Wasted(path=f"/{path}", copies=copies[path], size=size, deleted=path not in present)
        for path, size in hidden.items()
        if size
    ]
    rows.sort(key=lambda row: (-row.size, row.path))
    return Waste(stored=stored, wasted=sum(hidden.values()), paths=tuple(rows))


def _needed(file: File) -> tuple[str, ...]:
    """Paths in its layer whose bytes a seen file needs: a hard link needs its first name's, which may be deleted."""
    entry = file.entry
    if entry.type == "hardlink":
        return entry.path, entry.linkname.strip("/")
    return (entry.path,)


def _files(entries: Iterable[Entry]) -> dict[str, int]:
    """Sizes of a layer's regular files by path; of a path that stands there twice, the last."""
    return {entry.path: entry.size for entry in entries if entry.type == "file"}
