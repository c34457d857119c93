"""``share``: everybody on this machine may read the store, e.g. a course's images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dockmagic.engine import images
from dockmagic.engine.session import SHARED_VARIABLE

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.results import Image
    from dockmagic.table import Table


def share(session: Session) -> Table[Image]:
    """Let every user of this machine read this store, with what is built or pulled into it later too.

    Returns:
        The images that who sets ``DOCKMAGIC_SHARED`` to its directory has then: those with a name.

    Raises:
        ConflictError: the store holds containers.
        StoreError: it cannot be written.
    """
    session.store.share()
    table = images.images(session)
    pairs = [(value, row) for value, row in zip(table, table.rows, strict=True) if value.tags]
    return replace(
        table,
        items=tuple(value for value, _ in pairs),
        rows=tuple(row for _, row in pairs),
        title=f"who sets {SHARED_VARIABLE}={session.store.path} has these images",
    )
