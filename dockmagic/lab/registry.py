"""Records that front ends may ask a live model of, by the key that stands in their metadata."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dockmagic.record.reading import Result

_MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The cell that runs.

    Attributes:
        id: as the front end names it, "" where it does not say.
        text: what is in it.
    """

    id: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a record is of.

    Attributes:
        names: the image's names as the cell gave them; None where it gave none.
        exact: False when only the container or image of the record is known.
    """

    key: str
    result: Result
    names: tuple[str, ...] | None = None
    cell: Cell = Cell()
    exact: bool = True


class Registry:
    """The newest records of this kernel; older ones are forgotten."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subjects: dict[str, Subject] = {}

    def add(self, result: Result, names: Sequence[str] | None, cell: Cell) -> str:
        """Keep a result; returns the key for its record."""
        key = secrets.token_hex(8)
        subject = Subject(key=key, result=_light(result), names=None if names is None else tuple(names), cell=cell)
        with self._lock:
            self._subjects[key] = subject
            while len(self._subjects) > _MOST:
                del self._subjects[next(iter(self._subjects))]
        return key

    def get(self, key: str) -> Subject | None:
        """The subject of that key, None when it is not known."""
        with self._lock:
            return self._subjects.get(key)

    def all(self) -> tuple[Subject, ...]:
        """Newest first."""
        with self._lock:
            return tuple(reversed(self._subjects.values()))


def _light(result: Any) -> Any:
    """A run without what it printed: the widget does not show it, and it may be large."""
    if hasattr(result, "stdout"):
        return replace(result, stdout="", stderr="", output="")
    return result
