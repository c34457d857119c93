"""``pause`` and ``unpause``: living containers, in whichever kernel of this user, whose processes are held and go on.

The container's row says that it is paused before its processes are stopped, and until they go on: whoever dies in between leaves one
that ``unpause`` mends.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from dockmagic.engine import containers
from dockmagic.errors import ConflictError

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.results import Container
    from dockmagic.store.containers import ContainerRow


def pause(session: Session, names: Sequence[str | Container]) -> tuple[str, ...]:
    """Hold every process of containers; when this returns, they stand still.

    Returns:
        Their names.

    Raises:
        NotFoundError: one is not there; nothing was done.
        ConflictError: one does not run or is paused; nothing was done. Or its processes multiply faster than they can be stopped; it
            goes on.
    """
    rows = [containers.find(session, name) for name in names]
    spaces = [_living(row) for row in rows]
    for row in rows:
        containers.require_unpaused(row)
    for row, namespace in zip(rows, spaces, strict=True):
        _hold(session, row, namespace)
    return tuple(row.name for row in rows)


def unpause(session: Session, names: Sequence[str | Container]) -> tuple[str, ...]:
    """Let paused containers go on; a process that had been stopped before the pause stays so.

    Returns:
        Their names.

    Raises:
        NotFoundError: one is not there; nothing was done.
        ConflictError: one is not paused; nothing was done.
    """
    rows = [containers.find(session, name) for name in names]
    for row in rows:
        if row.paused is None:
            raise ConflictError(f"container {row.name} is not paused")
    for row in rows:
        resume(session, row)
    return tuple(row.name for row in rows)


def resume(session: Session, row: ContainerRow) -> None:
    """Let a container go on, if it is paused."""
    if row.paused is None:
        return
    namespace = _namespace(row)
    if namespace is not None:
        _let_go(row, namespace, row.paused)
    session.store.containers.unpause(row.id)


def _hold(session: Session, row: ContainerRow, namespace: tuple[int, int]) -> None:
    if not session.store.containers.pause(row.id):
        containers.require_unpaused(containers.find(session, row.id))
        raise ConflictError(f"container {row.name} is not running")
    try:
        before = _stop(row, namespace)
    except BaseException:
        _let_go(row, namespace)
        session.store.containers.unpause(row.id)
        raise
    if before is None:
        _let_go(row, namespace)
        session.store.containers.unpause(row.id)
        raise ConflictError(
            f"container {row.name} cannot be paused: its processes do not stand still",
            hint=f"--pids-limit says how many there may be; %container kill {row.name} ends it",
        )
    session.store.containers.were_stopped(row.id, before)


def _stop(row: ContainerRow, namespace: tuple[int, int]) -> tuple[tuple[int, int], ...] | None:
    """Stop all of a container: pid and birth of those that had been stopped before; None when they do not stand still."""
    from dockmagic.sandbox import holding, traced_holding  # noqa: PLC0415 - Linux only

    if not _is_ours(namespace):
        return holding.hold(namespace)
    try:
        return () if traced_holding.hold(row.pid) else None
    except OSError:
        raise ConflictError(f"container {row.name} is not running") from None


def _let_go(row: ContainerRow, namespace: tuple[int, int], before: tuple[tuple[int, int], ...] = ()) -> None:
    from dockmagic.sandbox import holding, traced_holding  # noqa: PLC0415 - Linux only

    if not _is_ours(namespace):
        holding.release(namespace, before)
        return
    with suppress(OSError):  # it has ended
        traced_holding.release(row.pid)


def _is_ours(namespace: tuple[int, int]) -> bool:
    """There are no walls: the container's processes are known by what traces them."""
    from dockmagic.sandbox.identity import pid_namespace  # noqa: PLC0415 - Linux only

    return namespace == pid_namespace(os.getpid())


def _living(row: ContainerRow) -> tuple[int, int]:
    """The pid namespace of a container that can be paused."""
    found = _namespace(row) if row.status == containers.RUNNING else None
    if found is None:
        raise ConflictError(f"container {row.name} is not running")
    return found


def _namespace(row: ContainerRow) -> tuple[int, int] | None:
    """The pid namespace of a container's first process; None when that has ended."""
    from dockmagic.sandbox import holding  # noqa: PLC0415 - Linux only
    from dockmagic.sandbox.identity import open_process  # noqa: PLC0415 - Linux only

    try:
        found = holding.namespace(row.pid)
    except OSError:
        return None
    # It lives now, so what was found before is not that of another process with its number.
    pidfd = open_process(row.pid, row.birth)
    if pidfd is None:
        return None
    os.close(pidfd)
    return found
