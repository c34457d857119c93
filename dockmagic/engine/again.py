"""``start`` and ``restart``: a container that has ended runs its own command again, in its own files, and goes on without this process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from dockmagic.engine import background, containers, detached, health, images, life, limits, networks, run
from dockmagic.engine.attempt import Attempt
from dockmagic.engine.request import Request
from dockmagic.errors import ConflictError, UsageError

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.results import Container
    from dockmagic.store.containers import ContainerRow


def start(session: Session, names: Sequence[str | Container]) -> tuple[str, ...]:
    """Start containers that have ended, each with a supervisor; those that run go on.

    Where writable layers are kept in memory, they run in the background of this process, and end with it.

    Returns:
        Their names.

    Raises:
        NotFoundError: one is not there; nothing was done.
        ConflictError: one is paused, or is just being made, and nothing was done; or its files were in the memory of a process that
            has ended.
        UsageError: one cannot be started again; nothing was done.
        RunError: its program could not be executed.
        IsolationError: a wall could not be built; nothing ran.
    """
    rows = [_startable(session, name) for name in names]
    for row in rows:
        if row.status != containers.RUNNING:
            _begin(session, row)
    return tuple(row.name for row in rows)


def restart(
    session: Session, names: Sequence[str | Container], *, timeout: float | None = None, signal: str = ""
) -> tuple[str, ...]:
    """Stop containers as :func:`dockmagic.engine.life.stop` does, and start them again.

    Returns:
        Their names.

    Raises:
        UsageError: no such signal, or one is removed when it ends; else as :func:`start`.
    """
    rows = [_startable(session, name) for name in names]
    for row in rows:
        if row.status == containers.RUNNING and not row.kept:
            raise UsageError(
                f"container {row.name} cannot be started again: it is removed when it ends",
                hint="run it without --rm, or under a name",
            )
    for row in rows:
        life.stop(session, [row.name], timeout=timeout, signal=signal)
        _begin(session, row)
    return tuple(row.name for row in rows)


def prepared(session: Session, container_id: str, *, detach: bool = True) -> Attempt:
    """A container as it was made, ready to be run again by this process, which is a supervisor if it is to be detached.

    Raises:
        NotFoundError: it was removed meanwhile.
        ConflictError: another process has started it.
        UsageError: nothing here runs its image's programs.
    """
    row = containers.find(session, container_id)
    if row.status == containers.RUNNING:
        raise ConflictError(f"container {row.name} runs already")
    record = session.store.images.get(row.image_id)
    emulated = images.require_runnable(record.config)
    session.store.containers.amend(row.id, {"detached": detach})
    request = Request(**row.spec["again"], limits=limits.stored(row.spec.get("limits", {})), detach=detach)
    return Attempt(
        session=session,
        row=row,
        spec=run.as_created(session, row, request, row.command),
        request=request,
        image=images.describe(session, record),
        verb="run",
        kept=row.kept,
        check=health.stored(row.spec["health"]),
        notes=(*emulated, *networks.notes(row.spec["network"], publishes=bool(row.spec.get("ports")))),
    )


def _startable(session: Session, name: str | Container) -> ContainerRow:
    row = containers.find(session, name)
    containers.require_unpaused(row)
    if row.status == containers.CREATED:
        raise ConflictError(f"container {row.name} is just being made")
    if not row.spec.get("again"):
        raise UsageError(
            f"container {row.name} cannot be started again: what it was given is not kept",
            hint="run it anew; exec goes on in its files",
        )
    return row


def _begin(session: Session, row: ContainerRow) -> None:
    if session.runtime.in_memory:
        # Its files are in the memory of this process's launch server, where no supervisor sees them; of another's that has ended they are gone.
        containers.changes(session, row)
        attempt = prepared(session, row.id, detach=False)
        background.begin(attempt, partial(run.put_away, attempt))
        return
    image = images.describe(session, session.store.images.get(row.image_id))
    done = detached.begin(session, image, (), Request(detach=True), build=None, container=row.id)
    if done.error is not None:
        raise done.error
