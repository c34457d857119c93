"""A directory of the host, read through descriptors: nothing outside of it is ever opened.

Every path is walked component by component from the root's descriptor, with ``O_NOFOLLOW``: a directory that becomes a symbolic link
while it is read is an error, not a way out. Links are resolved by the caller, within the root.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dockmagic.builder.selection import changed
from dockmagic.errors import UsageError

_CHUNK = 1 << 20
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# a pipe that takes the place of a file must not block, a terminal must not become ours
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

# what opening gives where a name has become something else since it was listed
_CHANGED = {0, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO}

Parts = tuple[str, ...]


class Tree:
    """A directory and what is below it. Paths are tuples of names, undecodable bytes as surrogates; ``()`` is the directory.

    The descriptors of the directory read last and of those above it stay open until :meth:`rewind`. Not for several threads.

    Args:
        root: the directory; links on the way to it are followed.

    Raises:
        OSError: from every method, as the system gives it: ENOENT and ENOTDIR where there is no such path, ELOOP or ENOTDIR
            where a directory has become something else.
    """

    def __init__(self, root: Path) -> None:
        self._open: list[tuple[str, int]] = []
        self._last: Parts = ()
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Close every descriptor; further calls of it do nothing."""
        self.rewind()
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def rewind(self) -> None:
        """Forget which directory was read last, so that the next path is walked from the root again."""
        self._cut(0)

    def status(self, path: Parts) -> os.stat_result:
        """What stands at ``path``; a link is not followed."""
        if not path:
            return os.fstat(self._root)
        return os.stat(path[-1], dir_fd=self._directory(path[:-1]), follow_symlinks=False)

    def entries(self, path: Parts) -> list[tuple[str, os.stat_result]]:
        """The names in a directory and what they are, sorted bytewise; one that goes away meanwhile is left out."""
        # not the walk's own descriptor: it would be left at the directory's end
        directory = os.open(".", _DIRECTORY, dir_fd=self._directory(path))
        found: list[tuple[str, os.stat_result]] = []
        try:
            with os.scandir(directory) as names:
                for name in names:
                    with suppress(FileNotFoundError):
                        found.append((name.name, name.stat(follow_symlinks=False)))
        finally:
            os.close(directory)
        return sorted(found, key=lambda entry: os.fsencode(entry[0]))

    def link(self, path: Parts) -> str:
        """A symbolic link's text."""
        return os.readlink(path[-1], dir_fd=self._directory(path[:-1]))

    def chunks(self, path: Parts) -> Iterator[bytes]:
        """A regular file's content, in pieces of up to 1 MiB.

        Raises:
            OSError: what stands there is no regular file (errno is 0).
        """
        file = self.open(path)
        try:
            while data := os.read(file, _CHUNK):
                yield data
        finally:
            os.close(file)

    def open(self, path: Parts) -> int:
        """A descriptor of a regular file, for reading.

        Raises:
            OSError: what stands there is no regular file (errno is 0).
        """
        file = os.open(path[-1], _FILE, dir_fd=self._directory(path[:-1]))
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise OSError(0, "no longer a regular file")
        return file

    def _directory(self, path: Parts) -> int:
        """The descriptor of a directory, which stays open for the next path."""
        if self._root < 0:
            raise OSError(0, "the context is closed")
        if path == self._last:
            return self._open[-1][1] if self._open else self._root
        common = 0
        for (name, _), wanted in zip(self._open, path, strict=False):
            if name != wanted:
                break
            common += 1
        self._cut(common)
        for name in path[common:]:
            above = self._open[-1][1] if self._open else self._root
            self._open.append((name, os.open(name, _DIRECTORY, dir_fd=above)))
        self._last = path
        return self._open[-1][1] if self._open else self._root

    def _cut(self, depth: int) -> None:
        self._last = tuple(name for name, _ in self._open[:depth])
        while len(self._open) > depth:
            os.close(self._open.pop()[1])


@dataclass(frozen=True, slots=True)
class FileContent:
    """The bytes of a file of a tree, which must stay open for them."""

    tree: Tree
    path: Parts

    def chunks(self) -> Iterator[bytes]:
        with reading("/".join(self.path)):
            yield from self.tree.chunks(self.path)


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Say in the user's words what the system says of ``path``.

    Raises:
        UsageError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise told(path, error) from error


def told(path: str, error: OSError) -> UsageError:
    """What the system says of ``path``, in the user's words."""
    if isinstance(error, PermissionError):
        return UsageError(
            f'no permission to read in the build context: "{path}"',
            hint="change its mode, or exclude it by .dockerignore",
            detail=str(error),
        )
    if error.errno in _CHANGED:
        return changed(path, str(error))
    return UsageError(f'cannot be read in the build context: "{path}"', detail=str(error))
