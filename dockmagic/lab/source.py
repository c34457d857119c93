"""What a widget looks at, taken from the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dockmagic.errors import DockmagicError, NotFoundError, UsageError
from dockmagic.lab import pairs
from dockmagic.lab.panel import perform
from dockmagic.lab.registry import Registry, Subject
from dockmagic.listing import Content, File
from dockmagic.record.escape import visible
from dockmagic.results import Build, Container, Image, Run
from dockmagic.widgets import actions, steps
from dockmagic.widgets import summary as summaries
from dockmagic.widgets.tree import Tree, of_changes

if TYPE_CHECKING:
    from dockmagic.engine.engine import Engine
    from dockmagic.widgets.comparison import Comparison
    from dockmagic.widgets.waste import Changeset

_GONE = "the container has been removed, and its files with it"
_KEEP = "a container stays with --name or --keep"
_MOST_CANDIDATES = 50


class EngineSource:
    """Satisfies :class:`dockmagic.widgets.explorer.Source`.

    Args:
        engine: what is asked.
        subject: the record.
        registry: other records of this kernel, to compare with.
    """

    def __init__(self, engine: Engine, subject: Subject, registry: Registry) -> None:
        self._engine = engine
        self._subject = subject
        self._registry = registry

    @property
    def subject(self) -> Subject:
        """The record that it is of."""
        return self._subject

    def summary(self) -> summaries.Summary:
        subject = self._subject
        container, image = self.container(), self.image()
        found = tuple(actions.of_result(subject.result, subject.cell.text, container))
        if isinstance(subject.result, Image) and image is not None:
            found = (*found, *actions.of_image(image))
        around = summaries.Surroundings(sharing=self._sharing(image), container=container, image=image, actions=found)
        return summaries.summary(subject.result, subject.names, around)

    def container(self) -> Container | None:
        """The record's container as it stands now; None when there is none any more."""
        result = self._subject.result
        known = result.container if isinstance(result, Run) else result if isinstance(result, Container) else None
        if known is None:
            return None
        try:
            found = self._engine.inspect(known.id)
        except DockmagicError:
            return None
        return found if isinstance(found, Container) else None

    def tree(self, tree_id: str) -> Tree:
        if tree_id == "rw":
            return self._writable()
        image = self._known_image()
        if tree_id == "merged":
            files = self._engine.files(image)
            return Tree(File(file.entry, "", file.diff_id) for file in files if file.state != "D")
        return Tree(self._engine.files(image, layer=_layer(tree_id)))

    def read(self, tree_id: str, path: str, limit: int) -> Content:
        if tree_id == "rw":
            container = self.container()
            if container is None:
                raise NotFoundError(_GONE, hint=_KEEP)
            return self._engine.read(container, path, limit=limit)
        layer = None if tree_id == "merged" else _layer(tree_id)
        return self._engine.read(self._known_image(), path, limit=limit, layer=layer)

    def below(self, tree_id: str, path: str, limit: int) -> Content | None:
        layer = None if tree_id in {"rw", "merged"} else _layer(tree_id) - 1
        if tree_id == "merged" or layer == -1:
            return None
        try:
            return self._engine.read(self._known_image(), path, limit=limit, layer=layer)
        except NotFoundError:
            return None

    def layers(self) -> tuple[Sequence[Changeset], Sequence[File]]:
        image = self._known_image()
        return self._engine.changesets(image), self._engine.files(image)

    def log(self, step: int) -> dict[str, Any]:
        build = summaries.build_of(self._subject.result)
        if build is None:
            raise NotFoundError("this record has no build")
        return steps.page(steps.step_logs(build).get(step, []))

    def tray(self) -> summaries.Tray | None:
        container = self.container()
        return summaries.tray_of(container) if container is not None else None

    def candidates(self) -> Sequence[dict[str, str]]:
        return list(self._candidates())[:_MOST_CANDIDATES]

    def compare(self, ref: str) -> Comparison:
        kind, _, name = ref.partition(":")
        other: Subject | None = None
        if kind == "record":
            other = self._registry.get(name)
        elif kind in {"container", "image"}:
            found = self._engine.inspect(name)
            other = Subject(key="", result=found, names=None)
        if other is None:
            raise NotFoundError("there is nothing of that name to compare with")
        return pairs.compare(self._engine, self, EngineSource(self._engine, other, self._registry))

    def act(self, action: str) -> str:
        container = self.container()
        target = container if container is not None else self.image()
        if target is None:
            raise NotFoundError(_GONE, hint=_KEEP)
        return perform(self._engine, target, action)

    def _candidates(self) -> Iterator[dict[str, str]]:
        for subject in self._registry.all():
            result = subject.result
            if subject.key != self._subject.key and isinstance(result, Run) and result.container is not None:
                line = subject.cell.text.strip().partition("\n")[0]
                name = f"{result.container.name}, {line}" if line else result.container.name
                yield {"ref": f"record:{subject.key}", "label": visible(name), "group": "runs of this notebook"}
        for container in self._engine.ps(all=True):
            label = f"{container.name} ({container.image})"
            yield {"ref": f"container:{container.id}", "label": visible(label), "group": "containers"}
        own = self.image()
        for image in self._engine.images():
            if own is None or image.id != own.id or not isinstance(self._subject.result, (Image, Build)):
                label = ", ".join(image.tags) or image.short_id
                yield {"ref": f"image:{image.id}", "label": visible(label), "group": "images"}

    def _writable(self) -> Tree:
        result, container = self._subject.result, self.container()
        if container is not None:
            notes = {path.path: path.note for path in result.paths if path.note} if isinstance(result, Run) else {}
            return Tree(self._engine.files(container), notes=notes)
        return of_changes(pairs.noted(result))

    def image(self) -> Image | None:
        """The record's image as it stands in the store now; None when it is gone."""
        result = self._subject.result
        known = summaries.image_of(result)
        wanted = known.id if known is not None else result.image_id if isinstance(result, Container) else ""
        if not wanted:
            return None
        try:
            found = self._engine.inspect(wanted)
        except DockmagicError:
            return None
        return found if isinstance(found, Image) else None

    def _known_image(self) -> Image:
        found = self.image()
        if found is None:
            raise NotFoundError("the image has been removed", hint="run the cell again")
        return found

    def _sharing(self, image: Image | None) -> dict[str, tuple[str, ...]]:
        return self._engine.sharing(image) if image is not None else {}


def _layer(tree_id: str) -> int:
    if not (tree_id.isascii() and tree_id.isdigit()):
        raise UsageError("there is no such tree")
    return int(tree_id)
