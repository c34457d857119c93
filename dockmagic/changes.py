"""What a layer changes against those below it, as values. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

ChangeKind = Literal["A", "C", "D"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedPath:
    """A path that a run changed, as the record prints it.

    Attributes:
        size: bytes now (A, C) or before (D), None for what has no size.
        note: e.g. ``"mode 644 -> 755"`` for a change of metadata only.
    """

    path: str
    kind: ChangeKind
    size: int | None = None
    note: str = ""


class LayerChanges(Mapping[str, ChangeKind]):
    """What a layer, read-only or writable, adds, changes and deletes; read when somebody first looks, for that takes time by its files.

    Args:
        read: gives the kind of each changed path, and bytes of the layer's regular files.
    """

    def __init__(self, read: Callable[[], tuple[Mapping[str, ChangeKind], int]]) -> None:
        self._read = read
        self._known: tuple[Mapping[str, ChangeKind], int] | None = None

    def _found(self) -> tuple[Mapping[str, ChangeKind], int]:
        if self._known is None:
            self._known = self._read()
        return self._known

    @property
    def size(self) -> int:
        """Bytes of the layer's regular files."""
        return self._found()[1]

    def __getitem__(self, path: str) -> ChangeKind:
        """The kind of one changed path."""
        return self._found()[0][path]

    def __iter__(self) -> Iterator[str]:
        """Over the paths."""
        return iter(self._found()[0])

    def __len__(self) -> int:
        """Count of paths."""
        return len(self._found()[0])

    def __repr__(self) -> str:
        """As a dictionary's."""
        return repr(dict(self))
