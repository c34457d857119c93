"""What a widget draws at first paint, as plain JSON values. Pure.

The words are the record's; unlike the record this has digests, true sizes of every layer and the tier, for it is never stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from dockmagic.changes import ChangedPath, ChangeKind
from dockmagic.record.escape import visible
from dockmagic.record.model import Line, Record, Verdict
from dockmagic.record.reading import Result, ordered, read, shown_path
from dockmagic.record.words import changes_title
from dockmagic.results import Build, Container, Diff, Image, Layer, Run
from dockmagic.widgets import steps
from dockmagic.widgets.actions import Action

SCHEMA_VERSION = 1
_TRAY_PATHS = 5
_MOST_SHARED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Slab:
    """A row of the stack, newest first.

    Attributes:
        kind: ``layer``, or of an instruction without one what the record says of it (``setting``, ``from``, …).
        layer: number of the layer from the base, from 0; None for no layer.
        origin: ``counted``, ``host`` (made from this machine) or ``run``.
        shared: names of other images that have the layer too.
    """

    kind: str
    instruction: str
    layer: int | None = None
    origin: str = "counted"
    digest: str = ""
    diff_id: str = ""
    files: int = 0
    size: int = 0
    shared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tray:
    """Changed paths: a container's writable layer, or what differs.

    Attributes:
        title: what it is.
        writable: drawn as the open tray.
        counts: of A, C and D.
        size: bytes of the writable layer, None where it is not known.
        paths: the first ``[kind, path, size, note]``, in the record's order.
        nothing: the sentence for when there are none.
        living: its container runs, so it may grow.
    """

    title: str
    writable: bool
    counts: Mapping[str, int]
    size: int | None
    paths: tuple[tuple[ChangeKind, str, int | None, str], ...]
    nothing: str
    living: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A tree that can be looked at: ``rw`` the container's, ``merged`` the image's, ``0``… a layer's."""

    id: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Everything that is drawn before anything is asked for; see ``docs/widget.md``."""

    kind: str
    title: str
    verdict: Mapping[str, str]
    container: Mapping[str, Any] | None = None
    isolation: Mapping[str, Any] | None = None
    totals: Mapping[str, int] | None = None
    tray: Tray | None = None
    stack: tuple[Slab, ...] = ()
    trees: tuple[Choice, ...] = ()
    build: Mapping[str, Any] | None = None
    actions: tuple[Action, ...] = ()
    warnings: tuple[str, ...] = ()
    schema: int = SCHEMA_VERSION

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a result itself does not know.

    Attributes:
        sharing: by DiffID, other images that have the layer.
        container: as it stands now; None when it is gone.
        image: of a container's result, which does not hold it.
        actions: what can be done.
    """

    sharing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    container: Container | None = None
    image: Image | None = None
    actions: tuple[Action, ...] = ()


def summary(result: Result, names: Sequence[str] | None = None, around: Surroundings | None = None) -> Summary:
    """The summary of a result.

    Args:
        result: what a verb returned.
        names: the image's names as the cell gave them.
        around: what the store says of it now.
    """
    around = around or Surroundings()
    record = read(result, names)
    image = image_of(result) or around.image
    stack = tuple(_stack(record, image, around.sharing))
    build = build_of(result)
    return Summary(
        kind=record.kind,
        title=_title(record, names, image),
        verdict=asdict(_verdict(record, around.container)),
        container=_container(record, around.container),
        isolation=_isolation(result),
        totals=_totals(image),
        tray=_tray(record, result, around.container),
        stack=stack,
        trees=tuple(_trees(result, around, stack)),
        build=steps.of_build(build) if build is not None else None,
        actions=around.actions,
        warnings=record.warnings,
    )


def _verdict(record: Record, now: Container | None) -> Verdict:
    """How it ended; of a run in the background, how its container has ended meanwhile."""
    if not record.background:
        return record.verdict
    if now is None:
        return Verdict(mark=record.verdict.mark, words="ran in the background")
    return record.verdict if now.status == "running" else read(now).verdict


def _title(record: Record, names: Sequence[str] | None, image: Image | None) -> str:
    """The image's names; of a build that made none, those that it would have had."""
    known = names or (image.tags if image is not None else ())
    told = record.names or tuple(visible(name) for name in known)
    return ", ".join(told) or record.container or _TITLES.get(record.kind, record.kind)


_TITLES = {"build": "Build", "image": "Image", "diff": "Differences", "layer": "Layer", "run": "Run"}


