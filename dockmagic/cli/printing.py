"""What a verb prints in a shell: results to standard output as docker does, notes to standard error."""

from __future__ import annotations

import json
from typing import Any

from dockmagic.cli.document import document
from dockmagic.listing import Volume
from dockmagic.results import Build, Container, Image, Run
from dockmagic.table import Table

# Verbs whose image is told by its id, as docker tells it; ``tag`` prints nothing.
_IDS = frozenset({"build", "commit", "import"})
# Verbs whose items are told by a line each.
_NAMES = frozenset(
    {
        "rm",
        "rmi",
        "load",
        "stop",
        "kill",
        "pause",
        "unpause",
        "start",
        "restart",
        "volume rm",
        "volume prune",
        "kernel rm",
    }
)


def printed(verb: str, value: Any, *, as_json: bool) -> str:
    """The text for standard output, "" for nothing; what runs printed has been printed already."""
    if as_json:
        return _json(document(value))
    match value:
        case None | Run():
            return _detached(value)
        case Build():
            return _line(value.image.id if value.image else "")
        case Image():
            return _image(verb, value)
        case Container():
            return _json([document(value)])
        case Volume() | Table() if verb in {"volume create", "volume inspect"}:
            return _volume(verb, value)
        case tuple() | Table() if verb in _NAMES:
            return "".join(_line(_named(verb, item)) for item in value)
        case _:
            return _line(str(value))


def _detached(run: Run | None) -> str:
    """The id of a container that goes on without this command."""
    container = run.container if run is not None and run.verb == "run" else None
    return _line(container.id) if container is not None and container.detached else ""


def _image(verb: str, image: Image) -> str:
    if verb == "tag":
        return ""
    if verb in _IDS:
        return _line(image.id)
    return _line(_name(image)) if verb == "pull" else _json([document(image)])


def _volume(verb: str, value: Volume | Table[Any]) -> str:
    """The name of a new one; of others everything, as a list."""
    if isinstance(value, Volume):
        return _line(value.name) if verb == "volume create" else _json([document(value)])
    return _json(document(value))


def _named(verb: str, item: Any) -> str:
    if verb != "load":
        return str(item)
    return "\n".join(f"Loaded image: {name}" for name in item.names) or f"Loaded image ID: {item.id}"


def _name(image: Image) -> str:
    return next(iter((*image.names, *image.tags)), image.id)


def _line(text: str) -> str:
    return f"{text}\n" if text and not text.endswith("\n") else text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def notes(value: object) -> list[str]:
    """What was honoured more weakly than asked, and what the linter says: lines for standard error."""
    match value:
        case Build():
            return [*(f"warning: {text}" for text in value.warnings), *(f"note: {text}" for text in value.notes)]
        case Run(isolation=isolation) if isolation is not None:
            return [f"note: {text}" for text in isolation.notes]
        case Image():
            return [f"note: {text}" for text in getattr(value, "notes", ())]
        case _:
            return []
