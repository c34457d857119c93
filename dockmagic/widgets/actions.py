"""What a reader can do with a record, each with the line of code that does the same. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dockmagic.errors import BuildError
from dockmagic.record.escape import visible
from dockmagic.record.reading import Result
from dockmagic.results import Build, Container, Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A button.

    Attributes:
        action: the word for it in requests.
        label: on the button.
        code: the line of code that does the same.
        where: ``kernel``: the kernel does it when asked; ``cell``: the front end puts ``code`` into a new cell; ``notebook``: the front
            end runs the cell again.
        confirm: a question to ask before, "" for none.
        enabled: it can be done now.
        why: when not, why.
    """

    action: str
    label: str
    code: str
    where: str = "kernel"
    confirm: str = ""
    enabled: bool = True
    why: str = ""


def of_result(result: Result, cell: str = "", container: Container | None = None) -> Iterator[Action]:
    """What can be done with a record.

    Args:
        result: what it is of.
        cell: the text of the cell that made it, "" when it is not known.
        container: of the record, as it stands now; None when it is gone.
    """
    if cell:
        yield Action(
            action="run-again", label="Run again", code=visible(cell.strip().partition("\n")[0]), where="notebook"
        )
    if container is not None:
        yield from of_container(container)
    if isinstance(result, Build):
        yield from _of_build(result)


def of_container(container: Container) -> Iterator[Action]:
    """What can be done with a container."""
    name, living = container.name, container.status == "running"
    yield Action(action="exec", label="Open as exec cell", code=f"%%container exec {name}\n", where="cell")
    yield Action(
        action="commit",
        label="Commit",
        code=f"%container commit {name} {commit_name(name)}",
        enabled=not living,
        why="it runs; commit it when it has ended" if living else "",
    )
    yield Action(
        action="remove",
        label="Remove",
        code=f"%container rm {'-f ' if living else ''}{name}",
        confirm=f"{'End and remove' if living else 'Remove'} container {name} and its files?",
    )


def of_image(image: Image) -> Iterator[Action]:
    """What can be done with an image."""
    name = next(iter(image.tags), image.short_id)
    yield Action(action="run", label="Open as run cell", code=f"%%container run {name}\n", where="cell")
    yield Action(action="history", label="History", code=f"%container history {name}", where="cell")
    yield Action(action="remove", label="Remove", code=f"%container rmi {name}", confirm=f"Remove image {name}?")


def commit_name(name: str) -> str:
    """The name for the image of a container: docker's grammar for repositories knows no capital and no double dash."""
    word = "".join(letter if letter.isalnum() else "-" for letter in name.lower()).strip("-")
    return f"{'-'.join(filter(None, word.split('-'))) or 'container'}:committed"


def _of_build(build: Build) -> Iterator[Action]:
    if build.image is not None:
        name = next(iter((*build.image.names, *build.image.tags)), build.image.short_id)
        yield Action(action="run", label="Open as run cell", code=f"%%container run {name}\n", where="cell")
    elif isinstance(build.error, BuildError) and build.error.container:
        code = f"%%container exec {build.error.container}\n"
        yield Action(action="exec", label="Look inside the failed step", code=code, where="cell")
