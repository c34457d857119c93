"""``fsck``: names every damaged thing of the store, and takes away what can be made again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockmagic.listing import Damage
from dockmagic.store.check import Problem
from dockmagic.table import Table

if TYPE_CHECKING:
    from dockmagic.engine.session import Session

WHOLE = "the store is whole"


def fsck(session: Session, *, repair: bool = False) -> Table[Damage]:
    """Read everything in the store and name what is damaged, missing or left over; an empty table means that the store is whole.

    Images of shared stores are read too; what of them is damaged can be made again here, and there only by who keeps that store.

    Args:
        session: what it works on.
        repair: remove what is left over, and what is damaged and can be made again or belongs to the build cache alone. Images
            stay, damaged ones too: build, load or pull them again, or remove them.

    Raises:
        StoreError: the store cannot be read, or with ``repair`` not be written.
    """
    store = session.store
    # whatever the shared stores have is read through links then
    store.shelf.take_all()
    found = [*_troubles(session), *store.problems()]
    left = {str(problem) for problem in (store.repair() if repair and found else found)}
    left |= {str(problem) for problem in _troubles(session)}
    values = tuple(
        Damage(path=p.path, words=p.words, images=p.users, repaired=repair and str(p) not in left) for p in found
    )
    return Table(
        columns=("WHERE", "WHAT", "IMAGES", *(("REPAIRED",) if repair else ())) if values else (WHOLE,),
        items=values,
        rows=tuple(_row(value, repair=repair) for value in values),
    )


def _troubles(session: Session) -> list[Problem]:
    """Shared stores that cannot be used, and why."""
    return [
        Problem(path=str(path), words=error.message, kind="shared")
        for path, error in session.store.shelf.troubles.items()
    ]


def _row(value: Damage, *, repair: bool) -> tuple[str, ...]:
    told = (value.path, value.words, ", ".join(value.images))
    return (*told, "yes" if value.repaired else "no") if repair else told
