"""Turning a finished writable layer into an image's layer: entries, fixed times, DiffID; and packing the same tar again."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from dockmagic.errors import StoreCorruptError, UsageError
from dockmagic.layers import metadata, overlayfs, removal
from dockmagic.layers.metadata import Metadata
from dockmagic.layers.scan import Change, Owners, scan
from dockmagic.layers.stack import Stack
from dockmagic.layers.tar_writer import BLOCK, END, header, padding
from dockmagic.oci.changeset import WHITEOUT_PREFIX, Entry

_CHUNK = 1 << 20
# What may have several names; a device is none that a layer could make.
_LINKED = frozenset({"file", "symlink", "fifo"})
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def seal(upper: str, lowers: Sequence[str], *, owners: Owners, epoch: int, ignore: frozenset[str]) -> Metadata:
    """Make ``upper`` a snapshot.

    Its timestamps become ``epoch`` (seconds), and what the changeset does not hold (directories only copied up, whiteouts of
    nothing, sockets, overlayfs's marks of origin) is removed from the disk too, so that the tree and its metadata say the same.

    Returns:
        The truth of the layer; no entries where nothing changed.

    Raises:
        UsageError: a name begins with ``.wh.``: in a layer that means a deletion.
    """
    changes = scan(upper, Stack(lowers), owners, ignore)
    _require_sayable(changes)
    entries = list(_entries(changes, epoch))
    kept = {change.entry.path for change in changes}
    _tidy(upper, kept, epoch)
    state = hashlib.sha256()
    size = _stream(upper, entries, state.update)
    return metadata.of(f"sha256:{state.hexdigest()}", entries, tar_size=size)


def pack(tree: str, truth: Metadata, write: Callable[[bytes], object]) -> str:
    """Write the tar of a layer from its snapshot; the same bytes that gave its DiffID.

    Returns:
        The digest of what was written.

    Raises:
        StoreCorruptError: a file of the tree is not what the metadata says.
    """
    state = hashlib.sha256()

    def both(data: bytes) -> None:
        state.update(data)
        write(data)

    _stream(tree, truth.entries, both)
    return f"sha256:{state.hexdigest()}"


def _entries(changes: Sequence[Change], epoch: int) -> Iterator[Entry]:
    """Entries with their final times; further names of one file are hard links to its first."""
    names: dict[tuple[int, int], str] = {}
    for change in changes:
        marks = change.entry.type in {"whiteout", "opaque"}
        entry = change.entry if marks else replace(change.entry, mtime=epoch)
        if entry.type in _LINKED and change.status.st_nlink > 1:
            key = (change.status.st_dev, change.status.st_ino)
            first = names.setdefault(key, entry.path)
            if first != entry.path:
                entry = replace(entry, type="hardlink", size=0, linkname=first, xattrs={})
        yield entry


def _require_sayable(changes: Sequence[Change]) -> None:
    for change in changes:
        if posixpath.basename(change.entry.path).startswith(WHITEOUT_PREFIX):
            raise UsageError(
                f"a layer cannot hold /{change.entry.path}: names that begin with .wh. mean deletions there",
                hint="remove it in the same step, or give it another name",
            )


def _tidy(upper: str, kept: set[str], epoch: int) -> None:
    """Remove what is no entry, and set times, deepest first."""
    pending = [""]
    order = []
    while pending:
        directory = pending.pop()
        order.append(directory)
        real = f"{upper}/{directory}" if directory else upper
        with os.scandir(real) as entries:
            batch = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for name, is_directory in batch:
            path = f"{directory}/{name}" if directory else name
            if path not in kept:
                removal.remove(f"{upper}/{path}")
            elif is_directory:
                pending.append(path)
            else:
                _settle(f"{upper}/{path}", epoch)
    for directory in reversed(order):
        _settle(f"{upper}/{directory}" if directory else upper, epoch)


def _settle(path: str, epoch: int) -> None:
    """Set times, and take away what overlayfs noted for itself while it was mounted."""
    for name in os.listxattr(path, follow_symlinks=False):
        if name.startswith(overlayfs.PREFIX) and not name.startswith(overlayfs.MEANT):
            os.removexattr(path, name, follow_symlinks=False)
    os.utime(path, (epoch, epoch), follow_symlinks=False)


def _stream(tree: str, entries: Sequence[Entry], write: Callable[[bytes], object]) -> int:
    """Write the tar; returns its bytes."""
    total = len(END)
    for entry in entries:
        head = header(entry)
        write(head)
        total += len(head)
        if entry.type == "file" and entry.size:
            _content(f"{tree}/{entry.path}", entry, write)
            write(padding(entry.size))
            total += entry.size + -entry.size % BLOCK
    write(END)
    return total


def _content(path: str, entry: Entry, write: Callable[[bytes], object]) -> None:
    left = entry.size
    file = os.open(path, _READ)
    try:
        while left:
            data = os.read(file, min(left, _CHUNK))
            if not data:
                raise StoreCorruptError("a file of a layer is shorter than its metadata says", detail=entry.path)
            write(data)
            left -= len(data)
    finally:
        os.close(file)
