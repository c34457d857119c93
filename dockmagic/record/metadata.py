"""What can differ between machines and runs: the output's metadata, which our views draw and nbval does not compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dockmagic.changes import ChangedPath
from dockmagic.errors import BuildError
from dockmagic.record.document import MOST_PATHS, SCHEMA_VERSION
from dockmagic.record.escape import instruction_line, log_line, visible
from dockmagic.record.reading import Result, is_background, ordered
from dockmagic.results import Build, Container, Diff, Image, Isolation, Layer, Run, Step

_LOG_TAIL = 20
_LONGEST_LOG_LINE = 500


def metadata(result: Result, key: str = "") -> dict[str, Any]:
    """The varying things of a result as plain JSON values; keys that say nothing are left out.

    Args:
        result: what a verb returned.
        key: by which our views ask for the live model of this record; "" takes the container's or image's id.
    """
    told: dict[str, Any]
    match result:
        case Run():
            told = _run(result)
        case Build():
            told = _build(result) | {"image": _image(result.image) if result.image else None}
        case Container():
            told = {"container": _container(result)}
        case Image():
            told = {"image": _image(result), "notes": [visible(note) for note in result.notes]}
        case Diff():
            told = _paths(ordered(result.changes, result.paths))
        case Layer():
            told = {"layer": _layer(result)}
    return {"schema": SCHEMA_VERSION, "key": key or _default_key(result)} | {k: v for k, v in told.items() if v}


def _default_key(result: Result) -> str:
    match result:
        case Run(container=Container(id=found)) | Container(id=found) | Image(id=found) | Layer(diff_id=found):
            return found
        case Build(image=Image(id=found)):
            return found
        case _:
            return ""


def _run(run: Run) -> dict[str, Any]:
    told: dict[str, Any] = {
        "ms": _milliseconds(run.seconds),
        "isolation": _isolation(run.isolation) if run.isolation else None,
        "container": _container(run.container) if run.container else None,
        "image": _image(run.image) if run.image else None,
        "build": _build(run.build) if run.build else None,
    }
    if run.stopped:
        told["exit_code"] = run.exit_code
    return told if is_background(run) else told | _paths(ordered(run.changes, run.paths))


def _paths(paths: Sequence[ChangedPath]) -> dict[str, Any]:
    """Size and note of each path, in the order of the JSON's ``changes``."""
    known = [[change.size, visible(change.note)] for change in paths[:MOST_PATHS]]
    return {"paths": known if any(size is not None or note for size, note in known) else None}


def _build(build: Build) -> dict[str, Any]:
    return {
        "ms": _milliseconds(build.seconds),
        "exit_code": build.exit_code,
        "steps": [_step(step) for step in build.steps],
        "notes": [visible(note) for note in build.notes],
        "log_tail": _log_tail(build) if build.image is None else [],
    }


def _log_tail(build: Build) -> list[str]:
    log = build.error.log if isinstance(build.error, BuildError) and build.error.log else build.log
    return [log_line(line)[:_LONGEST_LOG_LINE] for line in log.rstrip("\n").split("\n")[-_LOG_TAIL:] if log]


def _step(step: Step) -> dict[str, Any]:
    return {
        "line": step.line,
        "instruction": instruction_line(step.instruction),
        "cached": step.cached,
        "reason": visible(step.reason),
        "ms": _milliseconds(step.seconds),
    } | ({"network": visible(step.network)} if step.network else {})


def _image(image: Image) -> dict[str, Any]:
    """Layers from the base up: the order of ``image.layers`` in the JSON."""
    told: dict[str, Any] = {
        "id": image.id,
        "digest": image.digest,
        "tags": [visible(tag) for tag in image.tags],
        "size": image.size,
        "layers": [_layer(layer) for layer in image.layers],
    }
    created = image.config.get("created")
    return told | ({"created": visible(created)} if isinstance(created, str) else {})


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "diff_id": layer.diff_id,
        "digest": layer.digest,
        "size": layer.size,
        "files": layer.files,
    }


def _container(container: Container) -> dict[str, Any]:
    return {
        "id": container.id,
        "name": visible(container.name),
        "status": visible(container.status),
        "image_id": container.image_id,
        "size_rw": container.size_rw,
    } | ({"detached": True} if container.detached else {})


def _isolation(isolation: Isolation) -> dict[str, Any]:
    limits = {visible(kind): visible(by) for kind, by in isolation.limits.items()}
    return {
        "tier": isolation.tier,
        "ids": isolation.ids,
        "network": isolation.network,
        "notes": [visible(note) for note in isolation.notes],
        **({"network_by": isolation.network_by} if isolation.network_by else {}),
        **({"limits": limits} if limits else {}),
    }


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
