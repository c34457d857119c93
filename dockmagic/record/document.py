"""The record as JSON, and the schema that says what stands in it. ``docs/record.md`` explains it to users."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from dockmagic.record.words import CHANGED

if TYPE_CHECKING:
    from dockmagic.record.model import Changes, Line, Record, Totals

SCHEMA_VERSION = 1
# More paths than that are counted, not named.
MOST_PATHS = 200


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of :func:`document`."""
    text = files("dockmagic.record").joinpath("schema-v1.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def document(record: Record) -> dict[str, Any]:
    """What the record says, as plain JSON values; keys that say nothing are left out."""
    told: dict[str, Any] = {
        "schema": SCHEMA_VERSION,
        "kind": record.kind,
        "verdict": record.verdict.words or None,
        "exit_code": record.exit_code,
        "stopped": record.stopped or None,
        "background": record.background or None,
        "detached": record.detached or None,
        "container": {"name": record.container} if record.container else None,
        **(_changes(record.changes) if record.changes is not None else {}),
        **_below(record),
        "warnings": list(record.warnings) or None,
    }
    return {key: value for key, value in told.items() if value is not None}


def _below(record: Record) -> dict[str, Any]:
    """What the changes lie on: an image, one layer, or the rows of a build that made no image."""
    if record.totals is not None or record.names:
        return {"image": _image(record)}
    if record.kind == "layer":
        return {"layer": _layer(record.lines[0])}
    return {"rows": [_row(line) for line in reversed(record.lines)]} if record.lines else {}


def _changes(changes: Changes) -> dict[str, Any]:
    return {
        "changes": [[change.kind, change.path] for change in changes.paths[:MOST_PATHS]],
        "changed": {kind: changes.count(kind) for kind, _ in CHANGED},
    }


def _image(record: Record) -> dict[str, Any]:
    """Layers from the base up, as OCI lists them; between them the instructions that made none."""
    told: dict[str, Any] = {"tags": list(record.names)}
    if record.totals is None:
        return told
    told["totals"] = _totals(record.totals)
    if not record.slabs:
        return told
    layers: list[dict[str, Any]] = []
    settings: list[dict[str, Any]] = []
    for line in reversed(record.lines):
        if line.kind == "layer":
            layers.append(_layer(line))
        else:
            settings.append({"kind": line.kind, "instruction": line.instruction, "above": len(layers)})
    return told | {"layers": layers, "settings": settings}


def _totals(totals: Totals) -> dict[str, Any]:
    return {
        "layers": totals.layers,
        "files": totals.files,
        "size": totals.size,
        "made_by_host": totals.host,
        "made_by_run": totals.run,
    }


def _layer(line: Line) -> dict[str, Any]:
    told: dict[str, Any] = {"instruction": line.instruction, "read_only": True}
    if line.origin == "counted":
        return told | {"files": line.files, "size": line.size}
    return told | {"made_by": line.origin}


def _row(line: Line) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": line.kind, "line": line.number, "instruction": line.instruction}
    return told | ({"layer": _layer(line)} if line.kind == "layer" else {})
