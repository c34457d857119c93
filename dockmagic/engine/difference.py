"""What one exec changed: two listings of a writable layer compared. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dockmagic.changes import ChangedPath, ChangeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a path of a writable layer stands: its kind (``"whiteout"`` for a deletion), and a stamp of its state."""

    kind: str
    stamp: tuple[int, ...]
    size: int | None = None


def between(
    before: Mapping[str, Standing], after: Mapping[str, Standing], cumulative: Mapping[str, ChangedPath]
) -> tuple[ChangedPath, ...]:
    """Paths that differ, with what they mean for someone who saw the container before.

    Args:
        before: the writable layer at the start, absolute paths.
        after: the same at the end.
        cumulative: its changes against the image at the end, which tell A from C for paths that were not there before.
    """
    changed = [_changed(path, before.get(path), now, cumulative.get(path)) for path, now in after.items()]
    gone = [
        ChangedPath(path=path, kind="D", size=then.size)
        for path, then in before.items()
        if path not in after and then.kind != "whiteout" and not _below_any(path, before, after)
    ]
    return tuple(sorted((c for c in [*changed, *gone] if c is not None), key=lambda c: c.path))


def _changed(path: str, then: Standing | None, now: Standing, total: ChangedPath | None) -> ChangedPath | None:
    if then == now:
        return None
    if now.kind == "whiteout":
        return None if then is not None and then.kind == "whiteout" else ChangedPath(path=path, kind="D")
    if then is None:
        return total
    kind: ChangeKind = "A" if then.kind == "whiteout" else "C"
    if kind == "C" and now.kind == then.kind == "dir" and _same_directory(then, now):
        return None
    return ChangedPath(path=path, kind=kind, size=now.size)


def _same_directory(then: Standing, now: Standing) -> bool:
    """A directory's times change with its content, which is told of by the content."""
    return then.stamp[:3] == now.stamp[:3]


def _below_any(path: str, before: Mapping[str, Standing], after: Mapping[str, Standing]) -> bool:
    """The parent is gone too, and stands for it."""
    parent = path.rpartition("/")[0]
    return bool(parent) and parent in before and (parent not in after or after[parent].kind == "whiteout")
