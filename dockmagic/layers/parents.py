"""Where an entry of a changeset really stands: links in its path are followed within the root, also those of the layers below."""

from __future__ import annotations

import os
import posixpath
import stat

from dockmagic.errors import ArchiveError
from dockmagic.layers import overlayfs
from dockmagic.layers.stack import Stack

_LINKS = 40


class Parents:
    """Directories' paths in a layer that is being extracted, as if it were extracted over the layers below.

    Args:
        root: the open directory that the layer is extracted to; nobody else changes it.
        below: the layers below, where they are known.

    Attributes:
        leans: whether a link of a layer below was followed, so that the layer stands otherwise elsewhere.
    """

    def __init__(self, root: int, below: Stack) -> None:
        self._root = root
        self._below = below
        self.leans = False

    def real(self, path: str) -> str:
        """A path without links in it, relative to the root; ``..`` ends there, and what is missing is taken for a directory.

        Raises:
            ArchiveError: its links lead in circles.
        """
        done: list[str] = []
        pending = _parts(path)
        links = 0
        while pending:
            part = pending.pop()
            if part == "..":
                done = done[:-1]
                continue
            link = self._link("/".join([*done, part]))
            if link is None:
                done.append(part)
                continue
            links += 1
            if links > _LINKS:
                raise ArchiveError(f"a tar entry below links that lead in circles: {path[:120]!r}")
            pending += _parts(link)
            if link.startswith("/"):
                done = []
        return "/".join(done)

    def _link(self, path: str) -> str | None:
        """What the link at a path says whose parents are no links; None where there is none."""
        try:
            found = os.stat(path, dir_fd=self._root, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None if self.hidden(path) else self._link_below(path)
        return os.readlink(path, dir_fd=self._root) if stat.S_ISLNK(found.st_mode) else None

    def _link_below(self, path: str) -> str | None:
        found = self._below.lookup(path, follow=False)
        if found is None or not stat.S_ISLNK(found.status.st_mode) or found.path != path:
            return None
        self.leans = True
        return os.readlink(found.real)

    def is_blocked(self, path: str) -> bool:
        """Whether something that is no directory stands at a path or on the way to it; no links in it are followed."""
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            above = "/".join(parts[:count])
            try:
                mode = os.stat(above, dir_fd=self._root, follow_symlinks=False).st_mode
            except FileNotFoundError:
                found = None if self.hidden(above) else self._below.lookup(above, follow=False)
                if found is None:
                    return False
                mode = found.status.st_mode
                self.leans |= not stat.S_ISDIR(mode)
            if not stat.S_ISDIR(mode):
                return True
        return False

    def hidden(self, path: str) -> bool:
        """Whether this layer hides what the layers below have at a path that it has not itself."""
        while path:
            path = posixpath.dirname(path)
            try:
                found = os.stat(path or ".", dir_fd=self._root, follow_symlinks=False)
            except (FileNotFoundError, NotADirectoryError):
                continue
            if not stat.S_ISDIR(found.st_mode) or overlayfs.is_opaque(f"/proc/self/fd/{self._root}/{path}"):
                return True
        return False


def _parts(path: str) -> list[str]:
    return [part for part in reversed(path.split("/")) if part not in {"", "."}]
