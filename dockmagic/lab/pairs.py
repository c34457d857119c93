"""Two records compared: by their files where those are still there, else by what their runs noted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from dockmagic.changes import ChangedPath
from dockmagic.lab.registry import Subject
from dockmagic.listing import Content, Difference, File
from dockmagic.oci.changeset import Entry
from dockmagic.record.reading import Result, ordered, read
from dockmagic.results import Container, Diff, Image, Layer, Run
from dockmagic.widgets.comparison import Comparison, Side
from dockmagic.widgets.summary import Summary

if TYPE_CHECKING:
    from dockmagic.engine.engine import Engine

_NOTE = "The files of {} are gone: sizes are compared, contents are not. --name or --keep keeps a container."


class Compared(Protocol):
    """What is compared: the source of a widget."""

    @property
    def subject(self) -> Subject:
        """The record."""
        ...

    def summary(self) -> Summary:
        """What is drawn of it."""
        ...

    def container(self) -> Container | None:
        """As it stands now, None when it is gone."""
        ...

    def image(self) -> Image | None:
        """As it stands now, None when it is gone."""
        ...

    def read(self, tree_id: str, path: str, limit: int) -> Content:
        """How a file of a tree begins."""
        ...


def noted(result: Result) -> tuple[ChangedPath, ...]:
    """The changed paths that a result holds itself."""
    match result:
        case Run() | Diff():
            return ordered(result.changes, result.paths)
        case Container() | Layer():
            return ordered(result.changes)
        case _:
            return ()


def compare(engine: Engine, first: Compared, second: Compared) -> Comparison:
    """Both side by side.

    Raises:
        DockmagicError: an image of one of them is gone.
    """
    gone = [source for source in (first, second) if _is_gone(source)]
    sides = _side(first), _side(second)
    if sides[0].label == sides[1].label:
        sides = _side(first, " (this)"), _side(second, " (other)")
    if gone:
        names = " and ".join(side.label for side, source in zip(sides, (first, second), strict=True) if source in gone)
        differences = tuple(_by_notes(engine, first, second))
        return Comparison(
            first=sides[0], second=sides[1], differences=differences, contents=False, note=_NOTE.format(names)
        )
    places = _place(first), _place(second)
    return Comparison(first=sides[0], second=sides[1], differences=engine.compare(*places))


def _is_gone(source: Compared) -> bool:
    return isinstance(source.subject.result, (Run, Container)) and source.container() is None


def _place(source: Compared) -> Image | Container | str:
    found = source.container() or source.image()
    return found if found is not None else ""


def _side(source: Compared, suffix: str = "") -> Side:
    subject = source.subject
    told = source.summary()
    result = subject.result
    container = result.container if isinstance(result, Run) else result if isinstance(result, Container) else None
    label = container.name if container is not None else told.title
    tree = "rw" if container is not None else "merged"
    return Side(
        label=f"{label}{suffix}",
        verdict=read(result, subject.names).verdict.words,
        tray=told.tray,
        stack=told.stack,
        read=lambda path, limit: source.read(tree, path, limit),
    )


def _by_notes(engine: Engine, first: Compared, second: Compared) -> Iterator[Difference]:
    mine, its = ({path.path: path for path in noted(source.subject.result)} for source in (first, second))
    here, there = first.image(), second.image()
    below: dict[str, Difference] = {}
    if here is not None and there is not None and here.id != there.id:
        below = {different.path: different for different in engine.compare(here, there)}
    for path in sorted({*mine, *its, *below}):
        one, other = mine.get(path), its.get(path)
        if one is not None and other is not None and one.kind == other.kind == "D":
            continue
        under = below.get(path)
        yield Difference(
            path=path,
            first=_noted(one, under.first if under else None, other, known=path in below),
            second=_noted(other, under.second if under else None, one, known=path in below),
        )


def _noted(own: ChangedPath | None, under: File | None, counterpart: ChangedPath | None, *, known: bool) -> File | None:
    """What stands on one side: what the run noted, else what the image has."""
    if own is not None:
        return None if own.kind == "D" else File(_entry(own), own.kind)
    if known:
        return under
    # The run left the path alone: it stands there as in the image, unless the other run added it.
    if counterpart is None or counterpart.kind == "A":
        return None
    return File(_entry(counterpart), "", "below")


def _entry(path: ChangedPath) -> Entry:
    return Entry(path=path.path.strip("/"), type="dir" if path.size is None else "file", size=path.size or 0)
