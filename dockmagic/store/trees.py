"""Trees of layers in one id scheme: made aside by jobs, made durable, and renamed to where they are looked for."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dockmagic.errors import StoreCorruptError
from dockmagic.layers.owner import Owner
from dockmagic.store.aside import new_name, sync_directory, sync_file_system
from dockmagic.store.faults import told
from dockmagic.store.layout import Layout, snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What a job tells of a changeset; as the fields of a stored layer.

    Attributes:
        tree_digest: of what packing its tree gives.
        empty: it has no entry.
    """

    diff_id: str
    size: int
    files: int
    tar_size: int
    tree_digest: str
    empty: bool


class Trees:
    """The trees of a store in the scheme of its owner."""

    def __init__(self, layout: Layout, owner: Owner) -> None:
        self._layout = layout
        self._owner = owner

    def has(self, diff_id: str) -> bool:
        """Whether the layer's tree is there."""
        # of a shared store that has become unreadable it is not
        return os.path.isdir(self._layout.roots / snapshot(diff_id))  # noqa: PTH112

    @contextmanager
    def unpacked(
        self, tar: int, metadata: int, lowers: Sequence[tuple[str, str]] = ()
    ) -> Iterator[tuple[str, Numbers]]:
        """Extract a tar aside; the tree is gone when the block ends, unless it was kept.

        Args:
            tar: descriptor of the tar, at its first byte, compressed or not.
            metadata: descriptor that the layer's metadata is written to.
            lowers: (DiffID, tree) of the layers below it, base first.

        Raises:
            ArchiveError: the tar is corrupt or hostile.
        """
        tree = f"tmp/{new_name()}"
        try:
            arguments = {"dest": tree, "below": [d for d, _ in lowers], "lowers": [t for _, t in reversed(lowers)]}
            yield tree, self._numbers("unpack", arguments, tar, metadata)
        finally:
            self.remove(tree)

    def seal(self, arguments: dict[str, Any], metadata: int, *fds: int) -> Numbers:
        """Make a writable layer immutable; see the job of that name."""
        return self._numbers("seal", arguments, metadata, *fds)

    def _numbers(self, job: str, arguments: dict[str, Any], *fds: int) -> Numbers:
        found = self._call(job, arguments, *fds)
        return Numbers(**{name: found[name] for name in Numbers.__slots__})

    def keep(self, tree: str, diff_id: str) -> None:
        """Make a tree durable and give it its name, where it may stand already.

        The files are on the disk before the name is, so a name means a whole tree, also after a power cut. A tree that was made in
        memory is copied.
        """
        with told(self._layout.roots):
            sync_file_system(self._layout.roots)
            try:
                self._owner.call("rename", {"src": tree, "dst": snapshot(diff_id)})
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self._keep_copy(tree, diff_id)
            sync_directory(self._layout.roots / "snapshots")

    def _keep_copy(self, tree: str, diff_id: str) -> None:
        aside = f"tmp/{new_name()}"
        try:
            self._owner.call("duplicate", {"src": tree, "dst": aside})
            sync_file_system(self._layout.roots)
            self._owner.call("rename", {"src": aside, "dst": snapshot(diff_id)})
        finally:
            self._owner.call("remove", {"path": aside})
        self._owner.call("remove", {"path": tree})

    def remove(self, tree: str) -> None:
        """Remove a tree; none there is fine."""
        self._call("remove", {"path": tree})

    def _call(self, job: str, arguments: dict[str, Any], *fds: int) -> Any:
        with told(self._layout.roots):
            return self._owner.call(job, arguments, fds)


def pack(owner: Owner, tree: str, metadata: int, out: int) -> str:
    """Write the tar that a layer's metadata and its tree are.

    Args:
        owner: of the tree's scheme.
        tree: relative to the scheme's root.
        metadata: descriptor of the layer's metadata file.
        out: descriptor that is written to; it stays open.

    Returns:
        The digest of what was written.

    Raises:
        StoreCorruptError: tree and metadata do not fit.
    """
    os.lseek(metadata, 0, os.SEEK_SET)
    try:
        return str(owner.call("pack", {"tree": tree}, [metadata, out])["digest"])
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StoreCorruptError(
            "a file of a layer is missing in the store", hint="load or build that again", detail=str(error)
        ) from error


def stands(owner: Owner, tree: str, metadata: int) -> bool:
    """Whether a tree has the names, kinds, modes and links that a layer's metadata says, and no others."""
    os.lseek(metadata, 0, os.SEEK_SET)
    return bool(owner.call("verify", {"tree": tree}, [metadata])["whole"])


def digest(owner: Owner, tree: str, metadata: int) -> str:
    """The digest of what :func:`pack` would write."""
    with Path(os.devnull).open("wb") as nothing:
        return pack(owner, tree, metadata, nothing.fileno())
