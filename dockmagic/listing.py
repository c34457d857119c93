"""What stands in an image, a layer or a container, as values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
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
class Usage:
    """What things of one kind hold in the store, in bytes of regular files and of original blobs.

    Attributes:
        kind: ``"images"``, ``"shared images"``, ``"containers"``, ``"build cache"``, ``"RUN caches"`` or ``"volumes"``.
        total: count.
        in_use: how many of them a prune would leave.
        size: bytes of all.
        reclaimable: bytes that a prune would free.
    """

    kind: str
    total: int
    in_use: int
    size: int
    reclaimable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A named volume; attributes as python-on-whales has them.

    Attributes:
        labels: by name; a volume that nobody named has docker's label for that.
        mountpoint: the directory of its files on this machine, in the store.
        created_at: when it was made, UTC.
        users: names of the containers that have it, ended ones too.
        driver: ``"local"`` always, and ``scope`` too; there are no ``options``.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    mountpoint: Path = field(repr=False)
    created_at: datetime = field(repr=False)
    users: tuple[str, ...] = ()
    driver: str = field(default="local", repr=False)
    scope: str = field(default="local", repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        """Its name, as docker prints it."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What a prune removed, or would remove.

    Attributes:
        kind: ``"container"``, ``"name"``, ``"image"``, ``"build cache"``, ``"RUN cache"`` or ``"volume"``.
        name: of the container, the image's name or id, the count of steps, or the beginning of the cache's own.
        size: bytes that are free for it.
    """

    kind: str
    name: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Something damaged, missing or left over in the store.

    Attributes:
        path: relative to the store's directory; of an image its id.
        words: what is wrong with it.
        images: names, or ids, of the images that have it.
        repaired: it was removed, or made again.
    """

    path: str
    words: str
    images: tuple[str, ...] = ()
    repaired: bool = False


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
