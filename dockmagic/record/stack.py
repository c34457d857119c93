"""The stack of an image or of a build, as lines; and which of many lines are drawn. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dockmagic.record.columns import keep_head
from dockmagic.record.escape import instruction_line
from dockmagic.record.model import Drawn, Fold, Group, Line, Origin, Totals

if TYPE_CHECKING:
    from dockmagic.results import HistoryEntry, Image, Layer, Row

# More layers than that are folded: the newest two, the base, and the largest of the rest stay.
MOST_LAYERS = 8
_NEWEST = 2
# More settings than that: neighbours are told as a number.
_MOST_SETTINGS = 6
_LONGEST_INSTRUCTION = 240
_MAKES_LAYERS = ("RUN", "COPY", "ADD", "WORKDIR")
_FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(?P<name>\S+)(?:\s+AS\s+(?P<stage>\S+))?", re.IGNORECASE)


def of_image(image: Image) -> tuple[Line, ...]:
    """Lines of an image, newest first, from its history."""
    entries = [entry for entry in image.entries if entry.layer is not None or not _is_argument(entry.instruction)]
    if sum(entry.layer is not None for entry in entries) != len(image.layers):
        return tuple(of_layer(layer) for layer in reversed(image.layers))
    return tuple(_entry_line(entry) for entry in reversed(entries))


def of_build(image: Image, rows: Sequence[Row]) -> tuple[Line, ...]:
    """Lines of what a build made, newest first: its own instructions on the layers of its base.

    Stages whose layers are not in the image are left out. A base of one layer is one slab named by its FROM.
    """
    chain = _chain(rows)
    own = sum(row.kind == "step" and row.layer is not None for row in chain)
    base = image.layers[: len(image.layers) - own]
    if not chain or own > len(image.layers):
        return of_image(image)
    if len(base) == 1 and chain[0].kind == "from":
        below = [of_layer(base[0], chain[0].instruction, chain[0].line)]
        chain = chain[1:]
    else:
        below = [of_layer(layer) for layer in base]
    return tuple(reversed([*below, *(_done_line(row) for row in chain)]))


def of_failed_build(rows: Sequence[Row]) -> tuple[Line, ...]:
    """Lines of a build that stopped, last instruction first: what is done, what failed, what was not run."""
    return tuple(_row_line(row) for row in reversed(rows))


def _chain(rows: Sequence[Row]) -> list[Row]:
    """The rows that made the image: the last stage, on the stage that it starts from, and so on down to a base."""
    stages: list[list[Row]] = []
    for row in rows:
        if row.kind == "from" or not stages:
            stages.append([])
        stages[-1].append(row)
    chain: list[Row] = []
    wanted = len(stages) - 1
    while wanted >= 0:
        chain[:0] = stages[wanted]
        wanted = _stage_below(stages, wanted)
    return chain


def _stage_below(stages: Sequence[Sequence[Row]], index: int) -> int:
    """Index of the earlier stage that this one starts from, -1 when it starts from an image."""
    found = _FROM.match(stages[index][0].instruction)
    if found is None:
        return -1
    for earlier in range(index - 1, -1, -1):
        named = _FROM.match(stages[earlier][0].instruction)
        if named and named["stage"] and named["stage"].lower() == found["name"].lower():
            return earlier
    return -1


def _is_argument(instruction: str) -> bool:
    return instruction.split(maxsplit=1)[:1] == ["ARG"]


def _text(instruction: str) -> str:
    return keep_head(instruction_line(instruction), _LONGEST_INSTRUCTION, "…")


def _entry_line(entry: HistoryEntry) -> Line:
    if entry.layer is not None:
        return of_layer(entry.layer, entry.instruction)
    text = _text(entry.instruction)
    makes_layers = text.split(maxsplit=1)[:1] and text.split(maxsplit=1)[0].upper() in _MAKES_LAYERS
    return Line(kind="unchanged" if makes_layers else "setting", instruction=text)


def _row_line(row: Row) -> Line:
    text = _text(row.instruction)
    if row.failed:
        return Line(kind="failed", instruction=text, number=row.line)
    if not row.done:
        return Line(kind="not run", instruction=text, number=row.line)
    return _done_line(row)


def _done_line(row: Row) -> Line:
    if row.layer is not None:
        return of_layer(row.layer, row.instruction, row.line)
    return Line(
        kind="unchanged" if row.kind == "step" else row.kind, instruction=_text(row.instruction), number=row.line
    )


def of_layer(layer: Layer, instruction: str = "", number: int = 0) -> Line:
    """The line of a layer, with another instruction than its own where one names it better."""
    origin = origin_of(layer)
    return Line(
        kind="layer",
        instruction=_text(instruction or layer.instruction),
        number=number,
        origin=origin,
        files=layer.files if origin == "counted" else 0,
        size=layer.size if origin == "counted" else 0,
    )


def origin_of(layer: Layer) -> Origin:
    """Whether the layer's numbers are the same on every machine."""
    if layer.host_made:
        return "host"
    return "run" if layer.volatile else "counted"


def totals(lines: Iterable[Line]) -> Totals:
    """The sum over the layers among ``lines``."""
    layers = [line for line in lines if line.kind == "layer"]
    return Totals(
        layers=len(layers),
        files=sum(line.files for line in layers),
        size=sum(line.size for line in layers),
        host=sum(line.origin == "host" for line in layers),
        run=sum(line.origin == "run" for line in layers),
    )


def drawn(lines: Sequence[Line]) -> tuple[Drawn, ...]:
    """The lines as drawn: many layers folded, many settings grouped.

    Folding keeps the two newest layers, the base and the largest of the others whose size is the same everywhere.
    """
    return tuple(_grouped(list(_folded(lines))))


def _folded(lines: Sequence[Line]) -> Iterator[Drawn]:
    layers = [index for index, line in enumerate(lines) if line.kind == "layer"]
    if len(layers) <= MOST_LAYERS:
        yield from lines
        return
    between = layers[_NEWEST:-1]
    largest = max(between, key=lambda index: (lines[index].size, -index))
    kept = {*layers[:_NEWEST], layers[-1]} | ({largest} if lines[largest].size else set())
    hidden: list[Line] = []
    for index, line in enumerate(lines):
        if index in kept or line.kind in ("failed", "not run") or not layers[1] < index < layers[-1]:
            yield from _fold(hidden)
            hidden = []
            yield line
        else:
            hidden.append(line)


def _fold(hidden: Sequence[Line]) -> Iterator[Drawn]:
    if any(line.kind == "layer" for line in hidden):
        yield Fold(totals=totals(hidden))
    else:
        yield from hidden


def _grouped(lines: Sequence[Drawn]) -> Iterator[Drawn]:
    def is_setting(line: Drawn) -> bool:
        return isinstance(line, Line) and line.kind == "setting"

    if sum(map(is_setting, lines)) <= _MOST_SETTINGS:
        yield from lines
        return
    count = 0
    for index, line in enumerate(lines):
        if not is_setting(line):
            yield line
            continue
        count += 1
        if index + 1 == len(lines) or not is_setting(lines[index + 1]):
            yield Group(count=count) if count > 1 else line
            count = 0
