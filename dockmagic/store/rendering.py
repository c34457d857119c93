"""Making a layer's tree again where the scheme has none: another user's ids, another machine's, or a lost directory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dockmagic.errors import ArchiveError, StoreCorruptError, StoreError
from dockmagic.store import trees
from dockmagic.store.aside import Aside
from dockmagic.store.blobs import Blobs, corrupt
from dockmagic.store.faults import told
from dockmagic.store.layer_rows import LayerRecord
from dockmagic.store.layout import Layout, snapshot
from dockmagic.store.trees import Trees


def render(
    layout: Layout, blobs: Blobs, made: Trees, layer: LayerRecord, lowers: Sequence[tuple[str, str]] = ()
) -> None:
    """Make the tree of a stored layer in the scheme of ``made``.

    Args:
        layout: where things lie.
        blobs: where the layer's original blob is, if it has one.
        made: the trees of the scheme.
        layer: whose tree is made.
        lowers: (DiffID, tree) of the layers that it leans on, base first.

    Raises:
        StoreCorruptError: what it is made from is damaged.
        StoreError: there is nothing that it could be made from.
    """
    with _tar(layout, blobs, layer) as tar, _metadata(layout) as metadata:
        try:
            with made.unpacked(tar, metadata.fileno(), lowers) as (tree, numbers):
                if numbers.diff_id != layer.diff_id:
                    raise corrupt(layer.diff_id)
                path = layout.metadata(layer.diff_id)
                with told(path):
                    if not path.exists():
                        metadata.publish(path, mode=layout.mode)
                made.keep(tree, layer.diff_id)
        except ArchiveError as error:
            raise corrupt(layer.diff_id) from error


def _metadata(layout: Layout) -> Aside:
    with told(layout.tmp):
        return Aside(layout.tmp)


@contextmanager
def _tar(layout: Layout, blobs: Blobs, layer: LayerRecord) -> Iterator[int]:
    """A descriptor of the layer's tar, at its first byte."""
    if layer.blob is not None:
        with blobs.open(layer.blob.digest) as file:
            yield file.fileno()
        return
    with _metadata(layout) as spool:
        _pack_elsewhere(layout, layer, spool)
        spool.rewind()
        yield spool.fileno()


def _pack_elsewhere(layout: Layout, layer: LayerRecord, spool: Aside) -> None:
    """Pack the layer from its tree in another scheme, in this process: its own owner is not at hand."""
    from dockmagic.layers.inprocess import InProcessOwner  # noqa: PLC0415 - rarely needed

    refusal = "no scheme has it"
    for root in sorted(layout.roots.parent.glob("*")):
        if root == layout.roots or not _is_directory(root / snapshot(layer.diff_id)):
            continue
        try:
            with layout.metadata(layer.diff_id).open("rb") as metadata:
                owner = InProcessOwner(root, root.name)
                found = trees.pack(owner, snapshot(layer.diff_id), metadata.fileno(), spool.fileno())
        except (PermissionError, StoreCorruptError) as error:
            refusal = f"{root.name}: {error}"
            continue
        if found == layer.diff_id:
            return
        raise corrupt(layer.diff_id)
    raise StoreError(
        f"the tree of the layer {layer.diff_id} is missing",
        hint="it was built as another user, or is lost: build it again with --no-cache",
        detail=refusal,
    )


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except PermissionError:
        return False
