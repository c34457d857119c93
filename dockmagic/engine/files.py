"""Files of images and containers: what stands where, how a file begins, and what differs between two places."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dockmagic.engine import containers, images
from dockmagic.errors import NotFoundError
from dockmagic.layers import metadata
from dockmagic.listing import Content, Difference, Disk, File, State
from dockmagic.oci.changeset import Entry
from dockmagic.results import Container, Image
from dockmagic.store import union

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.store.containers import ContainerRow

Place = str | Image | Container
WRITABLE = ""  # stands where a layer has its DiffID


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A place taken apart.

    Attributes:
        diff_ids: the image's layers, base first.
        row: the container on them, None for an image alone.
    """

    diff_ids: tuple[str, ...]
    row: ContainerRow | None


def files(session: Session, place: Place, *, layer: int | None = None) -> tuple[File, ...]:
    """Everything that stands in an image or container, and what its uppermost layer deleted; in no order.

    Args:
        session: what it works on.
        place: a container, or an image; a name means the container of that name first.
        layer: the stack up to this layer of the image, counted from 0 at the base; None for all of it, a container's writable layer too.

    Raises:
        NotFoundError: no such container, image or layer.
    """
    found = _cut(stack(session, place), layer)
    return tuple(merged(session, found))


def read(session: Session, place: Place, path: str, *, limit: int, layer: int | None = None) -> Content:
    """How a file begins; links are not followed.

    Args:
        session: what it works on.
        place: as for :func:`files`.
        path: absolute, as :attr:`dockmagic.listing.File.path` has it.
        limit: of bytes.
        layer: as for :func:`files`.

    Raises:
        NotFoundError: nothing stands there.
    """
    told = session.call(
        "beginning", {"lowers": _trees(session, _cut(stack(session, place), layer)), "path": path, "limit": limit}
    )
    return Content(kind=told["kind"], size=told["size"], data=base64.b64decode(told["content"]))


def sharing(session: Session, image: str | Image) -> dict[str, tuple[str, ...]]:
    """By DiffID of the image's layers: the names of other images that have the layer too."""
    own = images.find(session, image)
    users: dict[str, list[str]] = {diff_id: [] for diff_id in own.diff_ids}
    for record in session.store.images.list():
        if record.id != own.id:
            name = next(iter(session.store.images.tags(record.id)), record.id[:17])
            for diff_id in set(record.diff_ids) & users.keys():
                users[diff_id].append(name)
    return {diff_id: tuple(sorted(names)) for diff_id, names in users.items()}


def changesets(session: Session, image: str | Image) -> tuple[tuple[str, tuple[Entry, ...]], ...]:
    """What each layer of an image holds, as (DiffID, entries), base first."""
    return tuple((diff_id, session.store.layers.entries(diff_id)) for diff_id in images.find(session, image).diff_ids)


def disk(session: Session) -> Disk:
    """What the store's images, containers and build cache hold, in bytes of regular files."""
    sizes = session.store.layers.sizes()
    used = {diff_id for record in session.store.images.list() for diff_id in record.diff_ids}
    writable = sum(containers.changes(session, row)[1] for row in session.store.containers.list())
    return Disk(
        images=sum(size for diff_id, size in sizes.items() if diff_id in used),
        containers=writable,
        cache=sum(size for diff_id, size in sizes.items() if diff_id not in used),
        free=shutil.disk_usage(session.store.path).free,
    )


def compare(session: Session, first: Place, second: Place) -> tuple[Difference, ...]:
    """Paths that differ between two images or containers: by kind, mode, owner or content, never by time; bytewise by path.

    Raises:
        NotFoundError: one of them is not there.
    """
    one, other = stack(session, first), stack(session, second)
    here, there = (standing(session, s) for s in (one, other))
    suspects = _suspects(session, one, here) | _suspects(session, other, there)
    if one.diff_ids != other.diff_ids:
        suspects |= session.store.layers.difference(one.diff_ids, other.diff_ids).keys()
    told = []
    for path in sorted(suspects, key=lambda p: p.encode("utf-8", "surrogateescape")):
        mine, its = here.get(path), there.get(path)
        if (mine or its) and _differ(session, (one, mine), (other, its), path):
            told.append(Difference(path=path, first=mine, second=its))
    return tuple(told)


