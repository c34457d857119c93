"""Whether a layer's tree is what its metadata says, content apart, which its digest tells of."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator, Mapping, Sequence

from dockmagic.layers import overlayfs
from dockmagic.oci.changeset import Entry

_KINDS = {"file": stat.S_IFREG, "dir": stat.S_IFDIR, "symlink": stat.S_IFLNK, "fifo": stat.S_IFIFO}
# A device is recorded and never made; an opaque mark says something of a directory.
_NOT_MADE = frozenset({"char", "block", "opaque"})


def wrong(tree: str, entries: Sequence[Entry]) -> Iterator[str]:
    """Paths that are missing, of another kind, with another mode or target than the entries say, or in no entry.

    Args:
        tree: relative to the working directory.
        entries: of the layer's metadata.
    """
    known = {entry.path: entry for entry in entries if entry.type not in {*_NOT_MADE, "whiteout"}}
    deleted = {entry.path for entry in entries if entry.type == "whiteout"} - known.keys()
    for path, entry in known.items():
        if not _fits(f"{tree}/{path}", entry, known):
            yield path
    for path in deleted:
        try:
            if not overlayfs.is_whiteout(f"{tree}/{path}", os.lstat(f"{tree}/{path}")):
                yield path
        except (FileNotFoundError, NotADirectoryError):
            yield path
    yield from _strange(tree, {*known, *deleted})


def _fits(real: str, entry: Entry, known: Mapping[str, Entry]) -> bool:
    try:
        found = os.lstat(real)
    except (FileNotFoundError, NotADirectoryError):
        return False
    if entry.type == "hardlink":
        first = known.get(entry.linkname)
        return first is None or first.type == "hardlink" or _fits(real, first, known)
    if stat.S_IFMT(found.st_mode) != _KINDS[entry.type]:
        return False
    if entry.type == "symlink":
        return os.readlink(real) == entry.linkname
    return stat.S_IMODE(found.st_mode) == entry.mode


def _strange(tree: str, known: set[str]) -> Iterator[str]:
    """What stands in the tree and in no entry; a directory that holds an entry need not be one."""
    parents = set()
    for path in known:
        above = posixpath.dirname(path)
        while above and above not in parents:
            parents.add(above)
            above = posixpath.dirname(above)
    pending = [""]
    while pending:
        directory = pending.pop()
        with os.scandir(f"{tree}/{directory}" if directory else tree) as found:
            names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
        for name, is_directory in names:
            path = f"{directory}/{name}" if directory else name
            if path not in known and path not in parents:
                yield path
            elif is_directory:
                pending.append(path)
