"""Letting everybody read a store: files and directories above the trees get the permissions, and every layer a blob.

The trees keep theirs, which belong to the layers; who has other ids than they makes trees of his own from the blobs.
"""

from __future__ import annotations

from pathlib import Path

from dockmagic.errors import ConflictError
from dockmagic.store.aside import sync_directory
from dockmagic.store.containers import Containers
from dockmagic.store.faults import told
from dockmagic.store.images import Images
from dockmagic.store.layers import Layers
from dockmagic.store.layout import Layout
from dockmagic.store.leases import Leases
from dockmagic.store.sweep import entries


def share(layout: Layout, images: Images, layers: Layers, leases: Leases, containers: Containers) -> None:
    """Do it; see :meth:`dockmagic.store.store.Store.share`. What was done already is done again for what came since."""
    names = [row.name for row in containers.list()]
    if names:
        raise ConflictError(
            f"the store holds a container: {names[0]}",
            hint=f"%container rm {names[0]} removes it; a store that others read should hold nothing but images for them",
        )
    for image_id in sorted(set(images.own_names().values())):
        with leases.hold("share", image_id):
            for diff_id in images.get(image_id).diff_ids:
                if layers.get(diff_id).blob is None:
                    layers.compressed(diff_id)
    with told(layout.home):
        layout.shared.touch(mode=0o444)
        journal = layout.database.with_name(f"{layout.database.name}-journal")
        for file in (layout.version, layout.database, journal, *entries(layout.blobs), *entries(layout.layers)):
            _allow(file, 0o444)
        # what is in it comes before the way to it
        for directory in (layout.roots.parent, layout.layers, layout.blobs, layout.blobs.parent, layout.home):
            _allow(directory, 0o555)
        sync_directory(layout.home)


def _allow(path: Path, more: int) -> None:
    try:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o755 | more)
    except FileNotFoundError:
        pass  # it was removed meanwhile
