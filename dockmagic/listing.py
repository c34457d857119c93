"""What stands in an image, a layer or a container, as values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dockmagic.oci.changeset import Entry

State = Literal["A", "C", "D", ""]


@dataclass(frozen=True, slots=True)
class File:
    """One path of a file system.

    Attributes:
        entry: what stands there; of a deleted path, what stood there.
        state: what the uppermost layer did to it: ``"A"``, ``"C"``, ``"D"``, or ``""`` for a path that lower layers brought and it leaves
            alone.
        diff_id: the layer that it comes from, ``""`` for a container's writable layer.
    """

    entry: Entry
    state: State
    diff_id: str = ""

    @property
    def path(self) -> str:
        """Absolute."""
        return f"/{self.entry.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """How a file begins.

    Attributes:
        kind: as ``ls`` letters it: ``"-"`` a regular file, ``"l"`` a symbolic link, ``"d"``, ``"p"``, ``"c"``, ``"b"``.
        size: bytes of the whole file.
        data: its first bytes, or a link's text.
    """

    kind: str
    size: int
    data: bytes

    @property
    def whole(self) -> bool:
        """``data`` is all of it."""
        return len(self.data) >= self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A path that is not the same in two places; None where nothing stands there."""

    path: str
    first: File | None
    second: File | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """What a store holds, in bytes of regular files.

    Attributes:
        images: layers of images, each once.
        containers: writable layers.
        cache: layers that only the build cache refers to.
        free: bytes free on the store's disk.
    """

    images: int
    containers: int
    cache: int
    free: int
