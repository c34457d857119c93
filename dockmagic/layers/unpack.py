"""Extracting a changeset's tar into a directory in overlay form: fresh, below one descriptor, never through a link out of it."""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from contextlib import suppress
from dataclasses import replace
from typing import Self

from dockmagic.errors import ArchiveError
from dockmagic.layers import metadata, overlayfs, removal
from dockmagic.layers.compression import Stream
from dockmagic.layers.metadata import Metadata
from dockmagic.layers.tar_reader import TarReader
from dockmagic.oci.changeset import Entry
from dockmagic.syscalls.files import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2

NOBODY = 65534
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20


class Digesting:
    """A stream that digests what is read through it."""

    def __init__(self, source: Stream) -> None:
        self._source = source
        self._state = hashlib.sha256()
        self.count = 0

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        self._state.update(data)
        self.count += len(data)
        return data

    def drain(self) -> str:
        """Read to the end; the digest of everything."""
        while self.read(_CHUNK):
            pass
        return f"sha256:{self._state.hexdigest()}"


def unpack(stream: Stream, destination: str, *, single: bool) -> Metadata:
    """Extract an uncompressed tar.

    Args:
        stream: the tar.
        destination: a directory that does not exist yet, relative to the working directory.
        single: only one id is mapped: owners go to an attribute.

    Returns:
        The truth of the layer; its DiffID is of the whole stream.

    Raises:
        ArchiveError: the tar is corrupt or hostile; the directory is left for the caller to remove.
    """
    digesting = Digesting(stream)
    os.mkdir(destination, 0o755)
    os.chmod(destination, 0o755)  # mkdir(2) heeds the umask
    reader = TarReader(digesting)
    with Extraction(destination, single=single) as extraction:
        for entry in reader:
            extraction.add(entry, reader)
        extraction.finish()
    diff_id = digesting.drain()
    return metadata.of(diff_id, extraction.entries, tar_size=digesting.count)


