"""Completion in a ``%%container`` cell and on a ``%container`` line: verbs, options, names, and the Dockerfile below."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dockmagic.dockerfile.completion import Offer
from dockmagic.dockerfile.completion import complete as complete_dockerfile
from dockmagic.errors import DockmagicError
from dockmagic.magics import cell
from dockmagic.magics.verb import Verb
from dockmagic.magics.verbs import CELL_VERBS, LINE_VERBS, name_in

if TYPE_CHECKING:
    from dockmagic.engine.engine import Engine

_LINE = re.compile(r"(?:[\w\s.,]+=\s*)?(%%?)container\s+(.*)")
_MAGIC = re.compile(r"%%container(?:[ \t]+(.*))?")
_OPTIONS = re.compile(r"[ \t]*#[ \t]*dockmagic:[ \t]*(.*)")
_STAGE = re.compile(r"^[ \t]*FROM[ \t].*[ \t]AS[ \t]+(\S+)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_DOCKERFILES = frozenset({"dockerfile", "both"})
_QUOTED = re.compile(r"[^\w.,+@%-]")
_NOTHING = Offer(fragment="", words=())

Names = Callable[[], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What gives names; each is asked only where one may stand.

    Attributes:
        paths: those that a text begins, from a directory.
    """

    images: Names
    containers: Names
    kernels: Names
    variables: Names
    paths: Callable[[str, str], Sequence[str]]


def complete(text: str, line: int, column: int, known: Known) -> Offer:
    """What may stand at the cursor.

    Args:
        text: the whole cell.
        line: of the cursor, from 0.
        column: of the cursor, from 0.
        known: gives names.
    """
    lines = text.split("\n")
    first = next((number for number, content in enumerate(lines) if content.strip()), 0)
    before = lines[line][:column]
    on_magic = _LINE.fullmatch(before)
    if on_magic is not None and (on_magic[1] == "%" or line == first):
        verbs = CELL_VERBS if on_magic[1] == "%%" else LINE_VERBS
        return _words(on_magic[2], verbs, known, "\n".join(lines[first + 1 :]))
    magic = _MAGIC.fullmatch(lines[first].rstrip())
    if magic is None or line <= first:
        return _NOTHING
    words = (magic[1] or "").split()
    verb = _verb(CELL_VERBS, name_in(words)[0])
    body = "\n".join([*lines[first + 1 : line], before])
    return _in_body(verb, body, known, _context(words)) if verb is not None else _NOTHING


def _context(words: Sequence[str]) -> str:
    """The directory of ``--context``, else the notebook's."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--context" and following:
            return following
        if word.startswith("--context="):
            return word.removeprefix("--context=")
    return "."


def _in_body(verb: Verb, body: str, known: Known, context: str) -> Offer:
    above, _, last = body.rpartition("\n")
    options = _OPTIONS.fullmatch(last)
    if options is not None and all(not each.strip() or each.lstrip().startswith("#") for each in above.split("\n")):
        return _of_verb(verb, _split(options[1]), known, body)
    if verb.body not in _DOCKERFILES or cell.split(body).script is not None:
        return _NOTHING
    return complete_dockerfile(body, images=known.images, files=partial(_in_context, known, context))


def _in_context(known: Known, context: str, text: str) -> Sequence[str]:
    """Paths of the context; one that begins with a slash is from its top, too."""
    slash = "/" * text.startswith("/")
    return [f"{slash}{path}" for path in known.paths(text.removeprefix("/"), context)]


def _words(text: str, verbs: Sequence[Verb], known: Known, body: str) -> Offer:
    """On the magic line, behind ``container``."""
    words = _split(text)
    current, done = words[-1], words[:-1]
    name, count = name_in(done)
    if count == len(done) and not current.startswith("-"):
        begun = " ".join([*done, current])
        # of a verb of two words the next one
        following = {v.name.split()[len(done)] for v in verbs if v.name.startswith(begun) and v.name}
        if following:
            return _offer(current, following)
    verb = _verb(verbs, name)
    return _of_verb(verb, words, known, body) if verb is not None else _NOTHING


def _of_verb(verb: Verb, words: Sequence[str], known: Known, body: str) -> Offer:
    """Options and operands of a verb."""
    current = words[-1]
    name, equals, value = current.partition("=")
    if name.startswith("--") and equals:
        return _value(verb, name, value, known, body)
    if current.startswith("-"):
        return _offer(current, (name for option in verb.available for name in option.names))
    before = words[-2] if len(words) > 1 and words[-2].startswith("-") else ""
    option = verb.option(before) if before else None
    if option is not None and option.value:
        return _value(verb, before, current, known, body)
    return _offer(current, _operands(verb, known, current))


def _value(verb: Verb, name: str, text: str, known: Known, body: str) -> Offer:
    option = verb.option(name)
    match (option.names[-1], option.value) if option is not None else ("", ""):
        case "--target", _:
            return _offer(text, _STAGE.findall(body))
        case "--tag", _:
            return _offer(text, known.images())
        case _, "VAR":
            return _offer(text, known.variables())
        case _, "NAMES":
            return _offer(text.rpartition(",")[2].rpartition("=")[2], known.variables())
        case "--volume", _ if text.startswith((".", "/", "~")) and ":" not in text:
            return _offer(text, known.paths(text, "."))
        case _, "PATH":
            return _offer(text, known.paths(text, "."))
        case _:
            return _offer(text, option.offered if option is not None else ())


def _operands(verb: Verb, known: Known, text: str) -> Iterable[str]:
    operand = verb.operands.strip("[].").partition(" ")[0].rstrip("].")
    found: list[str] = []
    if operand in {"PATH", "CONTEXT", "NOTEBOOK"}:
        found += known.paths(text, ".")
    if operand in {"IMAGE", "NAME"}:
        found += known.images()
    if operand in {"CONTAINER", "NAME"}:
        found += known.containers()
    if operand == "KERNEL":
        found += known.kernels()
    return found


def _split(text: str) -> list[str]:
    """Words with the unfinished one last."""
    words = text.split()
    return [*words, ""] if not words or text[-1].isspace() else words


def _verb(verbs: Sequence[Verb], name: str) -> Verb | None:
    return next((verb for verb in verbs if verb.name == name), None)


def _offer(fragment: str, words: Iterable[str]) -> Offer:
    return Offer(fragment=fragment, words=tuple(sorted({word for word in words if word.startswith(fragment)})))


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


def path_names(text: str, directory: str) -> list[str]:
    """Paths that ``text`` begins, as it would go on, directories with a slash; none that a cell would have to quote."""
    head, slash, last = text.rpartition("/")
    try:
        place = Path(directory).expanduser() / Path(f"{head}{slash}").expanduser()
        found = sorted(place.iterdir())
    except OSError:
        return []
    shown = [path for path in found if path.name.startswith(last) and path.name.startswith(".") <= last.startswith(".")]
    return [f"{head}{slash}{path.name}{'/' * path.is_dir()}" for path in shown if not _QUOTED.search(path.name)]


def kernel_names() -> list[str]:
    """Every kernel inside an image; none where Jupyter is not there."""
    from dockmagic.kernels.kernelspec import installed  # noqa: PLC0415 - rarely asked

    try:
        return [kernel.name for kernel in installed()]
    except DockmagicError:
        return []