def stack(session: Session, place: Place) -> Stack:
    """What makes up a container or image; a name means the container of that name first.

    Raises:
        NotFoundError: there is neither.
    """
    row = None
    if not isinstance(place, Image):
        wanted = place.id if isinstance(place, Container) else place
        row = session.store.containers.get(wanted)
        if row is None and isinstance(place, Container):
            raise NotFoundError(
                f"container {place.name} has been removed", hint="a container stays with --name or --keep"
            )
    if row is not None:
        return Stack(diff_ids=tuple(session.store.images.get(row.image_id).diff_ids), row=row)
    assert not isinstance(place, Container)  # noqa: S101 - refused above
    return Stack(diff_ids=tuple(images.find(session, place).diff_ids), row=None)


def container(session: Session, place: Place) -> ContainerRow:
    """The row of a container.

    Raises:
        NotFoundError: there is no such container, or it is an image.
    """
    found = None if isinstance(place, Image) else stack(session, place).row
    if found is None:
        raise NotFoundError(f"no such container: {place}", hint="an image is compared with another: diff IMAGE IMAGE")
    return found


def _cut(stack: Stack, layer: int | None) -> Stack:
    if layer is None:
        return stack
    if not 0 <= layer < len(stack.diff_ids):
        raise NotFoundError(f"the image has no layer {layer}")
    return Stack(diff_ids=stack.diff_ids[: layer + 1], row=None)


def _trees(session: Session, stack: Stack) -> list[str]:
    """The directories that make it up, top first."""
    lowers = [session.store.layers.snapshot(diff_id) for diff_id in reversed(stack.diff_ids)]
    return [*([containers.upper(stack.row)] if stack.row is not None else []), *lowers]


def merged(session: Session, stack: Stack) -> Iterator[File]:
    """As :func:`files`, of a place taken apart."""
    layers = session.store.layers
    top_id, top = _top(session, stack)
    lower = stack.diff_ids if stack.row is not None else stack.diff_ids[:-1]
    tree = union.union((diff_id, layers.entries(diff_id)) for diff_id in lower)
    states: dict[str, State] = {**union.changes(top, tree)}
    for path, state in states.items():
        if state == "D":
            found = tree.get(path[1:])
            gone = found.entry if found is not None else Entry(path=path[1:], type="dir")
            yield File(gone, "D", found.diff_id if found is not None else "")
    tree.apply(top_id, top)
    for found in tree:
        state = states.get(f"/{found.entry.path}", "")
        yield File(found.entry, "" if state == "D" else state, found.diff_id)


def standing(session: Session, stack: Stack) -> dict[str, File]:
    """What stands at each absolute path of a place; a hard link as the file that it is a name of."""
    found = {f.path: f for f in merged(session, stack) if f.state != "D"}
    plain = union.plain({p: union.Found(f.entry, f.diff_id) for p, f in found.items()}, session.store.layers.entries)
    return {path: replace(file, entry=plain[path].entry) for path, file in found.items()}


def _top(session: Session, stack: Stack) -> tuple[str, Sequence[Entry]]:
    """The uppermost layer: its DiffID, "" for a writable one, and its entries."""
    if stack.row is None:
        return (stack.diff_ids[-1], session.store.layers.entries(stack.diff_ids[-1])) if stack.diff_ids else ("", ())
    arguments = {
        "upper": containers.upper(stack.row),
        "lowers": list(containers.lowers(session, stack.row)),
        "owners": {key: list(value) for key, value in stack.row.owners.items()},
    }
    return WRITABLE, [metadata.entry(row) for row in session.call("entries", arguments)["entries"]]


def _suspects(session: Session, stack: Stack, tree: dict[str, File]) -> set[str]:
    """What a writable layer brought or took: only there can containers of one image differ."""
    if stack.row is None:
        return set()
    paths, _ = containers.changes(session, stack.row)
    own = {path for path, file in tree.items() if file.diff_id == WRITABLE}
    gone = {change.path for change in paths if change.kind == "D"}
    # What was below a deleted directory is gone with it.
    below = session.store.layers.merged(stack.diff_ids)
    hidden = {path for path in below if path not in tree} if gone else set()
    return own | gone | hidden


def _differ(session: Session, first: tuple[Stack, File | None], second: tuple[Stack, File | None], path: str) -> bool:
    (one, mine), (other, its) = first, second
    if mine is None or its is None or union.standing(mine.entry) != union.standing(its.entry):
        return True
    if mine.entry.type != "file" or not mine.entry.size or (mine.diff_id and mine.diff_id == its.diff_id):
        return False
    return _digest(session, one, path) != _digest(session, other, path)


def _digest(session: Session, stack: Stack, path: str) -> str:
    digest: str = session.call("digest", {"lowers": _trees(session, stack), "path": path})["digest"]
    return digest
