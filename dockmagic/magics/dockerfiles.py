"""``to-dockerfile``: the build cells of a notebook as files that ``docker build`` takes.

The notebook format is nbformat's, version 4.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockmagic.errors import NotFoundError, UsageError
from dockmagic.magics import cell, grammar
from dockmagic.table import Table

if TYPE_CHECKING:
    from dockmagic.magics.grammar import Command
    from dockmagic.magics.notebook import Notebook

_MAGIC = re.compile(r"%%container(?=[ \t]|$)(.*)")
_BUILD_VERBS = ("", "build")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_.-]+")
_HOST_MADE = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*localhost/(base|python)\b", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A Dockerfile of a notebook.

    Attributes:
        name: of the file: ``Dockerfile``, or with the image's name behind it.
        text: the whole file.
        command: the docker command that builds it.
    """

    name: str
    text: str
    command: str


def dockerfiles(notebook: Mapping[str, Any]) -> tuple[Written, ...]:
    """The Dockerfiles of a notebook's build cells, in their order; of cells that build one name the last one counts. Pure.

    Args:
        notebook: the parsed JSON.

    Raises:
        UsageError: it is no notebook, or a cell's magic line cannot be read.
    """
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise UsageError("it is no notebook of format 4: it has no list of cells")
    found: dict[str, Written] = {}
    for number, source in enumerate(_sources(cells), 1):
        written = _written(source, number)
        if written is not None:
            found.pop(written.name, None)
            found[written.name] = written
    return tuple(found.values())


def _sources(cells: Sequence[Any]) -> Iterator[str]:
    """The texts of the code cells."""
    for each in cells:
        if isinstance(each, dict) and each.get("cell_type") == "code":
            source = each.get("source", "")
            yield "".join(source) if isinstance(source, list) else str(source)


def _written(source: str, number: int) -> Written | None:
    head, _, body = source.lstrip("\n").partition("\n")
    match = _MAGIC.fullmatch(head.rstrip())
    if match is None:
        return None
    taken = cell.without_options(body)
    try:
        command = grammar.parse(match[1], fill=lambda word: word, cell=True, header=taken.header)
    except UsageError as error:
        raise UsageError(f"code cell {number}: {error.message}", hint=error.hint) from None
    if command.verb.name not in _BUILD_VERBS or command.help:
        return None
    text = cell.split(taken.text).dockerfile.strip("\n") + "\n"
    tags: Sequence[str] = command.options["tag"]
    name = f"Dockerfile.{_NOT_PLAIN.sub('-', tags[0]).strip('-')}" if tags else f"Dockerfile.cell-{number}"
    words = _docker_words(command, name)
    return Written(name=name, text=_with_head(text, words), command=words)


def _docker_words(command: Command, name: str) -> str:
    options = command.options
    words = ["docker", "build", "-f", name]
    words += [word for tag in options["tag"] for word in ("-t", tag)]
    words += [word for argument in options["build_arg"] for word in ("--build-arg", argument)]
    words += [word for key, value in options["label"] for word in ("--label", f"{key}={value}")]
    words += ["--target", options["target"]] if options["target"] else []
    return shlex.join([*words, options["context"] or next(iter(command.operands), ".")])


def _with_head(text: str, words: str) -> str:
    """The command stands below the parser directives, which must come first."""
    lines = text.split("\n")
    top = 0
    while top < len(lines) and re.match(r"#\s*(syntax|escape|check)\s*=", lines[top], re.IGNORECASE):
        top += 1
    head = [f"# {words}"]
    if _HOST_MADE.search(text):
        head.append(
            "# localhost/base and localhost/python are made from a machine by dockmagic: choose another base for docker"
        )
    return "\n".join([*lines[:top], *head, *lines[top:]])


def write(notebook: Notebook, command: Command) -> Table[Written]:
    """``%container to-dockerfile NOTEBOOK [DIRECTORY]``: write the files; returns them.

    Raises:
        NotFoundError: there is no such notebook.
        UsageError: it is none, or holds no build cell, or a file is there already and ``-f`` is not given.
    """
    del notebook
    path, *rest = (Path(word).expanduser() for word in command.operands)
    target = rest[0] if rest else path.parent
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise NotFoundError(f"the notebook cannot be read: {error.strerror}", detail=str(path)) from None
    except ValueError:
        raise UsageError("it is no notebook: not JSON", detail=str(path)) from None
    if not isinstance(content, dict):
        raise UsageError("it is no notebook", detail=str(path))
    found = dockerfiles(content)
    if not found:
        raise UsageError(
            "no cell of the notebook builds an image", hint="build cells begin with %%container or %%container build"
        )
    _write(found, target, force=command.options["force"])
    return Table(
        columns=("FILE", "COMMAND"), items=found, rows=tuple((written.name, written.command) for written in found)
    )


def _write(found: Sequence[Written], target: Path, *, force: bool) -> None:
    there = [written.name for written in found if (target / written.name).exists()]
    if there and not force:
        raise UsageError(f"{there[0]} is there already", hint="-f writes over it")
    try:
        target.mkdir(parents=True, exist_ok=True)
        for written in found:
            (target / written.name).write_text(written.text, "utf-8", "surrogateescape")
    except OSError as error:
        raise UsageError(f"the files cannot be written: {error.strerror}", detail=str(target)) from None
