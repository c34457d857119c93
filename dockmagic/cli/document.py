"""A verb's result as JSON (``--json``): the names of the Python objects, and nothing that a program could not use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from dockmagic.errors import DockmagicError
from dockmagic.results import Build, Container, HistoryEntry, Image, Layer, Run

# The record's own parts, paths of this machine, and contents that are written elsewhere.
_LEFT_OUT: Mapping[type, frozenset[str]] = {
    Build: frozenset({"rows"}),
    Container: frozenset({"log_path"}),
    HistoryEntry: frozenset({"layer"}),
    Image: frozenset({"names"}),
    Layer: frozenset({"host_made", "volatile"}),
    Run: frozenset({"paths", "kept", "verb", "files"}),
}
# Properties that users know as attributes.
_ALSO: Mapping[type, tuple[str, ...]] = {
    Image: ("short_id", "size"),
    Container: ("short_id", "size_rw"),
    HistoryEntry: ("size",),
}


def document(value: object) -> Any:
    """JSON-able values: a result as an object, a table as a list."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return str(value)  # a log is more than a string
        case DockmagicError():
            return {"type": type(value).__name__, "message": value.message, "hint": value.hint}
        case Mapping():
            return {str(key): document(item) for key, item in value.items()}
        case Sequence():
            return [document(item) for item in value]
        case _ if is_dataclass(value):
            return {name: document(getattr(value, name)) for name in _names(value)}
        case _:
            return str(value)


def _names(value: Any) -> list[str]:
    left_out = _LEFT_OUT.get(type(value), frozenset())
    return [*(f.name for f in fields(value) if f.name not in left_out), *_ALSO.get(type(value), ())]
