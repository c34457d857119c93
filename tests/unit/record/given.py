"""Short ways to write results down for tests; what varies between machines has a value that is easy to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from dockmagic.changes import ChangeKind, LayerChanges
from dockmagic.results import Container, HistoryEntry, Image, Layer, Row

MEGABYTE = 1_000_000


def digest(text: str) -> str:
    return "sha256:" + (text.encode().hex() * 64)[:64]


def layer(
    instruction: str,
    size: int = 0,
    files: int = 0,
    *,
    host_made: bool = False,
    volatile: bool | None = None,
    changes: Mapping[str, ChangeKind] | None = None,
) -> Layer:
    return Layer(
        diff_id=digest(instruction),
        digest=digest(f"blob {instruction}"),
        size=size,
        files=files,
        instruction=instruction,
        host_made=host_made,
        volatile=instruction.startswith("RUN") if volatile is None else volatile,
        changes=changes or {},
    )


BASE = layer("FROM localhost/base", 19_700_000, 412, host_made=True)


def image(*parts: Layer | str, tags: tuple[str, ...] = (), config: Mapping[str, Any] | None = None) -> Image:
    """Layers and settings (as text), base first."""
    entries = tuple(
        HistoryEntry(created_by=part, instruction=part, layer=None)
        if isinstance(part, str)
        else HistoryEntry(created_by=part.instruction, instruction=part.instruction, layer=part)
        for part in parts
    )
    return Image(
        id=digest("image"),
        tags=tags,
        names=tags,
        layers=tuple(part for part in parts if isinstance(part, Layer)),
        config={"config": config or {}},
        digest=digest("manifest"),
        entries=entries,
    )


def container(name: str, of: str, status: str = "exited", *, size_rw: int = 0, **more: Any) -> Container:
    more["changes"] = changed(more.get("changes", {}), size_rw)
    return Container(id="c0" * 32, name=name, status=status, image_id=digest("image"), image=of, **more)


def changed(changes: Mapping[str, ChangeKind], size: int = 0) -> LayerChanges:
    """Of a writable layer."""
    return LayerChanges(lambda: (changes, size))


def rows(*parts: Layer | str) -> tuple[Row, ...]:
    """Rows of a build as its Dockerfile has them, numbered from 1."""
    return tuple(_row(part, line) for line, part in enumerate(parts, 1))


def _row(part: Layer | str, line: int) -> Row:
    if isinstance(part, Layer):
        return Row(instruction=part.instruction, line=line, kind="step", layer=part)
    kinds: dict[str, Literal["from", "step"]] = {"FROM": "from", "RUN": "step", "WORKDIR": "step"}
    return Row(instruction=part, line=line, kind=kinds.get(part.split()[0], "setting"))


def changes(text: Sequence[str]) -> dict[str, ChangeKind]:
    """``["A /x", "D /y"]``."""
    kinds: dict[str, ChangeKind] = {"A": "A", "C": "C", "D": "D"}
    return {entry[2:]: kinds[entry[0]] for entry in text}
