"""The tar of a root file system as files of whoever calls: what ``docker buildx build -o DIRECTORY`` leaves.

As BuildKit's local exporter has it, everything belongs to the caller, modes and times are kept, and what stands there already stays: a
file takes the place of a file, a directory is filled. Otherwise than there, a directory never makes way for a file nor a file or link
for a directory, and set-id bits are left out, for they would lend out the caller's own rights.
"""

from __future__ import annotations

import os
import posixpath
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

from dockmagic.errors import ArchiveError, ConflictError
from dockmagic.layers.tar_reader import Readable, TarReader
from dockmagic.oci.changeset import Entry
from dockmagic.syscalls.files import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, openat2

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MODES = 0o1777
_OWN = 0o700
_DEVICES = frozenset({"char", "block"})


def require_room(destination: str, entries: Iterable[Entry]) -> None:
    """Refuse entries that something of another kind stands in the way of; a directory that is not there has room for all.

    Raises:
        ConflictError: there is such a thing; ``detail`` names it.
    """
    for entry in entries:
        try:
            found = os.lstat(os.path.join(destination, entry.path))
        except OSError:
            continue  # not there, or below what was refused already
        if stat.S_ISDIR(found.st_mode) != (entry.type == "dir") and entry.type not in _DEVICES:
            raise _in_the_way(entry)


def spread(destination: str, tar: Readable) -> tuple[str, ...]:
    """Write what a tar holds below a directory, which is made where it is missing.

    Returns:
        Paths of devices, which are left out.

    Raises:
        ConflictError: something of another kind stands in the way.
        ArchiveError: the tar is damaged, or the directory cannot be written.
    """
    with _told():
        os.makedirs(destination, exist_ok=True)
        with _Spreading(destination) as target:
            reader = TarReader(tar)
            for entry in reader:
                target.take(entry, reader)
            target.finish()
            return tuple(target.left_out)


class _Spreading:
    """Entries written below one directory, never through a link."""

    def __init__(self, destination: str) -> None:
        self._root = os.open(destination, _DIRECTORY)
        self._parent = ("", os.dup(self._root))
        self._directories: list[Entry] = []
        self.left_out: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._parent[1])
        os.close(self._root)

    def take(self, entry: Entry, reader: TarReader) -> None:
        """Write one entry; ``reader`` has a file's content."""
        try:
            match entry.type:
                case "dir":
                    self._directory(entry)
                case "char" | "block":
                    self.left_out.append(f"/{entry.path}")
                case _:
                    self._named(entry, reader)
        except (IsADirectoryError, NotADirectoryError, FileExistsError):
            raise _in_the_way(entry) from None

    def finish(self) -> None:
        """Give directories their modes and times, which writing below them would change."""
        for entry in reversed(self._directories):
            above = self._above(entry.path)
            name = posixpath.basename(entry.path)
            with suppress(PermissionError):  # it was there, and is somebody else's
                os.utime(name, (entry.mtime, entry.mtime), dir_fd=above, follow_symlinks=False)
                os.chmod(name, entry.mode & _MODES, dir_fd=above)

    def _directory(self, entry: Entry) -> None:
        above, name = self._above(entry.path), posixpath.basename(entry.path)
        try:
            os.mkdir(name, _OWN, dir_fd=above)
        except FileExistsError:
            found = os.stat(name, dir_fd=above, follow_symlinks=False)
            if not stat.S_ISDIR(found.st_mode):
                raise
            if found.st_uid == os.geteuid() and found.st_mode & _OWN != _OWN:
                os.chmod(name, stat.S_IMODE(found.st_mode) | _OWN, dir_fd=above)
        self._directories.append(entry)

    def _named(self, entry: Entry, reader: TarReader) -> None:
        """What a name leads to that is no directory: made under another name, then renamed."""
        above = self._above(entry.path)
        aside = f".tmp.{secrets.token_hex(8)}"
        try:
            match entry.type:
                case "file":
                    self._file(entry, aside, above, reader)
                case "symlink":
                    os.symlink(entry.linkname, aside, dir_fd=above)
                case "fifo":
                    os.mkfifo(aside, entry.mode & _MODES, dir_fd=above)
                case "hardlink":
                    self._link(entry, aside, above)
                case _:
                    raise ArchiveError("a root file system holds a whiteout", detail=entry.path)
            if entry.type != "hardlink":
                os.utime(aside, (entry.mtime, entry.mtime), dir_fd=above, follow_symlinks=False)
            os.rename(aside, posixpath.basename(entry.path), src_dir_fd=above, dst_dir_fd=above)
        finally:
            with suppress(OSError):
                os.unlink(aside, dir_fd=above)

    def _file(self, entry: Entry, aside: str, above: int, reader: TarReader) -> None:
        with os.fdopen(os.open(aside, _NEW, 0o600, dir_fd=above), "wb") as file:
            for chunk in reader.chunks():
                file.write(chunk)
            os.fchmod(file.fileno(), entry.mode & _MODES)

    def _link(self, entry: Entry, aside: str, above: int) -> None:
        source = self._opened(posixpath.dirname(entry.linkname))
        try:
            os.link(
                posixpath.basename(entry.linkname), aside, src_dir_fd=source, dst_dir_fd=above, follow_symlinks=False
            )
        finally:
            os.close(source)

    def _above(self, path: str) -> int:
        """The directory that an entry stands in, open; entries come directory by directory."""
        wanted = posixpath.dirname(path)
        if self._parent[0] != wanted:
            opened = self._opened(wanted)
            os.close(self._parent[1])
            self._parent = (wanted, opened)
        return self._parent[1]

    def _opened(self, path: str) -> int:
        if not path:
            return os.dup(self._root)
        return openat2(path, _DIRECTORY, resolve=RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, dir_fd=self._root)


def _in_the_way(entry: Entry) -> ConflictError:
    kind = "a directory" if entry.type == "dir" else "a file"
    return ConflictError(
        f"{kind} of the image cannot be written: something of another kind stands there, and nothing is removed for it",
        hint="remove it, or name another directory",
        detail=f"/{entry.path}",
    )


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArchiveError(
            "the files cannot be written", hint=error.strerror or "", detail=error.filename or ""
        ) from error
