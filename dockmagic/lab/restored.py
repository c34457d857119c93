"""A record whose key this kernel does not know: what of it still stands in the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dockmagic.errors import DockmagicError
from dockmagic.lab.registry import Subject

if TYPE_CHECKING:
    from dockmagic.engine.engine import Engine

_LETTERS = frozenset("0123456789abcdef")
_DIGITS = 64


def restored(engine: Engine, params: Mapping[str, Any]) -> Subject | None:
    """The container or image that a record's metadata names by its whole id; None when neither is there any more.

    An id that a stranger wrote into a notebook shows at most what this user's own store has.
    """
    for name in ("container", "image", "key"):
        wanted = params.get(name)
        if not _is_id(wanted):
            continue
        try:
            found = engine.inspect(str(wanted))
        except DockmagicError:
            continue
        if found.id == wanted:
            return Subject(key=found.id, result=found, exact=name == "key")
    return None


def _is_id(value: object) -> bool:
    return (
        isinstance(value, str)
        and len(digits := value.removeprefix("sha256:")) == _DIGITS
        and _LETTERS.issuperset(digits)
    )
