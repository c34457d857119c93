"""Containers of the store as values, and the verbs that look at them or end them."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from dockmagic.changes import ChangedPath, ChangeKind, LayerChanges
from dockmagic.engine import health, ports
from dockmagic.engine.naming import hostname
from dockmagic.engine.order import ordered
from dockmagic.errors import ConflictError, IsolationError, NotFoundError, StoreError
from dockmagic.record.escape import visible
from dockmagic.results import Container
from dockmagic.table import Table, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dockmagic.engine.session import Session
    from dockmagic.sandbox.runtime import Runtime
    from dockmagic.store.containers import ContainerRow

CREATED, RUNNING, EXITED = "created", "running", "exited"
# Seconds: that the end of a container may take to be written down, and between looks whether it is.
_PATIENCE, _LOOK = 60.0, 0.05


def find(session: Session, name: str | Container) -> ContainerRow:
    """The container of that name, id or id's beginning.

    Raises:
        NotFoundError: there is none.
    """
    wanted = name.id if isinstance(name, Container) else name
    row = session.store.containers.get(wanted)
    if row is None:
        raise NotFoundError(
            f"no such container: {wanted}", hint="see %container ps -a; a container stays with --name or --keep"
        )
    return row


def lowers(session: Session, row: ContainerRow) -> tuple[str, ...]:
    """The snapshots below a container's writable layer, top first."""
    diff_ids = session.store.images.get(row.image_id).diff_ids
    return tuple(session.store.layers.snapshot(d) for d in reversed(diff_ids))


def upper(row: ContainerRow) -> str:
    """The directory of its writable layer."""
    return f"containers/{row.id}/upper"


def hostname_of(row: ContainerRow) -> str:
    """What it calls itself."""
    return row.spec.get("profile", {}).get("hostname") or hostname(row.name)


def work(row: ContainerRow) -> str:
    """The directory that overlayfs works in."""
    return f"containers/{row.id}/work"


def on_layer(session: Session, row: ContainerRow, job: str, arguments: dict[str, Any]) -> Any:
    """Run a job on a container's writable layer as ``upper``, wherever that is.

    Raises:
        StoreError: it is not there, or cannot be read.
        ConflictError: it was in the memory of a process that has ended.
    """
    runtime = _runtime(session)
    held = runtime.elsewhere(row.pid, row.birth, upper(row)) if runtime is not None and row.status == RUNNING else None
    if held is not None:
        from dockmagic.sandbox.server import GIVEN  # noqa: PLC0415 - Linux only

        try:
            return session.call(job, {"upper": GIVEN, **arguments}, [held])
        finally:
            os.close(held)
    try:
        return session.call(job, {"upper": upper(row), **arguments})
    except StoreError:
        if runtime is None or not runtime.in_memory or session.store.containers.get(row.id) is None:
            raise
        raise ConflictError(
            f"what container {row.name} has changed is gone: it was in the memory of the process that ran it",
            hint=f"%container rm {row.name}, and run it again",
        ) from None


def _runtime(session: Session) -> Runtime | None:
    try:
        return session.runtime
    except IsolationError:
        return None


def changes(session: Session, row: ContainerRow) -> tuple[tuple[ChangedPath, ...], int]:
    """What the writable layer changes, in the record's order, and its bytes."""
    found: dict[str, Any] = on_layer(session, row, "changes", {"lowers": list(lowers(session, row)), "ignore": []})
    paths = (ChangedPath(path=p, kind=k, size=s, note=n) for p, k, s, n in found["paths"])
    return ordered(paths), found["size"]


def describe(
    session: Session, row: ContainerRow, *, known: tuple[tuple[ChangedPath, ...], int] | None = None
) -> Container:
    """A stored container as a value; ``known`` spares reading its writable layer again, of which one that is gone tells nothing."""
    found = _told(known) if known is not None else _readable(session, row)
    return _described(session, row, LayerChanges(lambda: found))


def _readable(session: Session, row: ContainerRow) -> tuple[dict[str, ChangeKind], int]:
    """What its writable layer changes, and its bytes; nothing of one that is gone, or that cannot be looked into."""
    try:
        return _told(changes(session, row))
    except ConflictError:
        return {}, 0
    except StoreError:
        if session.store.containers.get(row.id) is not None:
            raise
        return {}, 0


def _told(known: tuple[tuple[ChangedPath, ...], int]) -> tuple[dict[str, ChangeKind], int]:
    paths, size = known
    return {path.path: path.kind for path in paths}, size


def _described(session: Session, row: ContainerRow, changed: LayerChanges) -> Container:
    return Container(
        id=row.id,
        name=row.name,
        status=row.status,
        image_id=row.image_id,
        image=row.image_ref,
        changes=changed,
        exit_code=row.exit_code,
        command=tuple(row.command),
        log_path=session.store.containers.log_path(row.id),
        config=row.spec,
        health=health.of_row(row),
        paused=row.paused is not None,
        detached=row.status == RUNNING and bool(row.spec.get("detached")),
        stopped=row.spec.get("stopped", "") if row.status == EXITED else "",
    )


