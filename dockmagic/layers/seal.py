"""Turning a finished writable layer into an image's layer: entries, fixed times, DiffID; and packing the same tar again."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from dockmagic.errors import StoreCorruptError, UsageError
from dockmagic.layers import depth, metadata, overlayfs, removal
from dockmagic.layers.metadata import Metadata
from dockmagic.layers.scan import Change, Owners, scan
from dockmagic.layers.settled import Settled
from dockmagic.layers.stack import Stack
from dockmagic.layers.tar_writer import TarStream, padding
from dockmagic.oci.changeset import WHITEOUT_PREFIX, Entry

_CHUNK = 1 << 20
# What may have several names; a device is none that a layer could make.
_LINKED = frozenset({"file", "symlink", "fifo"})
_NOTHING: Mapping[str, bytes] = {}
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def seal(
    upper: str,
    lowers: Sequence[str],
    *,
    owners: Owners,
    epoch: int,
    ignore: frozenset[str],
    settled: Settled | None = None,
) -> Metadata:
    """Make ``upper`` a snapshot.

    Its timestamps become ``epoch`` (seconds), and what the changeset does not hold (directories only copied up, whiteouts of
    nothing, sockets, overlayfs's marks of origin) is removed from the disk too, so that the tree and its metadata say the same.
    What is ``settled`` has its time already.

    Returns:
        The truth of the layer; no entries where nothing changed.

    Raises:
        UsageError: a name begins with ``.wh.``, which means a deletion in a layer; or a path is too long for one.
    """
    settled = settled or Settled(epoch)
    changes = scan(upper, Stack(lowers), owners, ignore, mtime=epoch, settled=settled.entries)
    _require_sayable(changes)
    entries = list(_entries(changes))
    kept = {change.entry.path: change.bare for change in changes if change.entry.type != "opaque"}
    _tidy(upper, kept, epoch, settled.entries)
    state = hashlib.sha256()
    size = _stream(upper, entries, state.update, settled.contents)
    return metadata.of(f"sha256:{state.hexdigest()}", entries, tar_size=size)


def pack(tree: str, truth: Metadata, write: Callable[[bytes | bytearray], object]) -> str:
    """Write the tar of a layer from its snapshot; the same bytes that gave its DiffID.

    Returns:
        The digest of what was written.

    Raises:
        StoreCorruptError: a file of the tree is not what the metadata says.
    """
    state = hashlib.sha256()

    def both(data: bytes | bytearray) -> None:
        state.update(data)
        write(data)

    _stream(tree, truth.entries, both)
    return f"sha256:{state.hexdigest()}"


def _entries(changes: Sequence[Change]) -> Iterator[Entry]:
    """The entries; further names of one file are hard links to its first."""
    names: dict[tuple[int, int], str] = {}
    for change in changes:
        entry = change.entry
        if entry.type in _LINKED and change.status.st_nlink > 1:
            key = (change.status.st_dev, change.status.st_ino)
            first = names.setdefault(key, entry.path)
            if first != entry.path:
                entry = replace(entry, type="hardlink", size=0, linkname=first, xattrs={})
        yield entry


def _require_sayable(changes: Sequence[Change]) -> None:
    for change in changes:
        if change.cut:
            depth.refuse_cut(change.real, change.entry.path)
        if WHITEOUT_PREFIX in change.entry.path and posixpath.basename(change.entry.path).startswith(WHITEOUT_PREFIX):
            raise UsageError(
                f"a layer cannot hold /{change.entry.path}: names that begin with .wh. mean deletions there",
                hint="remove it in the same step, or give it another name",
            )


def _tidy(upper: str, kept: Mapping[str, bool], epoch: int, settled: Mapping[str, Entry]) -> None:
    """Remove what is no entry, and set times, deepest first.

    Args:
        upper: the tree.
        kept: the paths of entries, and whether they have no attribute.
        epoch: the time.
        settled: what has it already.
    """
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
            if path in settled and path in kept:
                continue
            if path not in kept:
                removal.remove(f"{upper}/{path}")
            elif is_directory:
                pending.append(path)
            else:
                _settle(f"{upper}/{path}", epoch, bare=kept[path])
    for directory in reversed(order):
        _settle(f"{upper}/{directory}" if directory else upper, epoch, bare=kept.get(directory, False))


def _settle(path: str, epoch: int, *, bare: bool) -> None:
    """Set times, and take away what overlayfs noted for itself while it was mounted."""
    for name in () if bare else os.listxattr(path, follow_symlinks=False):
        if name.startswith(overlayfs.PREFIX) and not name.startswith(overlayfs.MEANT):
            os.removexattr(path, name, follow_symlinks=False)
    os.utime(path, (epoch, epoch), follow_symlinks=False)


def _stream(
    tree: str,
    entries: Sequence[Entry],
    write: Callable[[bytes | bytearray], object],
    known: Mapping[str, bytes] = _NOTHING,
) -> int:
    """Write the tar, in few large pieces; returns its bytes. What is ``known`` of contents is not read."""
    tar = TarStream(write)
    for entry in entries:
        tar.head(entry)
        if entry.type == "file" and entry.size:
            data = known.get(entry.path)
            for piece in (data,) if data is not None else _content(f"{tree}/{entry.path}", entry):
                tar.add(piece)
            tar.add(padding(entry.size))
    return tar.end()


def _content(path: str, entry: Entry) -> Iterator[bytes]:
    left = entry.size
    file = os.open(path, _READ)
    try:
        while left:
            data = os.read(file, min(left, _CHUNK))
            if not data:
                raise StoreCorruptError("a file of a layer is shorter than its metadata says", detail=entry.path)
            yield data
            left -= len(data)
    finally:
        os.close(file)
