"""The side panel: images, containers, disk and isolation, and what can be done with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dockmagic.errors import DockmagicError, UsageError
from dockmagic.record.escape import visible
from dockmagic.results import Container, Image, Layer
from dockmagic.widgets import actions
from dockmagic.widgets.actions import Action

if TYPE_CHECKING:
    from dockmagic.engine.engine import Engine

_MOST = 200
_TIERS = {
    "T0": "all walls, a range of ids",
    "T1": "the walls that this host allows",
    "T2": "no walls: RUN and run are refused",
    "T3": "no walls, no tracing: RUN and run are refused",
}


class Panel:
    """Answers the panel's requests.

    Args:
        engine: what it looks at and acts on.
        version: of dockmagic.
    """

    def __init__(self, engine: Engine, version: str) -> None:
        self._engine = engine
        self._version = version
        self._isolation: dict[str, Any] | None = None

    def answer(self, method: str, params: Mapping[str, Any]) -> Any:
        """The result of a request.

        Raises:
            DockmagicError: it cannot be done.
        """
        if method == "state":
            return self.state()
        if method == "act":
            return self._act(params.get("action"), params.get("ref"))
        raise UsageError("the panel has no such request")

    def state(self) -> dict[str, Any]:
        """Everything that the panel draws."""
        images, containers = self._engine.images(), self._engine.ps(all=True)
        users = Counter(container.image_id for container in containers)
        holders = Counter(diff_id for image in images for diff_id in {layer.diff_id for layer in image.layers})
        return {
            "images": [_image(image, holders, users[image.id]) for image in images[:_MOST]],
            "containers": [_container(container) for container in containers[:_MOST]],
            "disk": self._disk(),
            "isolation": self._tiers(),
            "version": self._version,
        }

    def _disk(self) -> dict[str, Any]:
        found = self._engine.disk()
        parts = [
            {"part": "images", "label": "image layers, stored once", "size": found.images},
            {"part": "containers", "label": "container layers", "size": found.containers},
            {"part": "cache", "label": "build cache", "size": found.cache},
        ]
        return {"parts": parts, "total": found.images + found.containers + found.cache, "free": found.free}

    def _tiers(self) -> dict[str, Any]:
        """The tier in force; it is asked once, for nothing changes it while the kernel lives."""
        if self._isolation is None:
            self._isolation = isolation(self._engine)
        return self._isolation

    def _act(self, action: object, ref: object) -> dict[str, str]:
        if not isinstance(action, str) or not isinstance(ref, str):
            raise UsageError("an action and a ref are words")
        found = self._engine.inspect(ref)
        offered = {each.action: each for each in _actions(found)}
        if action not in offered:
            raise UsageError("there is no such action")
        return {"done": perform(self._engine, found, action), "code": offered[action].code}


def perform(engine: Engine, subject: Image | Container, action: str) -> str:
    """Do an action; the sentence that tells it.

    Raises:
        DockmagicError: it cannot be done.
    """
    if isinstance(subject, Container):
        name = visible(subject.name)
        if action == "commit":
            engine.commit(subject, actions.commit_name(subject.name))
            return f"committed {name} as {actions.commit_name(subject.name)}"
        if action in {"remove", "stop"}:
            engine.rm(subject.id, force=subject.status == "running")
            return f"removed {name}"
    elif action == "remove":
        name = next(iter(subject.tags), subject.id)
        engine.rmi(name)
        return f"removed {visible(name)}"
    raise UsageError("the kernel does not do that")


def isolation(engine: Engine) -> dict[str, Any]:
    """The tier in force, what is weaker than it could be, and why no higher one is."""
    findings = engine.doctor()
    found = findings[0]
    tier, _, notes = found.detail.partition(":")
    why = f"{visible(found.call)}: {visible(found.fix)}" if found.fix else ""
    return {
        "tier": tier,
        "notes": [visible(note.strip()) for note in notes.split(";")[1:]],
        "why": why,
        "tiers": [{"tier": name, "label": label, "in_force": name == tier} for name, label in _TIERS.items()],
    } | _ids(engine)


def _ids(engine: Engine) -> dict[str, str]:
    try:
        return {"ids": engine.session.runtime.isolation.ids}
    except DockmagicError:
        return {"ids": ""}


def _image(image: Image, holders: Mapping[str, int], users: int) -> dict[str, Any]:
    return {
        "ref": image.id,
        "id": image.id,
        "short_id": image.short_id.removeprefix("sha256:"),
        "tags": [visible(tag) for tag in image.tags],
        "size": image.size,
        "shared": sum(layer.size for layer in image.layers if holders[layer.diff_id] > 1),
        "layers": [{"size": layer.size, "origin": _origin(layer)} for layer in image.layers],
        "containers": users,
        "actions": _told(actions.of_image(image)),
    }


def _container(container: Container) -> dict[str, Any]:
    kinds: Sequence[str] = tuple(container.changes.values())
    return {
        "ref": container.id,
        "id": container.id,
        "short_id": container.short_id,
        "name": visible(container.name),
        "status": container.status,
        "exit_code": container.exit_code,
        "image": visible(container.image),
        "size_rw": container.size_rw,
        "changed": {kind: kinds.count(kind) for kind in ("A", "C", "D")},
        "actions": _told(_actions(container)),
    }


def _actions(subject: Image | Container) -> Iterable[Action]:
    if isinstance(subject, Image):
        return actions.of_image(subject)
    return actions.of_container(subject)


def _told(found: Iterable[Action]) -> list[dict[str, Any]]:
    told = []
    for action in found:
        row = {name: value for name, value in asdict(action).items() if value != "" or name == "why"}
        if row["where"] == "kernel":
            del row["where"]
        told.append(row | {"code": visible_code(action.code)})
    return told


def visible_code(code: str) -> str:
    """A line of code as it is shown and inserted, without the line end."""
    return visible(code.removesuffix("\n"))


def _origin(layer: Layer) -> str:
    return "host" if layer.host_made else "run" if layer.volatile else "counted"
