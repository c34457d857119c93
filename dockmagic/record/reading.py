"""From a result to a record: which parts of a result are told, and in which words. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dockmagic.changes import ChangedPath, ChangeKind
from dockmagic.errors import EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_KILLED, BuildError
from dockmagic.record import stack
from dockmagic.record.columns import keep_tail
from dockmagic.record.escape import visible
from dockmagic.record.model import Change, Changes, Kind, Line, Record, Verdict
from dockmagic.record.order import reading_order
from dockmagic.results import Build, Container, Diff, Image, Layer, Run

Result = Run | Build | Container | Image | Diff | Layer
DRAWN_PATHS = 8
_DRAWN_PATHS_ALONE = 40  # where the paths are all that there is to see
_LONGEST_PATH = 300
_LONGEST_NAME = 200
_MOST_WARNINGS = 8
_SHORTEST_ID = 4
_HEX = re.compile(r"[0-9a-f]+")
_ENDED_BY_US = (EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_KILLED)


def read(result: Result, names: Sequence[str] | None = None) -> Record:
    """The record of a result.

    Args:
        result: what a verb returned.
        names: the image's names as the cell gave them; None takes those that the result was asked for by.
    """
    match result:
        case Run():
            return _run(result, names)
        case Build():
            return _failed_build(result) if result.image is None else _build(result, result.image, names)
        case Container():
            return _container(result, names)
        case Image():
            return _image(result, names)
        case Diff():
            return _diff(result)
        case Layer():
            return _layer(result)


def ordered(changes: Mapping[str, ChangeKind], paths: Sequence[ChangedPath] = ()) -> tuple[ChangedPath, ...]:
    """Changed paths in reading order, with sizes where they are known."""
    all_paths = paths or tuple(ChangedPath(path=path, kind=kind) for path, kind in changes.items())
    return tuple(sorted(all_paths, key=lambda change: reading_order(change.path)))


def is_background(run: Run) -> bool:
    """The run goes on: what it changes is not known yet."""
    return run.verb == "run" and run.container is not None and run.container.status == "running"


def tells_layer_changes(layer: Layer) -> bool:
    """What the layer changes is the same on every machine."""
    return stack.origin_of(layer) == "counted"


def _run(run: Run, names: Sequence[str] | None) -> Record:
    container = run.container
    kind: Kind = run.verb
    named = _names(names, run.image, container)
    if is_background(run):
        detached = container is not None and container.detached
        running = Verdict(mark="open", words="running, detached" if detached else "running in the background")
        name = container.name if container else ""
        return Record(
            kind=kind, verdict=running, names=named, container=_name(name), background=True, detached=detached
        )
    lines = _lines(run.image, run.build)
    return Record(
        kind=kind,
        verdict=_ending(run.exit_code, run.stopped),
        names=named,
        container=_name(container.name) if container and (run.kept or kind == "exec") else "",
        exit_code=None if run.stopped else run.exit_code,
        stopped=visible(run.stopped),
        changes=_tray(ordered(run.changes, run.paths), f"This {kind} changed no files."),
        lines=lines,
        totals=stack.totals(lines) if run.image is not None else None,
        slabs=kind == "run",
        warnings=_warnings(run.build),
    )


def _build(build: Build, image: Image, names: Sequence[str] | None) -> Record:
    lines = stack.of_build(image, build.rows)
    words = "built" if _has_command(image) else "built, nothing to run"
    return Record(
        kind="build",
        verdict=Verdict(mark="good", words=words),
        names=_names(names, image, None),
        lines=lines,
        totals=stack.totals(lines),
        warnings=_warnings(build),
    )


def _failed_build(build: Build) -> Record:
    lines = stack.of_failed_build(build.rows)
    failed = next((row.line for row in build.rows if row.failed), 0)
    error = build.error
    if not failed and isinstance(error, BuildError):
        failed = error.line
    return Record(
        kind="build",
        verdict=Verdict(mark="bad", words=f"failed in line {failed}" if failed else "failed"),
        exit_code=None if build.exit_code in _ENDED_BY_US else build.exit_code,
        lines=lines,
        warnings=_warnings(build),
    )


def _container(container: Container, names: Sequence[str] | None) -> Record:
    named = _names(names, None, container)
    if container.status != "exited":
        mark = Verdict(mark="open", words=visible(container.status))
        return Record(kind="container", verdict=mark, names=named, container=_name(container.name))
    code = container.exit_code
    return Record(
        kind="container",
        verdict=Verdict(mark="", words="exited") if code is None else _ending(code, container.stopped),
        names=named,
        container=_name(container.name),
        exit_code=None if container.stopped else code,
        stopped=visible(container.stopped),
        changes=_tray(ordered(container.changes), "This container changed no files."),
    )


def _image(image: Image, names: Sequence[str] | None) -> Record:
    lines = stack.of_image(image)
    return Record(
        kind="image",
        verdict=Verdict(mark="", words=""),
        names=_names(names, image, None),
        lines=lines,
        totals=stack.totals(lines),
    )


def _diff(diff: Diff) -> Record:
    paths = _changes(ordered(diff.changes, diff.paths))
    changes = Changes(paths=paths, writable=False, nothing="No file differs.", drawn=_DRAWN_PATHS_ALONE)
    return Record(kind="diff", verdict=Verdict(mark="", words=""), changes=changes)


def _layer(layer: Layer) -> Record:
    changes = None
    if tells_layer_changes(layer):
        paths = _changes(ordered(layer.changes))
        changes = Changes(paths=paths, writable=False, nothing="It changes no files.", drawn=_DRAWN_PATHS_ALONE)
    return Record(
        kind="layer",
        verdict=Verdict(mark="", words=""),
        changes=changes,
        lines=(stack.of_layer(layer),),
    )


def _lines(image: Image | None, build: Build | None) -> tuple[Line, ...]:
    if image is None:
        return ()
    return stack.of_build(image, build.rows) if build is not None else stack.of_image(image)


def _ending(code: int, stopped: str) -> Verdict:
    if stopped:
        return Verdict(mark="bad", words=f"stopped: {visible(stopped)}")
    return Verdict(mark="bad" if code else "good", words=f"exit {code}")


def _has_command(image: Image) -> bool:
    process = image.config.get("config") or {}
    return bool(process.get("Cmd") or process.get("Entrypoint"))


def _tray(paths: Sequence[ChangedPath], nothing: str) -> Changes:
    return Changes(paths=_changes(paths), writable=True, nothing=nothing, drawn=DRAWN_PATHS)


def _changes(paths: Sequence[ChangedPath]) -> tuple[Change, ...]:
    return tuple(Change(kind=change.kind, path=shown_path(change.path)) for change in paths)


def shown_path(path: str) -> str:
    """A path as told: visible, and of a very long one the end."""
    return keep_tail(visible(path), _LONGEST_PATH, "…")


def _name(name: str) -> str:
    return keep_tail(visible(name), _LONGEST_NAME, "…")


def _names(names: Sequence[str] | None, image: Image | None, container: Container | None) -> tuple[str, ...]:
    """Names that the user gave; an id is none, for it differs between machines."""
    if names is None:
        names = (container.image,) if container is not None else image.names if image is not None else ()
    own = {image.id if image is not None else "", container.image_id if container is not None else ""}
    return tuple(_name(name) for name in names if name and not any(_is_id(name, known) for known in own))


def _is_id(name: str, known: str) -> bool:
    if name.startswith("sha256:"):
        return True
    digits = known.removeprefix("sha256:")
    return len(name) >= _SHORTEST_ID and _HEX.fullmatch(name) is not None and digits.startswith(name)


def _warnings(build: Build | None) -> tuple[str, ...]:
    warnings = build.warnings if build is not None else ()
    told = tuple(_name(warning) for warning in warnings[:_MOST_WARNINGS])
    more = len(warnings) - len(told)
    return (*told, f"and {more} more") if more else told
