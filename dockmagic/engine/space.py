"""``df`` and ``prune``: what the store holds, what of it nothing uses, and its removal."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from dockmagic.builder.hostimage import NAMES as HOST_IMAGES
from dockmagic.engine.containers import upper
from dockmagic.errors import IsolationError
from dockmagic.listing import Pruned, Usage
from dockmagic.table import Table, decimal_size

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.store.containers import ContainerRow
    from dockmagic.store.images import ImageRecord
    from dockmagic.store.pruning import Plan


def df(session: Session) -> Table[Usage]:
    """What images, containers, the build cache, RUN's caches and volumes hold, and what a prune would free.

    Raises:
        StoreError: the store cannot be read.
    """
    plan = session.store.pruning.plan()
    values = (
        _images(session, plan),
        *_shared(session),
        _containers(session, plan),
        _cache(session, plan),
        _caches(session, plan),
        _volumes(session),
    )
    free = shutil.disk_usage(session.store.path).free
    return Table(
        columns=("TYPE", "TOTAL", "IN USE", "SIZE", "RECLAIMABLE"),
        items=values,
        rows=tuple(
            (v.kind, str(v.total), str(v.in_use), decimal_size(v.size), decimal_size(v.reclaimable)) for v in values
        ),
        title=f"{decimal_size(free)} free",
    )


def prune(session: Session, *, dry_run: bool = False, base: bool = False, volumes: bool = False) -> Table[Pruned]:
    """Remove ended containers, images that have no name and no container, the build cache, RUN's caches and what is left over.

    What a living process of this user works with stays: layers of its builds, images that it made, containers that it runs.

    Args:
        session: what it works on.
        dry_run: remove nothing, tell what would go.
        volumes: also volumes that nobody named and no container has.
        base: also ``localhost/base`` and ``localhost/python``, which are made again from this machine when they are asked for.

    Raises:
        StoreError: the store cannot be written.
    """
    pruning = session.store.pruning
    plan = pruning.plan(HOST_IMAGES if base else ())
    sizes = _Sizes(session, plan)
    gone = plan if dry_run else pruning.carry_out(plan)
    values = (*_pruned(session, gone, sizes), *(_prune_volumes(session, dry_run=dry_run) if volumes else ()))
    freed = decimal_size(sum(value.size for value in values))
    return Table(
        columns=("WOULD GO" if dry_run else "REMOVED", "NAME", "SIZE"),
        items=values,
        rows=tuple((v.kind, v.name, decimal_size(v.size)) for v in values),
        title=f"{freed} would be freed" if dry_run else f"{freed} freed",
    )


def _prune_volumes(session: Session, *, dry_run: bool) -> Iterable[Pruned]:
    rows = session.store.volumes.unused()
    sizes = _used(session, [row.directory for row in rows])
    gone = {row.name for row in rows} if dry_run else set(session.store.volumes.remove_unused(rows))
    for row, size in zip(rows, sizes, strict=True):
        if row.name in gone:
            yield Pruned(kind="volume", name=row.name[:12], size=size)


class _Sizes:
    """Sizes of what a plan names, taken before it goes."""

    def __init__(self, session: Session, plan: Plan) -> None:
        self.layers = session.store.layers.footprints()
        self.containers = _writable(session, plan.containers)
        self.caches = dict(zip(plan.caches, _used(session, plan.caches), strict=True))
        self.diff_ids = {record.id: set(record.diff_ids) for record in session.store.images.list()}

    def of_layers(self, diff_ids: Iterable[str]) -> int:
        return sum(self.layers.get(diff_id, 0) for diff_id in diff_ids)


def _pruned(session: Session, gone: Plan, sizes: _Sizes) -> Iterable[Pruned]:
    for row in gone.containers:
        yield Pruned(kind="container", name=row.name, size=sizes.containers[row.id])
    left = set(gone.layers)
    for name in gone.names:
        yield Pruned(kind="name", name=session.store.images.familiar(name), size=0)
    for image_id in gone.images:
        own = left & sizes.diff_ids.get(image_id, set())
        left -= own
        yield Pruned(kind="image", name=image_id, size=sizes.of_layers(own))
    if gone.steps:
        steps = f"{gone.steps} step{'s' if gone.steps > 1 else ''}"
        yield Pruned(kind="build cache", name=steps, size=sizes.of_layers(left))
    for directory in gone.caches:
        yield Pruned(kind="RUN cache", name=directory.removeprefix("caches/")[:12], size=sizes.caches[directory])


def _writable(session: Session, rows: Sequence[ContainerRow]) -> dict[str, int]:
    """Bytes of writable layers, by the container's id."""
    return dict(zip((row.id for row in rows), _used(session, [upper(row) for row in rows]), strict=True))