class Extraction:
    """Entries written below one directory.

    Attributes:
        entries: what was written, under the paths where it really stands.
    """

    def __init__(self, destination: str, *, single: bool) -> None:
        self.entries: list[Entry] = []
        self._root = os.open(destination, _DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._root_path = os.readlink(f"/proc/self/fd/{self._root}")
        self._single = single
        self._parent = ("", os.dup(self._root))
        self._directories: list[Entry] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._parent[1])
        os.close(self._root)

    def add(self, entry: Entry, content: TarReader) -> None:
        """Write one entry; a later one of the same name replaces an earlier one."""
        parent, name = posixpath.split(entry.path)
        if entry.type == "opaque":
            self._opaque(entry)
            return
        directory, entry = self._within(parent, name, entry)
        try:
            self._write(entry, name, directory, content)
        except ArchiveError:
            raise
        except OSError as error:
            if error.errno in {
                28,
                122,
                27,
                30,
                5,
            }:  # ENOSPC, EDQUOT, EFBIG, EROFS, EIO: the disk's fault, not the tar's
                raise
            raise ArchiveError(f"a tar entry cannot be extracted: {entry.path[:120]!r}", detail=str(error)) from error
        self.entries.append(entry)

    def finish(self) -> None:
        """Set directories' times, which extraction had changed."""
        for entry in reversed(self._directories):
            with suppress(OSError):
                os.utime(self._path_of(entry.path), (entry.mtime, entry.mtime), follow_symlinks=False)

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
        """A directory below the root; links in the layer lead within it, missing parents are made."""
        try:
            return self._resolve(path)
        except FileNotFoundError:
            pass
        except (NotADirectoryError, OSError) as error:
            raise ArchiveError(f"a tar entry below something that is no directory: {path[:120]!r}") from error
        parent, name = posixpath.split(path)
        above = self._open(parent) if parent else os.dup(self._root)
        try:
            try:
                os.mkdir(name, 0o755, dir_fd=above)
            except FileExistsError:
                raise ArchiveError(f"a tar entry below a link that leads nowhere: {path[:120]!r}") from None
            os.chmod(name, 0o755, dir_fd=above)
            self.entries.append(Entry(path=posixpath.join(self._real(above), name), type="dir"))
            return self._resolve(path)
        finally:
            os.close(above)

    def _resolve(self, path: str) -> int:
        resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
        return openat2(path or ".", _DIRECTORY, resolve=resolve, dir_fd=self._root)

    def _opaque(self, entry: Entry) -> None:
        if entry.path == ".":
            overlayfs.make_opaque(self._root)
            self.entries.append(entry)
            return
        directory = self._open(entry.path)
        try:
            overlayfs.make_opaque(directory)
            self.entries.append(replace(entry, path=self._real(directory)))
        finally:
            os.close(directory)

    def _write(self, entry: Entry, name: str, parent: int, content: TarReader) -> None:
        hidden = self._clear(entry, name, parent)
        match entry.type:
            case "dir":
                self._directory(entry, name, parent, hides=hidden)
            case "file":
                self._file(entry, name, parent, content)
            case "hardlink":
                self._hardlink(entry, name, parent)
            case "symlink":
                os.symlink(entry.linkname, name, dir_fd=parent)
                self._own(name, parent, entry)
                os.utime(name, (entry.mtime, entry.mtime), dir_fd=parent, follow_symlinks=False)
            case "fifo":
                os.mkfifo(name, 0o600, dir_fd=parent)
                self._own(name, parent, entry)
                os.chmod(name, entry.mode, dir_fd=parent)
            case "whiteout":
                if not hidden:
                    overlayfs.make_whiteout(name, parent)
            case _:
                # a device is recorded, never made: in a container it could not be opened anyway
                pass

    def _clear(self, entry: Entry, name: str, parent: int) -> bool:
        """Make room for an entry; True where it meets an earlier one of the same name that it must not replace."""
        try:
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return False
        whiteout = stat.S_ISCHR(found.st_mode)
        if entry.type == "whiteout":
            # deletes what is below; what this layer has of that name stays and hides the rest
            if stat.S_ISDIR(found.st_mode):
                directory = os.open(name, _DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
                overlayfs.make_opaque(directory)
                os.close(directory)
            return True
        if entry.type == "dir" and stat.S_ISDIR(found.st_mode):
            return False
        self._forget(entry.path)
        removal.remove(name, parent)
        return whiteout and entry.type == "dir"

    def _forget(self, path: str) -> None:
        """What was replaced is no entry any more; a whiteout stays, since it tells what to delete below."""
        below = f"{path}/"
        self.entries = [
            e for e in self.entries if e.type == "whiteout" or not (e.path == path or e.path.startswith(below))
        ]

    def _directory(self, entry: Entry, name: str, parent: int, *, hides: bool) -> None:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
        directory = os.open(name, _DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            self._own(name, parent, entry, descriptor=directory)
            os.fchmod(directory, entry.mode)
            self._attributes(directory, entry)
            if hides:
                overlayfs.make_opaque(directory)
        finally:
            os.close(directory)
        self._directories.append(entry)

    def _file(self, entry: Entry, name: str, parent: int, content: TarReader) -> None:
        file = os.open(name, _NEW, 0o600, dir_fd=parent)
        try:
            for chunk in content.chunks():
                _write_all(file, chunk)
            self._own(name, parent, entry, descriptor=file)
            os.fchmod(file, entry.mode)
            self._attributes(file, entry)
            os.utime(file, (entry.mtime, entry.mtime))
        finally:
            os.close(file)

    def _hardlink(self, entry: Entry, name: str, parent: int) -> None:
        above, base = posixpath.split(entry.linkname)
        try:
            source = self._resolve(above)
        except OSError:
            raise ArchiveError(f"a hard link to what is not in the layer: {entry.linkname[:120]!r}") from None
        try:
            found = os.stat(base, dir_fd=source, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode) or stat.S_ISCHR(found.st_mode):
                raise ArchiveError(f"a hard link to what is no file: {entry.linkname[:120]!r}")
            os.link(base, name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            raise ArchiveError(f"a hard link to what is not in the layer: {entry.linkname[:120]!r}") from None
        finally:
            os.close(source)

    def _own(self, name: str, parent: int, entry: Entry, *, descriptor: int | None = None) -> None:
        if self._single:
            if descriptor is not None and (entry.uid or entry.gid):
                os.setxattr(descriptor, overlayfs.OWNER, b"%d:%d" % _within_range(entry))
            return
        for uid, gid in ((entry.uid, entry.gid), _within_range(entry)):
            try:
                if descriptor is not None:
                    os.fchown(descriptor, uid, gid)
                else:
                    os.chown(name, uid, gid, dir_fd=parent, follow_symlinks=False)
            except OSError as error:
                if error.errno == 22:  # noqa: PLR2004 - EINVAL: the id is outside of the range
                    continue
                raise
            return

    def _attributes(self, descriptor: int, entry: Entry) -> None:
        for key, value in entry.xattrs.items():
            name = overlayfs.ESCAPED + key.removeprefix(overlayfs.PREFIX) if key.startswith(overlayfs.PREFIX) else key
            if not key.startswith("trusted.") and key != overlayfs.OWNER:
                # what this scheme or file system cannot hold stands in the metadata
                with suppress(OSError):
                    os.setxattr(descriptor, name, value)


def _within_range(entry: Entry) -> tuple[int, int]:
    return min(entry.uid, NOBODY), min(entry.gid, NOBODY)


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
