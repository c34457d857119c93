"""Writing the canonical tar of a changeset: one sequence of bytes for one list of entries.

POSIX ustar, with PAX records only where a value does not fit; no names of owners; no padding behind the two final blocks.
"""

from __future__ import annotations

import functools
import posixpath
from collections.abc import Callable

from dockmagic.oci.changeset import OPAQUE_WHITEOUT, WHITEOUT_PREFIX, Entry

BLOCK = 512
END = bytes(2 * BLOCK)
_PIECE = 1 << 20
_NAME = 100  # the field's width
_OCTAL_ID = 0o7777777
_OCTAL_SIZE = 0o77777777777
_TYPES = {"file": b"0", "hardlink": b"1", "symlink": b"2", "char": b"3", "block": b"4", "dir": b"5", "fifo": b"6"}


# A header but for its name, its numbers and its checksum, by the type flag; and the sum of its bytes, blanks in place of the checksum.
_TAIL = {
    kind: kind + bytes(100) + b"ustar\00000" + bytes(64) + b"%07o\0%07o\0" % (0, 0) + bytes(167)
    for kind in _TYPES.values()
}
_SUMS = {kind: sum(tail) + 8 * ord(" ") for kind, tail in _TAIL.items()}


class TarStream:
    """A tar on its way: entries and contents in, few large pieces out.

    Args:
        write: takes the pieces.

    Attributes:
        size: bytes so far, without the end.
    """

    def __init__(self, write: Callable[[bytes | bytearray], object]) -> None:
        self._write = write
        self._held = bytearray()
        self.size = 0

    def head(self, entry: Entry) -> None:
        """Begin an entry."""
        self.add(header(entry))

    def add(self, data: bytes) -> None:
        """Go on with the current entry's content."""
        self._held += data
        self.size += len(data)
        if len(self._held) >= _PIECE:
            self._write(self._held)
            self._held = bytearray()

    def end(self) -> int:
        """End the tar; its bytes."""
        self._write(self._held + END)
        return self.size + len(END)


def header(entry: Entry) -> bytes:
    """Everything that stands before an entry's content."""
    kind = _TYPES.get(entry.type)
    if kind is not None and not (entry.linkname or entry.devmajor or entry.devminor or entry.xattrs):
        path = entry.path.encode("utf-8", "surrogateescape")
        name = path + b"/" if kind == b"5" else path
        numbers = _numbers(entry.mode, entry.uid, entry.gid, entry.size, entry.mtime)
        if len(name) <= _NAME and numbers is not None and name.isascii():
            # most entries by far: the same bytes as below, in a third of the time
            checksum = _SUMS[kind] + sum(name) + numbers[1]
            return b"%b%b%06o\0 %b" % (name.ljust(_NAME, b"\0"), numbers[0], checksum, _TAIL[kind])
    return whole_header(entry)


@functools.lru_cache(4096)  # owners, modes and times are the same in most entries, and so are small sizes
def _numbers(mode: int, uid: int, gid: int, size: int, mtime: int) -> tuple[bytes, int] | None:
    """The fields from the mode to the time, and the sum of their bytes; None where one does not fit."""
    if not (max(uid, gid) <= _OCTAL_ID and size <= _OCTAL_SIZE and 0 <= mtime <= _OCTAL_SIZE):
        return None
    made = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, uid, gid, size, mtime)
    return made, sum(made)


def whole_header(entry: Entry) -> bytes:
    """As :func:`header`, of whatever entry: the definition."""
    name, kind = _name(entry)
    link = entry.linkname.encode("utf-8", "surrogateescape")
    records = _records(entry, name, link)
    own = _block(
        name=_fitting(name),
        kind=kind,
        mode=entry.mode,
        uid=min(entry.uid, _OCTAL_ID),
        gid=min(entry.gid, _OCTAL_ID),
        size=min(entry.size, _OCTAL_SIZE),
        mtime=max(0, min(entry.mtime, _OCTAL_SIZE)),
        link=link[:_NAME],
        device=(entry.devmajor, entry.devminor),
    )
    if not records:
        return own
    body = b"".join(_record(key, value) for key, value in records)
    extended = _block(
        name=b"PaxHeaders/" + posixpath.basename(name.rstrip(b"/"))[:80], kind=b"x", mode=0o644, size=len(body)
    )
    return extended + body + padding(len(body)) + own


def padding(size: int) -> bytes:
    """What fills ``size`` bytes of content up to a block."""
    return bytes(-size % BLOCK)


def _name(entry: Entry) -> tuple[bytes, bytes]:
    """The name in the tar and its type flag."""
    path = entry.path.encode("utf-8", "surrogateescape")
    parent, base = posixpath.split(path)
    if entry.type == "whiteout":
        return posixpath.join(parent, WHITEOUT_PREFIX.encode() + base), b"0"
    if entry.type == "opaque":
        return posixpath.join(b"" if path == b"." else path, OPAQUE_WHITEOUT.encode()), b"0"
    return (path + b"/" if entry.type == "dir" else path), _TYPES[entry.type]


def _records(entry: Entry, name: bytes, link: bytes) -> list[tuple[bytes, bytes]]:
    """What the ustar header cannot hold, sorted by key."""
    found: list[tuple[bytes, bytes]] = []
    if _split(name) is None or not name.isascii():
        found.append((b"path", name))
    if len(link) > _NAME or not link.isascii():
        found.append((b"linkpath", link))
    numbers = ((b"uid", entry.uid, _OCTAL_ID), (b"gid", entry.gid, _OCTAL_ID), (b"size", entry.size, _OCTAL_SIZE))
    found += [(key, b"%d" % value) for key, value, limit in numbers if value > limit]
    if not 0 <= entry.mtime <= _OCTAL_SIZE:
        found.append((b"mtime", b"%d" % entry.mtime))
    found += [(b"SCHILY.xattr." + key.encode("utf-8", "surrogateescape"), value) for key, value in entry.xattrs.items()]
    return sorted(found)


def _record(key: bytes, value: bytes) -> bytes:
    """One PAX record; its length counts its own digits."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + len(b"%d" % len(rest))
    if len(b"%d" % length) + len(rest) != length:
        length += 1
    return b"%d" % length + rest


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """(prefix, name) of the ustar header, None where it does not fit."""
    if len(name) <= _NAME:
        return b"", name
    cut = name.rfind(b"/", 0, 156)
    if cut > 0 and 0 < len(name) - cut - 1 <= _NAME:
        return name[:cut], name[cut + 1 :]
    return None


def _fitting(name: bytes) -> tuple[bytes, bytes]:
    return _split(name) or (b"", name[:_NAME])


def _block(
    *,
    name: tuple[bytes, bytes] | bytes,
    kind: bytes,
    mode: int,
    size: int = 0,
    uid: int = 0,
    gid: int = 0,
    mtime: int = 0,
    link: bytes = b"",
    device: tuple[int, int] = (0, 0),
) -> bytes:
    prefix, base = name if isinstance(name, tuple) else (b"", name)
    parts = (
        base.ljust(_NAME, b"\0"),
        b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, uid, gid, size, mtime),
        b"        ",
        kind,
        link.ljust(_NAME, b"\0"),
        b"ustar\00000",
        bytes(64),
        b"%07o\0%07o\0" % device,
        prefix.ljust(155, b"\0"),
        bytes(12),
    )
    block = b"".join(parts)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]