def ps(
    session: Session,
    *,
    everything: bool = False,
    last: int = 0,
    choose: Callable[[Iterable[Container]], Sequence[Container]] = tuple,
) -> Table[Container]:
    """Containers, newest first: those that run, or all.

    Args:
        session: where they are.
        everything: those that do not run, too.
        last: the newest so many, whether they run or not; 0 for any number.
        choose: takes those that are wanted of all.
    """
    rows = [row for row in session.store.containers.list() if everything or last or row.status == RUNNING]
    found = (_described(session, row, LayerChanges(partial(_readable, session, row))) for row in rows)
    values = tuple(choose(found))[: last or None]
    published = [published_by(value) for value in values]
    lines = [(v.name, v.image, status_of(v), shortened(visible(" ".join(v.command)))) for v in values]
    columns: tuple[str, ...] = ("NAME", "IMAGE", "STATUS", "COMMAND")
    if any(published):
        return Table(
            columns=(*columns, "PORTS"),
            items=values,
            rows=tuple((*line, shown) for line, shown in zip(lines, published, strict=True)),
        )
    return Table(columns=columns, items=values, rows=tuple(lines))


def published_by(value: Container) -> str:
    """The ports of a container that runs, as docker's ``ps`` has them; "" for none."""
    if value.status != RUNNING:
        return ""
    return ", ".join(f"{port.host}->{port.container}/{port.protocol}" for port in ports.of_row(value.config))


def status_of(value: Container) -> str:
    """``running (healthy)``, ``exited (0)``."""
    if value.status == EXITED:
        return f"{value.status} ({value.exit_code})"
    told = []
    if value.paused:
        told = ["paused"]
    elif value.health and value.status == RUNNING:
        told = [value.health.status]
    if value.detached:
        told.append("detached")
    return f"{value.status} ({', '.join(told)})" if told else value.status


def remove(session: Session, names: Sequence[str], *, force: bool = False, volumes: bool = False) -> tuple[str, ...]:
    """Remove containers with their writable layers; returns their names.

    Args:
        session: what it works on.
        names: of them.
        force: end those that run; one that is not there is fine, as with docker.
        volumes: also the volumes that nobody named and no other container has.

    Raises:
        NotFoundError: one is not there and ``force`` is off; nothing was removed.
        ConflictError: one runs and ``force`` is off; nothing was removed.
    """
    found = [session.store.containers.get(name) if force else find(session, name) for name in names]
    rows = list({row.id: row for row in found if row is not None}.values())
    for row in rows:
        if row.status == RUNNING and not force:
            raise ConflictError(f"container {row.name} is running", hint=f"%container rm -f {row.name} ends it")
    for row in rows:
        if row.status == RUNNING:
            kill(row)
            written(session, row)
        discard(session, row, volumes=volumes)
    return tuple(row.name for row in rows)


def discard(session: Session, row: ContainerRow, *, volumes: bool = False) -> None:
    """Delete a container's row, log and tree; the row goes first, so that a kill leaves a tree that sweep names.

    With ``volumes`` those that nobody named go too, where no other container has them.
    """
    session.store.containers.delete(row.id)
    session.call("remove", {"path": f"containers/{row.id}"})
    if volumes:
        session.store.volumes.drop_anonymous(row.spec)


def kill(row: ContainerRow) -> None:
    """SIGKILL the container's first process, if it is still the one that was started: by pid and birth time."""
    from dockmagic.sandbox.identity import open_process  # noqa: PLC0415 - rarely needed

    pidfd = open_process(row.pid, row.birth)
    if pidfd is None:
        return
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        let_die(row)
    except ProcessLookupError:
        return
    finally:
        os.close(pidfd)


def let_die(row: ContainerRow) -> None:
    """Without walls, a paused process that was killed ends only once its tracer goes on; nothing of it runs any more."""
    if row.paused is None:
        return
    from dockmagic.sandbox import traced_holding  # noqa: PLC0415 - rarely needed

    with suppress(OSError):  # it has ended, or nobody traces it
        traced_holding.release(row.pid)


def written(session: Session, row: ContainerRow) -> None:
    """Wait until the process that runs it has written down how it ended; of our own, until what it left is put away."""
    handle = session.background.get(row.id)
    if handle is not None:
        handle.join(_PATIENCE)
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        found = session.store.containers.get(row.id)
        if found is None or found.status != RUNNING:
            return
        time.sleep(_LOOK)


def require_ended(row: ContainerRow) -> None:
    """Refuse to replace a living container.

    Raises:
        ConflictError: it runs, or another process is about to start it.
    """
    if row.status == RUNNING or (row.status == CREATED and row.kernel_lives and row.kernel_pid != os.getpid()):
        raise ConflictError(
            f'the name "{row.name}" belongs to a running container', hint=f"%container rm -f {row.name} ends it"
        )


def require_unpaused(row: ContainerRow) -> None:
    """Refuse to start a process in a paused container.

    Raises:
        ConflictError: it is paused.
    """
    if row.paused is not None:
        raise ConflictError(f"container {row.name} is paused", hint=f"%container unpause {row.name} lets it go on")
