"""Completion of the magic line: verbs, options, and names of images and containers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dockmagic.errors import DockmagicError
from dockmagic.magics.verb import Verb
from dockmagic.magics.verbs import CELL_VERBS, LINE_VERBS, name_in

if TYPE_CHECKING:
    from dockmagic.engine.engine import Engine

PATTERN = r"(?:[\w\s.,]+=\s*)?%%?container\b"
_LINE = re.compile(r"(?:[\w\s.,]+=\s*)?(%%?)container\s+(.*)", re.DOTALL)

Names = Callable[[], Sequence[str]]


def complete(before: str, *, images: Names, containers: Names) -> list[str]:
    """What may stand at the end of ``before``, the line up to the cursor, its unfinished word included."""
    match = _LINE.fullmatch(before)
    if match is None:
        return []
    verbs = CELL_VERBS if match[1] == "%%" else LINE_VERBS
    words = match[2].split()
    if match[2][-1:].isspace() or not words:
        words.append("")
    current, done = words[-1], words[:-1]
    name, count = name_in(done)
    if count == len(done) and not current.startswith("-"):
        begun = " ".join([*done, current])
        # of a verb of two words the next one
        if following := {v.name.split()[len(done)] for v in verbs if v.name.startswith(begun) and v.name}:
            return sorted(following)
    verb = next((verb for verb in verbs if verb.name == name), None)
    if verb is None:
        return []
    if current.startswith("-"):
        return sorted(n for o in verb.available for n in o.names if n.startswith(current))
    previous = verb.option(done[-1]) if done[-1].startswith("-") else None
    if previous is not None and previous.value:
        return []
    return sorted(n for n in _names(verb, images, containers) if n.startswith(current))


def _names(verb: Verb, images: Names, containers: Names) -> list[str]:
    operand = verb.operands.strip("[].").partition(" ")[0].rstrip(".")
    found: list[str] = []
    if operand in {"IMAGE", "NAME"}:
        found += images()
    if operand in {"CONTAINER", "NAME"}:
        found += containers()
    if operand == "KERNEL":
        found += kernel_names()
    return found


def image_names(engine: Engine) -> list[str]:
    """Every name of an image; none where the store cannot be read."""
    try:
        return [tag for image in engine.images() for tag in image.tags]
    except DockmagicError:
        return []


def container_names(engine: Engine) -> list[str]:
    """Every container's name; none where the store cannot be read."""
    try:
        return [container.name for container in engine.ps(all=True)]
    except DockmagicError:
        return []


def kernel_names() -> list[str]:
    """Every kernel inside an image; none where Jupyter is not there."""
    from dockmagic.kernels.kernelspec import installed  # noqa: PLC0415 - rarely asked

    try:
        return [kernel.name for kernel in installed()]
    except DockmagicError:
        return []
