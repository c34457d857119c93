"""How the verbs that list and inspect print: docker's ``-q``, ``--no-trunc``, ``--format``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from dockmagic.errors import UsageError
from dockmagic.magics import docker_form
from dockmagic.record.escape import visible
from dockmagic.results import Container, Image
from dockmagic.table import Lines, Table, decimal_size
from dockmagic.template import TemplateError, render

if TYPE_CHECKING:
    from dockmagic.listing import Volume
    from dockmagic.magics.grammar import Command
    from dockmagic.magics.notebook import Notebook
    from dockmagic.results import HistoryEntry

_Each = TypeVar("_Each")
_JSON = "{{json .}}"
_KEPT = re.compile(r"[^\n\t]+")
_HEADINGS = {"ID": "ID", "CreatedAt": "CREATED AT", "CreatedBy": "CREATED BY", "LocalVolumes": "LOCAL VOLUMES"}


def images(notebook: Notebook, command: Command) -> Table[Image] | Table[str] | Lines:
    """``images [NAME]``."""
    options = command.options
    filters = [*options["filter"], *(("reference", name) for name in command.operands)]
    found = notebook.engine.images(filters=filters)
    whole = options["no_trunc"]
    if options["quiet"]:
        return Lines(tuple(image.id if whole else image.id.removeprefix("sha256:")[:12] for image in found))
    lines = (line for image in found for line in docker_form.image_lines(image, whole=whole))
    if options["format"]:
        return _formed(options["format"], lines)
    shown = _untruncated(found, "ID") if whole else found
    return _widened(shown, "DIGEST", lambda image: image.digest) if options["digests"] else shown


def ps(notebook: Notebook, command: Command) -> Table[Container] | Table[str] | Lines:
    """``ps``."""
    options = command.options
    last = 1 if options["latest"] else options["last"]
    found = notebook.engine.ps(all=options["all"], filters=options["filter"], last=last)
    whole = options["no_trunc"]
    if options["quiet"]:
        return Lines(tuple(container.id if whole else container.short_id for container in found))
    lines = (docker_form.container_line(container, whole=whole) for container in found)
    if options["format"]:
        return _formed(options["format"], lines)
    shown = _untruncated(found, "COMMAND") if whole else found
    return _widened(shown, "SIZE", lambda container: decimal_size(container.size_rw)) if options["size"] else shown


def history(notebook: Notebook, command: Command) -> Table[HistoryEntry] | Table[str] | Lines:
    """``history IMAGE``."""
    options = command.options
    found = notebook.engine.history(*command.operands)
    whole = options["no_trunc"]
    lines = (docker_form.history_line(entry, whole=whole) for entry in found)
    if options["format"]:
        return _formed(options["format"], lines)
    return _untruncated(found, "CREATED BY") if whole else found


def volumes(notebook: Notebook, command: Command) -> Table[Volume] | Table[str] | Lines:
    """``volume ls``."""
    options = command.options
    found = notebook.engine.volume.list(options["filter"])
    if options["quiet"]:
        return Lines(tuple(volume.name for volume in found))
    if options["format"]:
        return _formed(options["format"], map(docker_form.volume_line, found))
    return found


def inspect(notebook: Notebook, command: Command) -> Image | Container | Lines:
    """``inspect NAME``."""
    engine, name, template = notebook.engine, command.operands[0], command.options["format"]
    found = engine.inspect(name, kind=command.options["type"])
    return found if not template else Lines((_rendered(template, docker_form.inspected(found)),))


def inspect_volumes(notebook: Notebook, command: Command) -> Volume | Table[Volume] | Lines:
    """``volume inspect VOLUME…``."""
    names, template = command.operands, command.options["format"]
    if template:
        found = notebook.engine.volume.inspect(names)
        return Lines(tuple(_rendered(template, docker_form.inspected(volume)) for volume in found))
    return notebook.engine.volume.inspect(names[0] if len(names) == 1 else names)


def _untruncated(table: Table[_Each], column: str) -> Table[_Each]:
    """The table with one column whole."""
    index = table.columns.index(column)
    rows = tuple((*row[:index], _WHOLE[column](item), *row[index + 1 :]) for row, item in _paired(table))
    return Table(columns=table.columns, items=table.items, rows=rows, title=table.title)


def _widened(table: Table[_Each], column: str, text: Callable[[_Each], str]) -> Table[_Each]:
    """The table with one column more."""
    rows = tuple((*row, text(item)) for row, item in _paired(table))
    return Table(columns=(*table.columns, column), items=table.items, rows=rows, title=table.title)


def _paired(table: Table[_Each]) -> Iterable[tuple[tuple[str, ...], _Each]]:
    return zip(table.rows, table.items, strict=True)


_WHOLE: Mapping[str, Callable[[Any], str]] = {
    "ID": lambda image: str(image.id),
    "COMMAND": lambda container: visible(" ".join(container.command)),
    "CREATED BY": lambda entry: str(entry.instruction),
}


def _formed(template: str, lines: Iterable[Mapping[str, Any]]) -> Lines | Table[str]:
    """What ``--format`` gives."""
    if not template.startswith("table "):
        return Lines(tuple(_rendered(template, line) for line in lines))
    cells = template.removeprefix("table ").strip()
    texts = tuple(_rendered(cells, line) for line in lines)
    heads = _rendered(cells, _Headings()).split("\t")
    rows = (text.split("\t", len(heads) - 1) for text in texts)
    return Table(columns=tuple(heads), items=texts, rows=tuple((*row, *[""] * (len(heads) - len(row))) for row in rows))


class _Headings(dict[str, Any]):
    """A heading for every field; of a label its name."""

    def __contains__(self, _: object) -> bool:
        return True

    def __missing__(self, name: str) -> Any:
        return str if name == "Label" else _HEADINGS.get(name, name.upper())


def _rendered(template: str, fields: Mapping[str, Any]) -> str:
    """A template's text; of what an image or a cell says nothing can take hold of a terminal."""
    text = _JSON if template == "json" else template.replace("\\t", "\t").replace("\\n", "\n")
    try:
        found = render(text, fields)
    except TemplateError as error:
        raise UsageError(f"--format: {error}", hint="--format json shows every field") from None
    return _KEPT.sub(lambda run: visible(run[0]), found)
