"""Two runs, containers or images side by side. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from dockmagic.listing import Content, Difference, File
from dockmagic.record.reading import shown_path
from dockmagic.widgets.summary import Slab, Tray
from dockmagic.widgets.tree import mode_text

_MOST_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two.

    Attributes:
        label: its name.
        verdict: how it ended, in words, or "".
        tray: its writable layer, None for an image.
        stack: the image below, newest first.
        read: how a file of it begins, by path and limit.
    """

    label: str
    verdict: str
    tray: Tray | None
    stack: tuple[Slab, ...]
    read: Callable[[str, int], Content]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Both sides and the paths that differ, bytewise by path.

    Attributes:
        contents: the files of both are still there, so that their content can be compared.
        note: what is not known, or "".
    """

    first: Side
    second: Side
    differences: tuple[Difference, ...]
    contents: bool = True
    note: str = ""


def told(comparison: Comparison, offset: int = 0) -> dict[str, Any]:
    """As JSON; of the rows a page."""
    first, second = comparison.first, comparison.second
    here, there = (tuple(slab.diff_id for slab in side.stack if slab.diff_id) for side in (first, second))
    shared = set(here) & set(there)
    sizes = {slab.diff_id: slab.size for side in (first, second) for slab in side.stack}
    own = sum(size for diff_id, size in sizes.items() if diff_id not in shared)
    own += sum(side.tray.size or 0 for side in (first, second) if side.tray)
    rows = comparison.differences[offset : offset + _MOST_ROWS]
    return {
        "first": _side(first),
        "second": _side(second),
        "same_image": here == there,
        "shared": sum(sizes[diff_id] for diff_id in shared),
        "own": own,
        "rows": [_row(number + offset, row, comparison) for number, row in enumerate(rows)],
        "offset": offset,
        "total": len(comparison.differences),
        "note": comparison.note,
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "label": side.label,
        "verdict": side.verdict,
        "tray": asdict(side.tray) if side.tray else None,
        "stack": [asdict(slab) for slab in side.stack],
    }


def _row(number: int, row: Difference, comparison: Comparison) -> dict[str, Any]:
    one, other = row.first, row.second
    files = one is not None and other is not None and one.entry.type == other.entry.type == "file"
    alone = next((f for f in (one, other) if f is not None and (one is None or other is None)), None)
    readable = files or (alone is not None and alone.entry.type == "file")
    return {
        "ref": number,
        "path": shown_path(row.path),
        "first": _stands(one, other),
        "second": _stands(other, one),
        "difference": _words(row, comparison),
        "diff": readable and comparison.contents,
    }


def _stands(file: File | None, counterpart: File | None) -> dict[str, Any]:
    if file is None:
        gone = counterpart is not None and counterpart.state != "A"
        return {"state": "D" if gone else "", "size": None, "words": "deleted" if gone else "not there"}
    size = file.entry.size if file.entry.type == "file" else None
    return {"state": file.state, "size": size, "words": "" if file.state else "unchanged"}


def _words(row: Difference, comparison: Comparison) -> str:
    one, other = row.first, row.second
    if one is None or other is None:
        here = comparison.second.label if one is None else comparison.first.label
        there = comparison.first.label if one is None else comparison.second.label
        left = other if one is None else one
        return f"only in {here}" if left is None or left.state == "A" else f"deleted in {there}"
    if one.entry.type != other.entry.type:
        return f"{one.entry.type}, {other.entry.type}"
    parts = []
    if one.entry.mode != other.entry.mode:
        parts.append(f"{mode_text(one.entry)}, {mode_text(other.entry)}")
    if (one.entry.uid, one.entry.gid) != (other.entry.uid, other.entry.gid):
        parts.append(f"owner {one.entry.uid}:{one.entry.gid}, {other.entry.uid}:{other.entry.gid}")
    return "; ".join(parts) or ("content" if comparison.contents else "content, or none")
