"""Words that the text and the HTML share. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockmagic.record import stack
from dockmagic.record.scale import counted
from dockmagic.table import decimal_size

if TYPE_CHECKING:
    from dockmagic.changes import ChangeKind
    from dockmagic.record.model import Changes, Drawn, Line, Record, Totals

CHANGED: tuple[tuple[ChangeKind, str], ...] = (("A", "added"), ("C", "changed"), ("D", "deleted"))
NO_SLAB = {
    "from": "base below",
    "setting": "setting, no layer",
    "unchanged": "no change, no layer",
    "failed": "FAILED",
    "not run": "not run",
}
UNNAMED = "(no instruction is known)"


def numbers(line: Line) -> tuple[str, str]:
    """Files and size of a layer; words in their place where they differ between machines or runs."""
    if line.origin == "host":
        return "", "made from this machine"
    if line.origin == "run":
        return "", "size varies"
    return counted(line.files, "file"), decimal_size(line.size)


def amount(totals: Totals, *, files: bool = False) -> str:
    """``3.1 kB + RUN layers + base``."""
    parts = [decimal_size(totals.size)]
    if totals.run:
        parts.append("RUN layer" if totals.run == 1 else "RUN layers")
    if totals.host:
        parts.append("base")
    told = " + ".join(parts)
    return f"{counted(totals.files, 'file')}, {told}" if files else told


def image_line(totals: Totals) -> str:
    """``3 read-only layers, 3.1 kB + base``."""
    return f"{counted(totals.layers, 'read-only layer')}, {amount(totals)}"


def fold_line(totals: Totals) -> str:
    """``116 more read-only layers, 151,204 files, 1.6 GB``."""
    return f"{totals.layers:,} more read-only layer{'' if totals.layers == 1 else 's'}, {amount(totals, files=True)}"


def changes_title(changes: Changes) -> str:
    """What the list of changed paths is a list of."""
    return "Container layer" if changes.writable else "Changes"


def container_label(record: Record) -> str:
    """What stands before the container's name."""
    return "exec in" if record.kind == "exec" else "container"


def no_layers(record: Record) -> str:
    """The line that stands where slabs would."""
    words = "Image with 0 layers (FROM scratch)"
    return f"{words}: nothing below the container layer" if record.changes is not None else words


def slabs(record: Record) -> tuple[Drawn, ...]:
    """What the drawings draw below the tray."""
    if not record.slabs:
        return ()
    lines = record.lines
    if record.totals is not None and not record.totals.layers:
        lines = tuple(line for line in lines if line.kind != "from")  # its words say it
    return stack.drawn(lines)


def subject(record: Record) -> str:
    """What the record is of, where no verdict says it."""
    return {"image": "image", "diff": "diff", "layer": "layer"}.get(record.kind, "")
