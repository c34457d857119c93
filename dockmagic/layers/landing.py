"""Writing COPY's files into a fresh writable layer, as if the layers below were merged underneath."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from dockmagic.errors import ArchiveError, NotFoundError, UsageError
from dockmagic.layers import overlayfs
from dockmagic.layers.compression import Stream
from dockmagic.layers.scan import Owners
from dockmagic.layers.stack import Found, Stack
from dockmagic.layers.tar_reader import TarReader
from dockmagic.oci.changeset import Entry

_CHUNK = 1 << 20
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_RANGE = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Where copied files land and as whose.

    Attributes:
        destination: absolute path in the image.
        is_directory: it was written with a slash, or there are several sources.
        single_file: the only source is one file, which may be renamed.
        owner: (uid, gid) for everything copied, None for what the sources say.
        mode: permission bits for everything copied, None for what the sources say.
    """

    destination: str
    is_directory: bool
    single_file: bool
    owner: tuple[int, int] | None = None
    mode: int | None = None


class Landing:
    """A fresh upper directory over layers; what is written goes there, what is below is looked up.

    Args:
        upper: an empty directory, relative to the working directory.
        lowers: layers below, top first.
        single: only one id is mapped.
    """

    def __init__(self, upper: str, lowers: Sequence[str], *, single: bool) -> None:
        self._upper = upper
        self._stack = Stack((upper, *lowers))
        self._below = Stack(lowers)
        self._owners = Owners(single=single)
        self._single = single
        self.table: dict[str, tuple[int, int]] = {}

    def makedirs(self, path: str, *, owner: tuple[int, int] = (0, 0), mode: int = 0o755) -> str:
        """Make a directory and its missing parents; links on the way are followed within the root.

        Returns:
            The real path, relative to the root.

        Raises:
            UsageError: something on the way is no directory.
        """
        done = ""
        pending = [part for part in reversed(path.split("/")) if part not in {"", "."}]
        links = 0
        while pending:
            part = pending.pop()
            if part == "..":
                done = posixpath.dirname(done)
                continue
            child = posixpath.join(done, part)
            found = self._stack.lookup(child, follow=False)
            if found is not None and stat.S_ISLNK(found.status.st_mode):
                links += 1
                if links > 40:  # noqa: PLR2004 - the kernel's own limit
                    raise UsageError(f"too many links on the way to {path}")
                target = os.readlink(found.real)
                pending += [p for p in reversed(target.split("/")) if p not in {"", "."}]
                done = "" if target.startswith("/") else done
                continue
            if found is None:
                self._make(child, owner, mode)
            elif not found.is_dir:
                raise UsageError(f"not a directory in the image: /{child}")
            done = child
        return done

    def put(self, parent: str, entry: Entry, content: Iterator[bytes] | None) -> None:
        """Write ``entry`` below the real directory ``parent``; its path is relative to that."""
        path = posixpath.normpath(posixpath.join(parent, entry.path))
        found = self._stack.lookup(path, follow=False)
        if entry.type == "dir":
            self._put_directory(path, entry, found)
            return
        if found is not None and found.is_dir:
            raise UsageError(f"cannot copy a file onto a directory of the image: /{path}")
        self._surface(posixpath.dirname(path))
        target = f"{self._upper}/{path}"
        with suppress(FileNotFoundError):
            os.unlink(target)
        self._create(target, entry, content)

    def _put_directory(self, path: str, entry: Entry, found: Found | None) -> None:
        if found is not None and stat.S_ISLNK(found.status.st_mode):
            followed = self._stack.lookup(path)
            if followed is not None and followed.is_dir:
                return
        if found is not None and not found.is_dir:
            raise UsageError(f"cannot copy a directory onto a file of the image: /{path}")
        if found is None:
            self._make(path, (entry.uid, entry.gid), entry.mode)
        else:
            self._surface(path)
        target = f"{self._upper}/{path}"
        self._own(target, (entry.uid, entry.gid), directory=True)
        os.chmod(target, entry.mode)

    def _make(self, path: str, owner: tuple[int, int], mode: int) -> None:
        self._surface(posixpath.dirname(path))
        target = f"{self._upper}/{path}"
        os.mkdir(target, 0o700)
        self._own(target, owner, directory=True)
        os.chmod(target, mode)

    def _surface(self, path: str) -> None:
        """Bring a directory of the layers below up, with its metadata, as overlayfs copies up."""
        if not path or os.path.isdir(f"{self._upper}/{path}"):
            return
        self._surface(posixpath.dirname(path))
        found = self._below.lookup(path, follow=False)
        if found is None or not found.is_dir:
            raise UsageError(f"not a directory in the image: /{path}")
        target = f"{self._upper}/{path}"
        os.mkdir(target, 0o700)
        for name in os.listxattr(found.real, follow_symlinks=False):
            if name == overlayfs.OWNER or not name.startswith(overlayfs.PREFIX) or name.startswith(overlayfs.ESCAPED):
                with suppress(OSError):
                    os.setxattr(target, name, os.getxattr(found.real, name, follow_symlinks=False))
        if not self._single:
            os.chown(target, found.status.st_uid, found.status.st_gid)
        os.chmod(target, stat.S_IMODE(found.status.st_mode))

    def _create(self, target: str, entry: Entry, content: Iterator[bytes] | None) -> None:
        if entry.type == "symlink":
            os.symlink(entry.linkname, target)
            self._own(target, (entry.uid, entry.gid))
            return
        if entry.type != "file":
            raise ArchiveError(f"COPY of a {entry.type}")
        file = os.open(target, _NEW, 0o600)
        try:
            for chunk in content or ():
                view = memoryview(chunk)
                while view:
                    view = view[os.write(file, view) :]
            for name, value in entry.xattrs.items():
                with suppress(OSError):
                    os.setxattr(file, name, value)
        finally:
            os.close(file)
        self._own(target, (entry.uid, entry.gid), regular=True)
        os.chmod(target, entry.mode)

    def _own(self, target: str, owner: tuple[int, int], *, directory: bool = False, regular: bool = False) -> None:
        if not self._single:
            os.chown(target, min(owner[0], _RANGE), min(owner[1], _RANGE), follow_symlinks=False)
        elif directory or regular:
            if owner != (0, 0):
                os.setxattr(target, overlayfs.OWNER, b"%d:%d" % owner, follow_symlinks=False)
            else:
                with suppress(OSError):
                    os.removexattr(target, overlayfs.OWNER, follow_symlinks=False)
        elif owner != (0, 0):
            self.table[str(os.lstat(target).st_ino)] = owner


