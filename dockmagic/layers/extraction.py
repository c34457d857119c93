"""Writing a changeset's entries into a fresh directory in overlay form: below one descriptor, never through a link out of it."""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Self

from dockmagic.errors import ArchiveError
from dockmagic.layers import making, overlayfs, removal
from dockmagic.layers.ledger import Ledger
from dockmagic.layers.packed import Packed
from dockmagic.layers.parents import Parents
from dockmagic.layers.scan import Owners, xattrs
from dockmagic.layers.stack import Found, Stack
from dockmagic.layers.tar_reader import TarReader
from dockmagic.oci.changeset import Entry
from dockmagic.syscalls.files import (
    RESOLVE_BENEATH,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
    openat2,
)

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_CHUNK = 1 << 20
# Of a longer path no more is asked in the layers below: open(2) takes none.
_LONGEST = 4095
# The disk's fault, not the tar's.
_DISK = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EOPNOTSUPP}
)


class Extraction:
    """Entries written below one directory.

    Args:
        destination: an empty directory.
        single: only one id is mapped.
        lowers: the trees of the layers below, top first.
    """

    def __init__(self, destination: str, *, single: bool, lowers: Sequence[str] = ()) -> None:
        self._ledger = Ledger()
        self._packed = Packed()
        self._root = os.open(destination, _DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._root_path = os.readlink(f"/proc/self/fd/{self._root}")
        self._single = single
        self._below = Stack(lowers)
        self._parents = Parents(self._root, self._below)
        self._parent = ("", os.dup(self._root))
        self._directories: list[Entry] = []
        self._leans = False
        self._inherits = False

    @property
    def entries(self) -> list[Entry]:
        """What was written, under the paths where it really stands."""
        return self._ledger.entries()

    @property
    def packed(self) -> str:
        """Digest of the tar that :func:`dockmagic.layers.seal.pack` would write, "" where only that can tell."""
        return self._packed.digest()

    @property
    def leans(self) -> bool:
        """Whether something of the layers below was needed."""
        return self._leans or self._parents.leans

    @property
    def inherits(self) -> bool:
        """Whether a directory that the tar does not mention is as the layers below have it."""
        return self._inherits

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._parent[1])
        os.close(self._root)

    def add(self, entry: Entry, content: TarReader) -> None:
        """Write one entry; a later one of the same name replaces an earlier one.

        Raises:
            ArchiveError: it cannot be.
            OSError: the disk is full or fails.
        """
        try:
            self._add(entry, content)
        except OSError as error:
            if error.errno in _DISK:
                raise
            raise ArchiveError(f"a tar entry cannot be extracted: {entry.path[:120]!r}", detail=str(error)) from error

    def _add(self, entry: Entry, content: TarReader) -> None:
        parent, name = posixpath.split(entry.path)
        if entry.type in {"opaque", "whiteout"} and self._hides_nothing(
            entry.path if entry.type == "opaque" else parent
        ):
            return
        if entry.type == "opaque":
            self._opaque(entry)
            return
        directory, entry = self._within(parent, name, entry)
        hides = self._write(entry, name, directory, content)
        self._note(self._of_first_name(entry) if entry.type == "hardlink" else entry)
        if hides:
            self._hide(name, directory, entry.path)

    def finish(self) -> None:
        """Set directories' times, which extraction had changed."""
        for entry in reversed(self._directories):
            with suppress(OSError):
                os.utime(self._path_of(entry.path), (entry.mtime, entry.mtime), follow_symlinks=False)

    def _note(self, entry: Entry) -> None:
        """What was written, in the truth and in the tar that is written again of it."""
        row = self._ledger.add(entry)
        if row.type != "file":
            self._packed.bare(row)

    def _path_of(self, path: str) -> str:
        return f"/proc/self/fd/{self._root}/{path}"

    def _within(self, parent: str, name: str, entry: Entry) -> tuple[int, Entry]:
        """The open parent directory, and the entry under the path that it really gets."""
        if self._parent[0] != parent:
            fresh = self._open(parent)
            os.close(self._parent[1])
            self._parent = (parent, fresh)
        real = self._real(self._parent[1]) if parent else ""
        path = posixpath.join(real, name)
        return self._parent[1], entry if path == entry.path else replace(entry, path=path)

    def _real(self, descriptor: int) -> str:
        return os.readlink(f"/proc/self/fd/{descriptor}")[len(self._root_path) + 1 :]

    def _open(self, path: str) -> int:
        """A directory below the root; links lead within it, missing directories are made."""
        try:
            return self._resolve(path)
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
                raise
        return self._made(self._parents.real(path))

    def _made(self, real: str) -> int:
        """A directory whose path holds no link, made with its parents where it is missing."""
        directory, done, below = os.dup(self._root), "", True
        for name in filter(None, real.split("/")):
            done = posixpath.join(done, name)
            try:
                below = self._make(name, directory, done, below=below and len(done) <= _LONGEST)
                inner = openat2(name, _DIRECTORY, resolve=RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, dir_fd=directory)
            finally:
                os.close(directory)
            directory = inner
        return directory

    def _hides_nothing(self, directory: str) -> bool:
        """Whether something else stands where a whiteout takes a directory for granted."""
        if directory in {"", ".", self._parent[0]}:
            return False
        try:
            os.close(self._resolve(directory))
        except FileNotFoundError:
            return self._parents.is_blocked(self._parents.real(directory))
        except OSError as error:
            if error.errno not in {errno.ENOTDIR, errno.ELOOP}:
                raise
            return self._parents.is_blocked(self._parents.real(directory))
        return False

    def _make(self, name: str, parent: int, path: str, *, below: bool) -> bool:
        """A directory that the tar does not mention; it replaces what is none, and is as the layers below have it.

        Args:
            name: in ``parent``.
            parent: an open directory.
            path: its own.
            below: the layers below may have it.

        Returns:
            Whether they may have something in it.
        """
        there = _has(name, parent)
        found = self._inherited(path) if below and not there else None
        below = below and (there or found is not None)
        implied = found or Entry(path=path, type="dir")
        hides = self._clear(implied, name, parent)
        try:
            os.mkdir(name, 0o755, dir_fd=parent)
        except FileExistsError:
            return below
        making.dress(implied, name, parent, single=self._single)
        self._note(implied)
        if hides:
            self._hide(name, parent, path)
        return below and not hides

    def _inherited(self, path: str) -> Entry | None:
        """A directory with the owner, mode and attributes that it has below, None where it is not there."""
        new = Entry(path=path, type="dir")
        found = None if self._parents.hidden(path) else self._below.lookup(path, follow=False)
        if found is None or not found.is_dir:
            return None
        uid, gid = Owners(single=self._single).of(found.real, found.status)
        mode = stat.S_IMODE(found.status.st_mode)
        below = replace(new, mode=mode, uid=uid, gid=gid, xattrs=xattrs(found.real))
        if below != new:
            self._inherits = True
        return below

    def _hide(self, name: str, parent: int, path: str) -> None:
        """Make a directory opaque, on disk and in the truth."""
        directory = os.open(name, _DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            self._mark(directory, path)
        finally:
            os.close(directory)

    def _mark(self, directory: int, path: str) -> None:
        if overlayfs.attribute(directory, overlayfs.OPAQUE) != b"y":
            overlayfs.make_opaque(directory)
            self._note(Entry(path=path, type="opaque"))

    def _resolve(self, path: str) -> int:
        resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
        return openat2(path or ".", _DIRECTORY, resolve=resolve, dir_fd=self._root)

    def _opaque(self, entry: Entry) -> None:
        if entry.path == ".":
            self._opaque_root(entry)
            return
        directory = self._open(entry.path)
        try:
            self._mark(directory, self._real(directory))
        finally:
            os.close(directory)

    def _opaque_root(self, entry: Entry) -> None:
        """Overlayfs never takes a root for opaque, so what the layers below have there is deleted name by name."""
        root = self._below.lookup("")
        names = [child.path for child in self._below.listdir(root)] if root is not None else []
        for name in names:
            whiteout = Entry(path=name, type="whiteout")
            if not self._clear(whiteout, name, self._root):
                overlayfs.make_whiteout(name, self._root)
            self._note(whiteout)
        if names:
            self._leans = True
        else:
            self._note(entry)

    def _write(self, entry: Entry, name: str, parent: int, content: TarReader) -> bool:
        """Write an entry; True where it is a directory that must hide what is below."""
        if entry.type == "file":
            self._file(entry, name, parent, content.chunks())
            return False
        hidden = self._clear(entry, name, parent)
        match entry.type:
            case "dir":
                self._directory(entry, name, parent)
            case "hardlink":
                self._hardlink(entry, name, parent)
            case "symlink":
                making.symlink(entry, name, parent, single=self._single)
            case "fifo":
                making.fifo(entry, name, parent, single=self._single)
            case "whiteout":
                if not hidden:
                    overlayfs.make_whiteout(name, parent)
            case _:
                # a device is recorded, never made: in a container it could not be opened anyway
                pass
        return hidden and entry.type == "dir"

    def _clear(self, entry: Entry, name: str, parent: int) -> bool:
        """Make room for an entry.

        Returns:
            Of a whiteout, whether this layer has that name itself; of a directory, whether it replaces what had hidden the one
            below.
        """
        try:
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if entry.type == "whiteout":
            # deletes what is below; what this layer has of that name stays and hides the rest
            if stat.S_ISDIR(found.st_mode):
                directory = os.open(name, _DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
                overlayfs.make_opaque(directory)
                os.close(directory)
            return True
        if entry.type == "dir" and stat.S_ISDIR(found.st_mode):
            return False
        self._ledger.forget(entry.path)
        self._packed.spoil()
        removal.remove(name, parent)
        return entry.type == "dir"

    def _directory(self, entry: Entry, name: str, parent: int) -> None:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
        making.dress(entry, name, parent, single=self._single)
        self._directories.append(entry)

    def _file(self, entry: Entry, name: str, parent: int, content: Iterable[bytes]) -> None:
        try:
            file = making.new_file(name, parent)
        except FileExistsError:
            self._clear(entry, name, parent)
            file = making.new_file(name, parent)
        try:
            making.fill(file, entry, self._packed.file(entry, content), single=self._single)
        finally:
            os.close(file)

    def _hardlink(self, entry: Entry, name: str, parent: int) -> None:
        source = self._first_name(entry)
        try:
            base = posixpath.basename(entry.linkname)
            found = os.stat(base, dir_fd=source, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode) or stat.S_ISCHR(found.st_mode):
                raise ArchiveError(f"a hard link to what is no file: {entry.linkname[:120]!r}")
            os.link(base, name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(source)

    def _of_first_name(self, entry: Entry) -> Entry:
        """A hard link whose first name is under the path where that really stands."""
        above, base = posixpath.split(entry.linkname)
        path = posixpath.join(self._parents.real(above), base)
        return entry if path == entry.linkname else replace(entry, linkname=path)

    def _first_name(self, entry: Entry) -> int:
        """The open directory that a hard link's first name stands in."""
        above, base = posixpath.split(entry.linkname)
        try:
            directory = self._resolve(self._parents.real(above))
        except (FileNotFoundError, NotADirectoryError):
            return self._brought(entry)
        if _has(base, directory):
            return directory
        os.close(directory)
        return self._brought(entry)

    def _brought(self, entry: Entry) -> int:
        """The open parent of a hard link's first name, brought up from a layer below with its content as overlayfs would."""
        above, base = posixpath.split(entry.linkname)
        path = posixpath.join(self._parents.real(above), base)
        found = None if self._parents.hidden(path) else self._below.lookup(path, follow=False)
        if found is None or not (stat.S_ISREG(found.status.st_mode) or stat.S_ISLNK(found.status.st_mode)):
            raise ArchiveError(f"a hard link to what is not in the layer: {entry.linkname[:120]!r}")
        parent = self._made(posixpath.dirname(path))
        try:
            self._note(self._bring(found, base, parent))
        except BaseException:
            os.close(parent)
            raise
        self._leans = True
        return parent

    def _bring(self, found: Found, name: str, parent: int) -> Entry:
        status = found.status
        uid, gid = Owners(single=self._single).of(found.real, status)
        link = os.readlink(found.real) if stat.S_ISLNK(status.st_mode) else ""
        entry = Entry(
            path=found.path, type="symlink" if link else "file", mode=stat.S_IMODE(status.st_mode), uid=uid, gid=gid,
            size=0 if link else status.st_size, mtime=int(status.st_mtime), linkname=link,
            xattrs={} if link else xattrs(found.real),
        )  # fmt: skip
        if link:
            making.symlink(entry, name, parent, single=self._single)
            return entry
        with open(os.open(found.real, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            self._file(entry, name, parent, iter(lambda: file.read(_CHUNK), b""))
        return entry


def _has(name: str, directory: int) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
