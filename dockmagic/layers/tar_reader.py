"""Reading tar streams: ustar, GNU long names, PAX; pax(1) and the changeset page of the OCI image specification.

Nothing is trusted: every header is checked, every length has a limit, and no name leaves here that could lead out of a
directory. Writing to disk is not done here.
"""

from __future__ import annotations

import functools
import posixpath
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from dockmagic.errors import ArchiveError
from dockmagic.layers import sparse
from dockmagic.oci.changeset import OPAQUE_WHITEOUT, WHITEOUT_PREFIX, Entry, Kind

BLOCK = 512
_CHUNK = 1 << 20
_HEADER_LIMIT = 1 << 20
_NAME_LIMIT = 4096
_ENTRY_LIMIT = 5_000_000
_SIZE_LIMIT = 1 << 42
_TIME_LIMIT = 1 << 62
_NO_ID = 0xFFFFFFFF
# What 7 octal digits hold, for so a layer's tar is written again; Linux has 12 bits and 20.
_DEVICE_LIMIT = 0o10000000
_DIGITS_LIMIT = 32
# Without these a small compressed tar could fill the memory with records.
_EXTENSIONS_LIMIT = 17
_GLOBALS_LIMIT = 100
_XATTR = "SCHILY.xattr."
_KINDS: Mapping[bytes, Kind] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "char",
    b"4": "block",
    b"5": "dir",
    b"6": "fifo",
}


# Kinds that no content follows, whatever size their header says: as Go's reader has it, which other tools are made with.
_BARE = frozenset({b"1", b"2", b"3", b"4", b"5", b"6"})
_PLAIN = frozenset({b"0", b"5"})


class Readable(Protocol):
    """A binary stream: returns fewer bytes than asked for only at its end."""

    def read(self, size: int, /) -> bytes: ...


class _Raw(NamedTuple):
    """The fields of one header, before extensions are applied."""

    name: bytes
    linkname: bytes
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    kind: bytes
    devmajor: int
    devminor: int