def land(landing: Landing, below: Stack, wish: Wish, sources: Iterator[tuple[Entry, Iterator[bytes] | None]]) -> None:
    """Copy ``sources`` (entries relative to where they land) as ``wish`` says.

    Raises:
        UsageError: a file meets a directory or the other way round.
    """
    parent, rename = _place(below, wish)
    real = landing.makedirs(parent)
    for entry, content in sources:
        path = entry.path if rename is None else rename
        if path in {"", "."}:
            continue
        own = wish.owner if wish.owner is not None else (entry.uid, entry.gid)
        mode = wish.mode if wish.mode is not None and entry.type != "symlink" else entry.mode
        landing.put(real, replace(entry, path=path, uid=own[0], gid=own[1], mode=mode), content)


def _place(below: Stack, wish: Wish) -> tuple[str, str | None]:
    """The directory that receives, and the name that a single file gets there."""
    if not wish.single_file or wish.is_directory:
        return wish.destination, None
    found = below.lookup(wish.destination)
    if found is not None and found.is_dir:
        return wish.destination, None
    parent, name = posixpath.split(posixpath.normpath(wish.destination))
    return parent, name


def from_tar(stream: Stream) -> Iterator[tuple[Entry, Iterator[bytes] | None]]:
    """Entries of a tar that the builder made from the context."""
    reader = TarReader(stream)
    for entry in reader:
        yield entry, reader.chunks()


def from_stack(sources: Sequence[Mapping[str, Any]], *, single: bool) -> Iterator[tuple[Entry, Iterator[bytes] | None]]:
    """Entries of paths in other images or stages: a directory's content, a file under its own name.

    Raises:
        NotFoundError: a path is not there.
    """
    owners = Owners(single=single)
    for source in sources:
        stack = Stack(source["lowers"])
        found = stack.lookup(source["path"])
        if found is None:
            raise NotFoundError(f'COPY failed: no such file in the image: "{source["path"]}"')
        name = "" if found.is_dir else posixpath.basename(posixpath.normpath(source["path"]))
        yield from _tree(stack, found, name, owners)


def _tree(stack: Stack, found: Found, path: str, owners: Owners) -> Iterator[tuple[Entry, Iterator[bytes] | None]]:
    pending = [(found, path)]
    while pending:
        node, name = pending.pop()
        uid, gid = owners.of(node.real, node.status)
        mode = stat.S_IMODE(node.status.st_mode)
        if node.is_dir:
            if name:
                yield Entry(path=name, type="dir", mode=mode, uid=uid, gid=gid), None
            children = [(child, posixpath.join(name, posixpath.basename(child.path))) for child in stack.listdir(node)]
            pending += reversed(children)
        elif stat.S_ISLNK(node.status.st_mode):
            link = os.readlink(node.real)
            yield Entry(path=name, type="symlink", mode=0o777, uid=uid, gid=gid, linkname=link), None
        elif stat.S_ISREG(node.status.st_mode):
            size = node.status.st_size
            yield Entry(path=name, type="file", mode=mode, uid=uid, gid=gid, size=size), _content(node.real)


def _content(path: str) -> Iterator[bytes]:
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        while data := os.read(file, _CHUNK):
            yield data
    finally:
        os.close(file)
