"""What a writable layer changes, as ``docker diff`` tells it, and how it stands."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import Any

from dockmagic.layers import depth, overlayfs
from dockmagic.layers.scan import Change, Owners, scan
from dockmagic.layers.stack import Found, Stack

# path, A|C|D, bytes or None, note
Told = tuple[str, str, int | None, str]
# path, kind, bytes or None, stamp
Standing = tuple[str, str, int | None, tuple[int, ...]]


def changes(upper: str, lowers: Sequence[str], *, owners: Owners, ignore: frozenset[str]) -> dict[str, Any]:
    """Paths added, changed and deleted, and the bytes of the writable layer.

    A directory whose only change is what stands in it is not told of; of a deleted directory only itself is.

    Returns:
        ``{"paths": [[path, kind, size, note], …], "size": bytes}``, bytewise by path.
    """
    below = Stack(lowers)
    found = scan(upper, below, owners, ignore)
    present = {change.entry.path for change in found}
    told = [row for change in found for row in _told(change, below, present)]
    inodes = {c.status.st_ino: c.entry.size for c in found if c.entry.type == "file"}
    return {"paths": sorted(told, key=lambda row: os.fsencode(row[0])), "size": sum(inodes.values())}


def _told(change: Change, below: Stack, present: set[str]) -> Iterator[Told]:
    entry = change.entry
    path = f"/{entry.path}"
    if entry.type == "whiteout":
        yield path, "D", _size(change.below.status) if change.below else None, ""
    elif entry.type == "opaque":
        if change.below is not None:
            yield from _gone(change.below, below, present)
    elif change.kept:
        size = entry.size if entry.type == "file" else None
        yield path, "A" if change.below is None else "C", size, _note(change)


def _gone(directory: Found, below: Stack, present: set[str]) -> Iterator[Told]:
    """What an opaque directory hides and does not bring itself."""
    for child in below.listdir(directory):
        if child.path not in present:
            yield f"/{child.path}", "D", _size(child.status), ""
        elif child.is_dir:
            yield from _gone(child, below, present)


def _note(change: Change) -> str:
    """What of a directory's metadata changed, or that it is not all that there is."""
    if change.cut:
        return "deeper ones not listed"
    if change.entry.type != "dir" or change.below is None or not change.below.is_dir:
        return ""
    before, now = stat.S_IMODE(change.below.status.st_mode), change.entry.mode
    return f"mode {before:o} -> {now:o}" if before != now else "owner"


def _size(status: os.stat_result) -> int | None:
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def listing(upper: str) -> list[Standing]:
    """Every entry of a writable layer: absolute path, kind, bytes or None, and a stamp that any change of it changes."""
    found: list[Standing] = []
    pending = [""]
    while pending:
        directory = pending.pop()
        with os.scandir(f"{upper}/{directory}" if directory else upper) as entries:
            names = [entry.name for entry in entries]
        for name in names:
            path = f"{directory}/{name}" if directory else name
            if not depth.is_named(path):
                continue
            real = f"{upper}/{path}"
            status = os.lstat(real)
            if overlayfs.is_whiteout(real, status):
                found.append((f"/{path}", "whiteout", None, ()))
                continue
            is_directory = stat.S_ISDIR(status.st_mode)
            kind = "dir" if is_directory else stat.filemode(status.st_mode)[0]
            stamp = (status.st_mode, status.st_uid, status.st_gid, status.st_ctime_ns)
            found.append((f"/{path}", kind, _size(status), stamp))
            if is_directory:
                pending.append(path)
    return found