class TarReader:
    """Entries of a tar, in order; between two entries :meth:`chunks` gives a file's content.

    Args:
        stream: the uncompressed tar.

    Raises:
        ArchiveError: from iterating, where the tar is corrupt, truncated or hostile.
    """

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._left = 0
        self._padding = 0
        self._map: sparse.Map | None = None
        self._holes = 0
        self._global: dict[str, bytes] = {}

    def __iter__(self) -> Iterator[Entry]:
        count = 0
        while (entry := self._next()) is not None:
            count += 1
            if count > _ENTRY_LIMIT:
                raise ArchiveError(f"a tar of more than {_ENTRY_LIMIT:,} entries")
            if entry.path:
                yield entry

    def chunks(self) -> Iterator[bytes]:
        """The current file's content; the holes of a sparse file are zeros."""
        found, self._map = self._map, None
        if found is not None:
            yield from found.expanded(self._read)
        while self._left:
            yield self._read(_CHUNK)

    def _read(self, size: int) -> bytes:
        data = self._stream.read(min(self._left, size, _CHUNK))
        if not data:
            raise ArchiveError("the tar ends within a file")
        self._left -= len(data)
        return data

    def _next(self) -> Entry | None:
        extensions: dict[str, bytes] = {}
        long: dict[str, bytes] = {}
        for _ in range(_EXTENSIONS_LIMIT):
            self._skip()
            block = self._stream.read(BLOCK)
            if not block or block.count(0) == len(block):
                return None
            raw = _parse(block)
            if raw.kind not in _BARE:
                self._expect(raw.size)
            if raw.kind == sparse.KIND:
                self._punch(sparse.old(block, self._stream.read, _octal))
            if raw.kind == b"x":
                extensions.update(_pax(self._content("a PAX header")))
            elif raw.kind == b"g":
                self._global.update(_pax(self._content("a PAX header")))
                if len(self._global) > _GLOBALS_LIMIT:
                    raise ArchiveError(f"a tar with more than {_GLOBALS_LIMIT} global PAX records")
            elif raw.kind in {b"L", b"K"}:
                key = "path" if raw.kind == b"L" else "linkpath"
                long[key] = self._content("a long name").rstrip(b"\0")
            else:
                # GNU's names win over PAX's, and an empty value over nothing: as Go's reader has it
                if not (extensions or long or self._global) and raw.kind in _PLAIN:
                    return self._plain(raw)
                said = {**self._global, **extensions, **long}
                return self._entry(raw, {k: v for k, v in said.items() if v or k.startswith(_XATTR)})
        raise ArchiveError(f"a tar entry with more than {_EXTENSIONS_LIMIT - 1} extended headers")

    def _expect(self, size: int) -> None:
        """What follows the header: content of that size."""
        if not 0 <= size <= _SIZE_LIMIT:
            raise ArchiveError("a tar entry of an impossible size")
        self._left, self._padding = size, -size % BLOCK

    def _punch(self, found: sparse.Map) -> None:
        """The current file is sparse."""
        self._holes += found.holes
        if found.stored != self._left or not 0 <= found.size <= _SIZE_LIMIT:
            raise ArchiveError("a sparse file that is not as large as its parts")
        if self._holes > sparse.HOLES_LIMIT:
            raise ArchiveError(f"sparse files with holes of more than {sparse.HOLES_LIMIT >> 30} GiB")
        self._map = found

    def _skip(self) -> None:
        self._map = None
        while self._left:
            self._read(_CHUNK)
        if self._padding and len(self._stream.read(self._padding)) != self._padding:
            raise ArchiveError("the tar ends within a file")
        self._padding = 0

    def _content(self, what: str) -> bytes:
        if self._left > _HEADER_LIMIT:
            raise ArchiveError(f"{what} larger than 1 MiB")
        return b"".join(self.chunks())

    def _plain(self, raw: _Raw) -> Entry:
        """As :meth:`_entry`, of the kinds that most entries are of, where nothing but the header speaks of one."""
        kind = _KINDS[raw.kind]
        if kind == "file" and raw.name.endswith(b"/"):
            return self._entry(raw, {})
        made = Entry(
            path=_clean(raw.name),
            type=kind,
            mode=raw.mode & 0o7777,
            uid=_id(raw.uid),
            gid=_id(raw.gid),
            size=raw.size if kind == "file" else 0,
            mtime=_time(raw.mtime),
        )
        return _named(made) if WHITEOUT_PREFIX in made.path else made

    def _entry(self, raw: _Raw, extensions: Mapping[str, bytes]) -> Entry:
        kind = "file" if raw.kind == sparse.KIND else _KINDS.get(raw.kind)
        if kind is None:
            raise ArchiveError(f"a tar entry of a kind that is not supported: {raw.kind!r}")
        if kind == "file" and raw.name.endswith(b"/") and "path" not in extensions:
            kind = "dir"
        size = 0
        if raw.kind not in _BARE:
            size = 0 if (kind, raw.kind) == ("dir", b"\0") else _number(extensions, "size", raw.size)
            self._expect(size)
        if kind == "file" and (found := sparse.by_records(extensions, self._read)) is not None:
            self._punch(found)
        if self._map is not None:
            size = self._map.size
        return _named(
            Entry(
                path=_clean(extensions.get("GNU.sparse.name") or extensions.get("path", raw.name)),
                type=kind,
                mode=raw.mode & 0o7777,
                uid=_id(_number(extensions, "uid", raw.uid)),
                gid=_id(_number(extensions, "gid", raw.gid)),
                size=size if kind == "file" else 0,
                mtime=_time(_number(extensions, "mtime", raw.mtime)),
                linkname=_link(kind, extensions.get("linkpath", raw.linkname)),
                devmajor=_device(kind, raw.devmajor),
                devminor=_device(kind, raw.devminor),
                xattrs={k.removeprefix(_XATTR): v for k, v in extensions.items() if k.startswith(_XATTR)},
            )
        )


def is_header(block: bytes) -> bool:
    """Whether a tar's first block may look so."""
    try:
        _parse(block)
    except ArchiveError:
        return False
    return True


def _parse(block: bytes) -> _Raw:
    if len(block) != BLOCK:
        raise ArchiveError("the tar ends within a header")
    # the checksum counts its own field as blanks
    total = sum(block) - sum(block[148:156]) + 256
    try:
        stored = _octal(block[148:156])
    except ArchiveError:
        stored = -1
    if stored != total:
        raise ArchiveError("not a tar, or a damaged one: a header's checksum is wrong")
    name = block[:100].split(b"\0", 1)[0]
    if prefix := _prefix(block):
        name = prefix + b"/" + name
    return _Raw(
        name=name,
        linkname=block[157:257].split(b"\0", 1)[0],
        mode=_octal(block[100:108]),
        uid=_octal(block[108:116]),
        gid=_octal(block[116:124]),
        size=_octal(block[124:136]),
        mtime=_octal(block[136:148]),
        kind=block[156:157],
        devmajor=_octal(block[329:337]),
        devminor=_octal(block[337:345]),
    )


