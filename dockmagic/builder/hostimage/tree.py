"""The files of an image in the making: each path once, each file of the machine once."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from dockmagic.builder.hostimage.source import Source, chunks
from dockmagic.errors import DockmagicError
from dockmagic.layers import tar_writer
from dockmagic.oci.changeset import Entry

# Directories that are links into /usr, on hosts too that still have two of each.
MERGED = ("bin", "lib", "lib64", "sbin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One path of the image.

    Attributes:
        entry: without a time.
        source: what a file is copied from, or
        content: its bytes.
    """

    entry: Entry
    source: Source | None = None
    content: bytes = b""


def merged(path: str) -> str:
    """A path as it stands in the image: relative, and below usr where the host may have it beside."""
    relative = path.strip("/")
    return f"usr/{relative}" if relative.partition("/")[0] in MERGED else relative


class Tree:
    """Collects the paths of a layer.

    Args:
        below: what the layers below hold; nothing of it is repeated or replaced.
    """

    def __init__(self, below: Mapping[str, Piece] | None = None) -> None:
        self._below = dict(below or {})
        self._pieces: dict[str, Piece] = {}
        self._homes = {piece.source.identity: path for path, piece in self._below.items() if piece.source}

    @property
    def pieces(self) -> Mapping[str, Piece]:
        """What was collected, by path, sorted, directories before what is in them."""
        return dict(sorted(self._pieces.items()))

    def directory(self, path: str, mode: int = 0o755) -> None:
        """A directory, and those that it is in."""
        if path and path not in self._pieces:
            self.directory(posixpath.dirname(path))
            self._pieces[path] = Piece(entry=Entry(path=path, type="dir", mode=mode))

    def link(self, path: str, target: str) -> None:
        """A symbolic link."""
        self._put(path, Piece(entry=Entry(path=path, type="symlink", mode=0o777, linkname=target)))

    def text(self, path: str, content: str) -> None:
        """A file of ours."""
        data = content.encode()
        self._put(path, Piece(entry=Entry(path=path, type="file", mode=0o644, size=len(data)), content=data))

    def file(self, path: str, source: Source, mode: int) -> None:
        """A file of the machine; what stands elsewhere already becomes a link to it.

        Raises:
            DockmagicError: another file has that path.
        """
        home = self._homes.setdefault(source.identity, path)
        if home != path:
            beside = posixpath.dirname(home) == posixpath.dirname(path)
            self.link(path, posixpath.basename(home) if beside else f"/{home}")
            return
        self._put(path, Piece(entry=Entry(path=path, type="file", mode=mode, size=source.size), source=source))

    def _put(self, path: str, piece: Piece) -> None:
        there = self._below.get(path) or self._pieces.get(path)
        if there is None:
            self.directory(posixpath.dirname(path))
            self._pieces[path] = piece
        elif there != piece:
            raise DockmagicError(
                "two different files of this machine would have one path in the image",
                hint="a program brings a library of its own under the name of one of the system's",
                detail="\n".join([f"/{path}", *(p.source.path for p in (there, piece) if p.source)]),
            )


def tar(pieces: Mapping[str, Piece], epoch: int) -> Iterator[bytes]:
    """The bytes of the layer's tar.

    Args:
        pieces: by path, directories before what is in them.
        epoch: seconds since 1970, the time of every entry.

    Raises:
        DockmagicError: a file cannot be read, or is not what it was.
    """
    for piece in pieces.values():
        yield tar_writer.header(replace(piece.entry, mtime=epoch))
        if piece.source is not None:
            yield from chunks(piece.source)
        elif piece.content:
            yield piece.content
        yield tar_writer.padding(piece.entry.size)
    yield tar_writer.END
