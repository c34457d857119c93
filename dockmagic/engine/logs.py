"""``logs``: what a container printed, all of it or as it comes, and when."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dockmagic.engine import containers
from dockmagic.engine.moments import Moment, nanoseconds
from dockmagic.errors import NotFoundError
from dockmagic.results import Container
from dockmagic.store.log import LogReader, Selection, last_lines

if TYPE_CHECKING:
    from dockmagic.engine.session import Session

# Seconds between looks at a log that grows.
_LOOK = 0.05


def selection(
    since: Moment | None = None, until: Moment | None = None, tail: int | None = None, *, timestamps: bool = False
) -> Selection:
    """What is asked for, as of now.

    Raises:
        UsageError: one is no point of time.
    """
    now = time.time_ns()
    return Selection(
        since=None if since is None else nanoseconds(since, now),
        until=None if until is None else nanoseconds(until, now),
        tail=tail,
        timestamps=timestamps,
    )


def logs(session: Session, name: str | Container, wanted: Selection) -> str:
    """What a container's processes printed so far.

    Raises:
        NotFoundError: no such container.
    """
    row = containers.find(session, name)
    try:
        with LogReader(session.store.containers.log_path(row.id), wanted) as log:
            lines = log.read(last=True)
    except FileNotFoundError:
        if row.status == containers.CREATED:
            return ""
        raise NotFoundError(f"the log of container {row.name} is gone") from None
    return b"".join(last_lines(lines, wanted.tail)).decode("utf-8", "replace")


def follow(session: Session, name: str | Container, listener: Callable[[bytes], None], wanted: Selection) -> None:
    """Give what a container printed, and what it prints until it ends, or until a line is later than wanted.

    Args:
        session: what it works on.
        name: of the container.
        listener: gets each piece.
        wanted: ``tail`` is of the lines that are there already.

    Raises:
        NotFoundError: there is none.
    """
    row = containers.find(session, name)
    if row.status != containers.RUNNING:
        listener(logs(session, row.id, wanted).encode("utf-8", "replace"))
        return
    first = True
    with LogReader(session.store.containers.log_path(row.id), wanted) as log:
        while True:
            # Whether it lives is asked before the log is read, so that nothing is missed.
            found = session.store.containers.get(row.id)
            ended = found is None or found.status != containers.RUNNING
            lines = log.read(last=ended)
            if told := b"".join(last_lines(lines, wanted.tail) if first else lines):
                listener(told)
            first = False
            if ended or log.is_past or (wanted.until is not None and time.time_ns() > wanted.until):
                return
            time.sleep(_LOOK)