def _prefix(block: bytes) -> bytes:
    """What stands before the name: ustar's own field, which GNU's form has times in, but for writers that mix both."""
    if block[257:263] == b"ustar\0":
        return block[345:500].split(b"\0", 1)[0]
    if block[257:263] == b"ustar " and not all(_is_time(block[at : at + 12]) for at in (345, 357)):
        return block[345:500].split(b"\0", 1)[0]
    return b""


def _is_time(field: bytes) -> bool:
    try:
        _octal(field)
    except ArchiveError:
        return False
    return True


@functools.lru_cache(1024)  # owners, modes and times are the same in most headers
def _octal(field: bytes) -> int:
    """A number field: octal digits, or base-256 when the first bit is set (GNU)."""
    if field and field[0] & 0x80:
        value = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
        return value - (1 << (8 * len(field) - 1)) if field[0] & 0x40 else value
    digits = field.split(b"\0", 1)[0].strip(b" ")
    if digits.strip(b"01234567"):
        raise ArchiveError("a tar header with a number that is none")
    return int(digits or b"0", 8)


def _pax(data: bytes) -> dict[str, bytes]:
    """Records of a PAX extended header: length, blank, key, ``=``, value, newline."""
    found: dict[str, bytes] = {}
    position = 0
    while position < len(data):
        blank = data.find(b" ", position, position + 20)
        length = int(data[position:blank]) if blank > 0 and data[position:blank].isdigit() else 0
        record = data[blank + 1 : position + length]
        key, equals, value = record.partition(b"=")
        if not 5 <= length <= len(data) - position or not equals or not value.endswith(b"\n") or b"\0" in key:  # noqa: PLR2004 - "5 a=\n" is the shortest
            raise ArchiveError("a malformed PAX header")
        found[key.decode("utf-8", "surrogateescape")] = value[:-1]
        position += length
    return found


def _number(extensions: Mapping[str, bytes], key: str, otherwise: int) -> int:
    text = extensions.get(key)
    if text is None:
        return otherwise
    number = text.split(b".", 1)[0]
    if not number.removeprefix(b"-").isdigit() or len(number) > _DIGITS_LIMIT:
        raise ArchiveError(f"a PAX header with a {key} that is no number")
    return int(number)


def _id(value: int) -> int:
    if not 0 <= value < _NO_ID:
        raise ArchiveError("a tar entry with an impossible owner")
    return value


def _time(value: int) -> int:
    if abs(value) > _TIME_LIMIT:
        raise ArchiveError("a tar entry with an impossible time")
    return value


def _device(kind: Kind, number: int) -> int:
    if kind not in {"char", "block"}:
        return 0
    if not 0 <= number < _DEVICE_LIMIT:
        raise ArchiveError("a tar entry with an impossible device number")
    return number


def _clean(name: bytes) -> str:
    """A name as a path below the root: no leading slash, no ``.``, no ``..``; "" for the root itself."""
    if b"\0" in name or len(name) > _NAME_LIMIT:
        raise ArchiveError("a tar entry with an impossible name")
    text = name.decode("utf-8", "surrogateescape")
    path = posixpath.normpath("./" + text)
    if path == ".." or path.startswith("../"):
        raise ArchiveError(f"a tar entry leads out of its root: {text[:80]!r}")
    return "" if path == "." else path


def _link(kind: Kind, name: bytes) -> str:
    if kind == "hardlink":
        # ".." ends at the root, as it does in a symbolic link
        return _clean(posixpath.normpath(b"/" + name))
    if kind != "symlink":
        return ""
    if b"\0" in name or len(name) > _NAME_LIMIT or not name:
        raise ArchiveError("a symbolic link with an impossible target")
    return name.decode("utf-8", "surrogateescape")


def _named(entry: Entry) -> Entry:
    """A whiteout's name says what it deletes."""
    parent, base = posixpath.split(entry.path)
    if any(part.startswith(WHITEOUT_PREFIX * 2) for part in parent.split("/")):
        return Entry(path="", type="whiteout")  # aufs kept things of its own there
    if not base.startswith(WHITEOUT_PREFIX):
        return entry
    if base == OPAQUE_WHITEOUT:
        return Entry(path=parent, type="opaque") if parent else Entry(path=".", type="opaque")
    if base.startswith(WHITEOUT_PREFIX * 2):
        return Entry(path="", type="whiteout")
    target = base.removeprefix(WHITEOUT_PREFIX)
    if target in {"", ".", ".."}:
        raise ArchiveError(f"a whiteout of nothing: {entry.path[:80]!r}")
    return Entry(path=posixpath.join(parent, target), type="whiteout")
