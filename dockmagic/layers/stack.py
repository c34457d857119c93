"""Look-ups through a stack of layers on disk, as overlayfs would show them merged; nothing is mounted.

The directories are snapshots, which nobody changes, or the writable layer of a container that is not running. Every
component is looked at without following it, so no link leads out of a layer.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from dockmagic.errors import NotFoundError
from dockmagic.layers import overlayfs

_LINKS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a path of the merged root is.

    Attributes:
        path: where it stands after links were followed: no leading slash, "" for the root.
        real: the file in a layer, relative to the working directory.
        status: of ``real``, without following it.
        layers: of a directory, the directories of all layers that make it up, top first.
    """

    path: str
    real: str
    status: os.stat_result
    layers: tuple[str, ...] = ()

    @property
    def is_dir(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)


class Stack:
    """A merged view.

    Args:
        lowers: directories in overlay form, top first.
    """

    def __init__(self, lowers: Sequence[str]) -> None:
        self._lowers = tuple(lowers)

    def lookup(self, path: str, *, follow: bool = True) -> Found | None:
        """What stands at ``path``; symbolic links are resolved within the merged root.

        Args:
            path: absolute or relative to the root; ``..`` stops at the root.
            follow: also a link that is the last component.

        Returns:
            None where nothing stands there, or a link on the way leads nowhere or in circles.
        """
        if not self._lowers:
            return None
        pending = [part for part in reversed(path.split("/")) if part not in {"", "."}]
        way = [self._root()]
        links = 0
        while pending:
            part = pending.pop()
            if part == "..":
                way = way[:-1] or way
                continue
            found = self.child(way[-1], part) if way[-1].is_dir else None
            if found is None:
                return None
            if stat.S_ISLNK(found.status.st_mode) and (follow or pending):
                links += 1
                if links > _LINKS:
                    return None
                target = os.readlink(found.real)
                pending += [p for p in reversed(target.split("/")) if p not in {"", "."}]
                if target.startswith("/"):
                    way = way[:1]
                continue
            way.append(found)
        return way[-1]

    def listdir(self, directory: Found) -> list[Found]:
        """The entries of a directory, by name, bytewise."""
        names: dict[str, None] = {}
        for layer in directory.layers:
            names.update(dict.fromkeys(os.listdir(layer)))
        children = (self.child(directory, name) for name in sorted(names, key=os.fsencode))
        return [child for child in children if child is not None]

    def read(self, path: str, *, limit: int) -> bytes:
        """A regular file's content.

        Raises:
            NotFoundError: there is no regular file, or it is larger than ``limit`` bytes.
        """
        found = self.lookup(path)
        if found is None or not stat.S_ISREG(found.status.st_mode):
            raise NotFoundError(f"no such file in the image: {path}")
        if found.status.st_size > limit:
            raise NotFoundError(f"too large to be read: {path}")
        descriptor = os.open(found.real, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            return file.read(limit)

    def _root(self) -> Found:
        if not self._lowers:
            return Found(path="", real="", status=os.stat_result((stat.S_IFDIR | 0o755, *([0] * 9))), layers=())
        # overlayfs merges all roots, whatever marks they bear; a tree of a shared store is a link here
        return Found(path="", real=self._lowers[0], status=os.stat(self._lowers[0]), layers=self._lowers)

    def child(self, directory: Found, name: str) -> Found | None:
        """The entry ``name`` of a merged directory, not followed; None where there is none."""
        path = f"{directory.path}/{name}" if directory.path else name
        first: Found | None = None
        layers: list[str] = []
        for layer in directory.layers:
            real = f"{layer}/{name}"
            try:
                status = os.lstat(real)
            except (FileNotFoundError, NotADirectoryError):
                continue
            if overlayfs.is_whiteout(real, status):
                break
            if not stat.S_ISDIR(status.st_mode):
                return Found(path=path, real=real, status=status) if first is None else _with(first, layers)
            first = first or Found(path=path, real=real, status=status)
            layers.append(real)
            if overlayfs.is_opaque(real):
                break
        return None if first is None else _with(first, layers)


def _with(found: Found, layers: Sequence[str]) -> Found:
    return Found(path=found.path, real=found.real, status=found.status, layers=tuple(layers))