def image_of(result: Result) -> Image | None:
    """The image that a result holds."""
    match result:
        case Run(image=found) | Build(image=found):
            return found
        case Image():
            return result
        case _:
            return None


def build_of(result: Result) -> Build | None:
    """The build that a result holds."""
    match result:
        case Build():
            return result
        case Run(build=found):
            return found
        case _:
            return None


def tray_of(container: Container) -> Tray:
    """The tray of a container as it stands."""
    living = container.status == "running"
    nothing = "This container changed no files."
    return _made("Container layer", ordered(container.changes), size=container.size_rw, nothing=nothing, living=living)


def _tray(record: Record, result: Result, now: Container | None) -> Tray | None:
    changes = record.changes
    if changes is None:
        return tray_of(now) if now is not None and isinstance(result, (Run, Container)) else None
    paths: tuple[ChangedPath, ...] = ()
    size = None
    match result:
        case Run():
            paths = ordered(result.changes, result.paths)
            whole = result.verb == "run" and result.container is not None
            size = result.container.size_rw if whole and result.container is not None else None
        case Container():
            paths, size = ordered(result.changes), result.size_rw
        case Diff():
            paths = ordered(result.changes, result.paths)
        case Layer():
            paths = ordered(result.changes)
        case _:
            pass
    title = "This exec changed" if record.kind == "exec" else changes_title(changes)
    living = now is not None and now.status == "running"
    return _made(title, paths, size=size, nothing=changes.nothing, living=living, writable=changes.writable)


def _made(
    title: str, paths: Sequence[ChangedPath], *, size: int | None, nothing: str, living: bool, writable: bool = True
) -> Tray:
    return Tray(
        title=title,
        writable=writable,
        counts={kind: sum(path.kind == kind for path in paths) for kind in ("A", "C", "D")},
        size=size,
        paths=tuple((p.kind, shown_path(p.path), p.size, visible(p.note)) for p in paths[:_TRAY_PATHS]),
        nothing=nothing,
        living=living,
    )


def _stack(record: Record, image: Image | None, sharing: Mapping[str, tuple[str, ...]]) -> Iterator[Slab]:
    """The record's lines, with what is known of each layer."""
    lines = record.lines or (_lines_of(image) if image is not None else ())
    number = len(image.layers) if image is not None else 0
    for line in lines:
        if line.kind == "layer" and image is not None and number:
            number -= 1
            yield _slab(line, image.layers[number], number, sharing)
        else:
            yield Slab(kind=line.kind, instruction=line.instruction, files=line.files, size=line.size)


def _lines_of(image: Image) -> tuple[Line, ...]:
    return read(image).lines


def _slab(line: Line, layer: Layer, number: int, sharing: Mapping[str, tuple[str, ...]]) -> Slab:
    return Slab(
        kind="layer",
        instruction=line.instruction,
        layer=number,
        origin=line.origin,
        digest=layer.digest,
        diff_id=layer.diff_id,
        files=layer.files,
        size=layer.size,
        shared=tuple(visible(name) for name in sharing.get(layer.diff_id, ())[:_MOST_SHARED]),
    )


def _trees(result: Result, around: Surroundings, stack: Sequence[Slab]) -> Iterator[Choice]:
    if around.container is not None:
        yield Choice(id="rw", label="Container layer")
    elif isinstance(result, (Run, Container, Diff, Layer)):
        yield Choice(id="rw", label="Changes")
    slabs = [slab for slab in stack if slab.layer is not None]
    if slabs:
        yield Choice(id="merged", label="The whole image")
    for slab in slabs:
        number = slab.layer or 0
        yield Choice(id=str(number), label=f"Layer {number + 1} of {len(slabs)}: {slab.instruction}")


def _container(record: Record, now: Container | None) -> dict[str, Any] | None:
    if now is not None:
        return {"name": visible(now.name), "status": now.status, "id": now.id, "there": True}
    return {"name": record.container, "status": "removed", "id": "", "there": False} if record.container else None


def _isolation(result: Result) -> dict[str, Any] | None:
    if not isinstance(result, Run) or result.isolation is None:
        return None
    told = result.isolation
    return {
        "tier": told.tier,
        "ids": told.ids,
        "network": told.network,
        "notes": [visible(note) for note in told.notes],
    }


def _totals(image: Image | None) -> dict[str, int] | None:
    if image is None:
        return None
    return {"layers": len(image.layers), "files": sum(layer.files for layer in image.layers), "size": image.size}
