"""``cp`` without walls: paths of a container found below the directory that is its root, by openat2(2), which lets no link lead out.

What PRoot shows at the places of volumes and of other mounts stands elsewhere on this machine; copying from or to there is refused.

Standard library only, and no ``typing``.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from errno import ENOENT, ENOTDIR, EXDEV

from dockmagic.sandbox.places import WITHIN
from dockmagic.syscalls.files import openat2


class Places:
    """Where paths of a container are.

    Args:
        root: the directory that is its root, absolute.
        mounts: absolute paths in the container at which something else is seen.
    """

    __slots__ = ("_mounts", "_root", "_top")

    def __init__(self, root: str, mounts: Sequence[str]) -> None:
        self._root = os.path.realpath(root)
        self._mounts = [f"/{mount.strip('/')}" for mount in mounts]
        self._top = os.open(self._root, os.O_PATH | os.O_DIRECTORY)

    def source(self, path: str) -> str:
        """A path of ours for what is to be copied; a link there is followed when the path ends with a slash or ``/.``.

        Raises:
            OSError: it is not there, or in a mount.
        """
        if path.endswith(("/", "/.")):
            return f"/proc/self/fd/{self._open(path)}/."
        return self._beside(path)

    def destination(self, path: str) -> tuple[str, bool]:
        """A path of ours for where a copy goes, and whether a directory is there.

        Raises:
            OSError: the directory above is not there, or it is in a mount.
        """
        try:
            return f"/proc/self/fd/{self._open(path, os.O_DIRECTORY)}/.", True
        except OSError as error:
            if error.errno not in {ENOENT, ENOTDIR}:
                raise
        return self._beside(path) + ("/" if path.endswith("/") else ""), False

    def _beside(self, path: str) -> str:
        parent, name = posixpath.split(path.rstrip("/"))
        found = self._open(parent, os.O_DIRECTORY)
        self._require_own(f"{self._inside(found)}/{name}", path)
        return f"/proc/self/fd/{found}/{name}"

    def _open(self, path: str, flags: int = 0) -> int:
        found = openat2(path.strip("/") or ".", os.O_PATH | flags, resolve=WITHIN, dir_fd=self._top)
        self._require_own(self._inside(found), path)
        return found

    def _inside(self, descriptor: int) -> str:
        """The container's path of what a descriptor is open on, "" for its root."""
        return os.readlink(f"/proc/self/fd/{descriptor}")[len(self._root) :]  # noqa: PTH115 - as above

    def _require_own(self, inside: str, path: str) -> None:
        for mount in self._mounts:
            if inside == mount or inside.startswith(f"{mount}/"):
                raise OSError(EXDEV, "without walls nothing is copied from or to a volume or mount", path)