def _used(session: Session, paths: Iterable[str]) -> list[int]:
    """Bytes of trees; 0 each on a host that lets nobody look at them."""
    wanted = list(paths)
    if not wanted:
        return []
    try:
        found: list[int] = session.call("usage", {"paths": wanted})["sizes"]
    except IsolationError:
        return [0] * len(wanted)
    return found


def _images(session: Session, plan: Plan) -> Usage:
    footprints, shared = session.store.layers.footprints(), session.store.images.shared()
    records = [record for record in session.store.images.list() if record.id not in shared]
    unused = set(plan.images)
    return Usage(
        kind="images",
        total=len(records),
        in_use=sum(record.id not in unused for record in records),
        size=sum(footprints.get(diff_id, 0) for diff_id in _layers(records)),
        reclaimable=sum(footprints.get(diff_id, 0) for diff_id in plan.layers & _layers(records)),
    )


def _shared(session: Session) -> tuple[Usage, ...]:
    """What the shared stores' images hold there; nothing where there are none."""
    shared, sizes = session.store.images.shared(), session.store.layers.sizes()
    records = [record for record in session.store.images.list() if record.id in shared]
    if not records:
        return ()
    size = sum(sizes[diff_id] for diff_id in _layers(records))
    return (Usage(kind="shared images", total=len(records), in_use=len(records), size=size, reclaimable=0),)


def _layers(records: Collection[ImageRecord]) -> set[str]:
    return {diff_id for record in records for diff_id in record.diff_ids}


def _containers(session: Session, plan: Plan) -> Usage:
    rows = session.store.containers.list()
    sizes = _writable(session, rows)
    return Usage(
        kind="containers",
        total=len(rows),
        in_use=len(rows) - len(plan.containers),
        size=sum(sizes.values()),
        reclaimable=sum(sizes.get(row.id, 0) for row in plan.containers),
    )


def _cache(session: Session, plan: Plan) -> Usage:
    footprints = session.store.layers.footprints()
    own = footprints.keys() - _layers(session.store.images.list())
    return Usage(
        kind="build cache",
        total=plan.steps,
        in_use=0,
        size=sum(footprints.get(diff_id, 0) for diff_id in own),
        reclaimable=sum(footprints.get(diff_id, 0) for diff_id in plan.layers & own),
    )


def _volumes(session: Session) -> Usage:
    rows = [row for row in session.store.volumes.list() if row.scheme == session.store.scheme]
    unused = {row.name for row in session.store.volumes.unused(anonymous=False)}
    sizes = dict(zip((row.name for row in rows), _used(session, [row.directory for row in rows]), strict=True))
    return Usage(
        kind="volumes",
        total=len(rows),
        in_use=sum(row.name not in unused for row in rows),
        size=sum(sizes.values()),
        reclaimable=sum(sizes[row.name] for row in rows if row.name in unused and row.is_anonymous),
    )


def _caches(session: Session, plan: Plan) -> Usage:
    found = session.store.caches.all()
    sizes = dict(zip(found, _used(session, found), strict=True))
    return Usage(
        kind="RUN caches",
        total=len(found),
        in_use=len(found) - len(plan.caches),
        size=sum(sizes.values()),
        reclaimable=sum(sizes.get(directory, 0) for directory in plan.caches),
    )
