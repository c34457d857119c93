"""The truth of a layer, as it stands beside its tree: what the tree cannot hold in every id scheme.

A JSON object: ``version``, ``diff_id``, ``size``, ``files`` and ``tar_size`` (see :class:`dockmagic.results.Layer`), and ``entries``, a list of
rows in the order of the tar. A layer that leans on those below it has ``below``, their DiffIDs, base first; one that only takes
directories' owners and modes from them has ``inherits`` too, and may stand over others.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dockmagic.errors import StoreCorruptError
from dockmagic.oci.changeset import Entry

_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """A layer's numbers and entries.

    Attributes:
        diff_id: digest of the uncompressed tar.
        size: bytes of regular files, hard links once.
        files: entries other than directories; a whiteout counts.
        tar_size: bytes of the uncompressed tar.
        leans: its tar means something only over the layers below: see :func:`dockmagic.layers.unpack.unpack`.
        inherits: directories that its tar does not mention are as the layers below have them.
        below: DiffIDs of those that it was extracted over, base first.
    """

    diff_id: str
    size: int
    files: int
    tar_size: int
    entries: tuple[Entry, ...]
    leans: bool = False
    inherits: bool = False
    below: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """The one serialisation."""
        value = {
            "version": _VERSION,
            "diff_id": self.diff_id,
            "size": self.size,
            "files": self.files,
            "tar_size": self.tar_size,
            **({"below": list(self.below)} if self.leans or self.inherits else {}),
            **({"inherits": True} if self.inherits and not self.leans else {}),
            "entries": [row(entry) for entry in self.entries],
        }
        return json.dumps(value, separators=(",", ":")).encode("ascii")


def of(
    diff_id: str, entries: Sequence[Entry], *, tar_size: int, leans: bool = False, inherits: bool = False
) -> Metadata:
    """Count what ``entries`` are."""
    return Metadata(
        diff_id=diff_id,
        size=total_size(entries),
        files=file_count(entries),
        tar_size=tar_size,
        entries=tuple(entries),
        leans=leans,
        inherits=inherits and not leans,
    )


def total_size(entries: Iterable[Entry]) -> int:
    """Bytes of regular files; a hard link is no file of its own."""
    return sum(entry.size for entry in entries if entry.type == "file")


def file_count(entries: Iterable[Entry]) -> int:
    """Entries other than directories; an opaque mark says something of a directory."""
    return sum(entry.type not in {"dir", "opaque"} for entry in entries)


def parse(data: bytes) -> Metadata:
    """A layer's metadata from its bytes.

    Raises:
        StoreCorruptError: they are not what :meth:`Metadata.to_bytes` writes.
    """
    try:
        value = json.loads(data)
        if value["version"] != _VERSION:
            raise StoreCorruptError("a layer's metadata is of a newer version", hint="update dockmagic")
        return Metadata(
            diff_id=str(value["diff_id"]),
            size=int(value["size"]),
            files=int(value["files"]),
            tar_size=int(value["tar_size"]),
            entries=tuple(entry(found) for found in value["entries"]),
            leans="below" in value and not value.get("inherits"),
            inherits=bool(value.get("inherits")),
            below=tuple(map(str, value.get("below", ()))),
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise StoreCorruptError("a layer's metadata is damaged", detail=repr(error)) from error


def row(entry: Entry) -> list[Any]:
    """An entry as a JSON list."""
    made: list[Any] = [entry.path, entry.type, entry.mode, entry.uid, entry.gid, entry.size, entry.mtime]
    if entry.linkname or entry.devmajor or entry.devminor or entry.xattrs:
        made += [entry.linkname, entry.devmajor, entry.devminor]
    if entry.xattrs:
        made.append({key: base64.b64encode(value).decode("ascii") for key, value in entry.xattrs.items()})
    return made


def entry(row: Sequence[Any]) -> Entry:
    """The entry that :func:`row` made a list of."""
    path, kind, mode, uid, gid, size, mtime, *rest = row
    if not rest:
        return Entry(path=path, type=kind, mode=mode, uid=uid, gid=gid, size=size, mtime=mtime)
    link, major, minor = rest[:3]
    xattrs = {key: base64.b64decode(value) for key, value in rest[3].items()} if len(rest) > 3 else {}  # noqa: PLR2004
    return Entry(
        path=path, type=kind, mode=mode, uid=uid, gid=gid, size=size, mtime=mtime, linkname=link,
        devmajor=major, devminor=minor, xattrs=xattrs,
    )  # fmt: skip
