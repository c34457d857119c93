"""``stop``, ``kill``, ``wait``, ``rename``: containers that live, in whichever kernel of this user.

A container's first process is found by its pid and birth and signalled through a pidfd; who is gone is never mistaken for another.
"""

from __future__ import annotations

import os
import select
import signal as signals
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dockmagic.engine import containers, images, naming, pausing
from dockmagic.engine.signals import number
from dockmagic.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.results import Container
    from dockmagic.store.containers import ContainerRow

# Seconds: between looks at what another process writes; until its end must have been written down; docker's patience.
_LOOK = 0.05
_WRITTEN = 10.0
PATIENCE = 10.0
# Of a container whose end somebody waits for.
_AWAITED = "wait"


def stop(
    session: Session, names: Sequence[str | Container], *, timeout: float | None = None, signal: str = ""
) -> tuple[str, ...]:
    """Ask containers to end, and end them after ``timeout`` seconds; one that has ended stays as it is.

    The signal is ``signal``, else the container's own, else the image's STOPSIGNAL, else TERM; the time is the container's own or 10 s where
    none is given. A first process that does not catch it, for which the kernel
    drops it, is killed at once. A paused container goes on once the signal is on its way.

    Returns:
        Their names.

    Raises:
        NotFoundError: one is not there; nothing was done.
        UsageError: no such signal.
    """
    rows = [containers.find(session, name) for name in names]
    numbers = [number(signal or _stop_signal(session, row)) for row in rows]
    for row, wanted in zip(rows, numbers, strict=True):
        with _process(row) as pidfd:
            if pidfd is None:
                continue
            from dockmagic.sandbox.identity import catches  # noqa: PLC0415 - Linux only

            if wanted != signals.SIGKILL and catches(row.pid, wanted):
                _send(pidfd, wanted)
                pausing.resume(session, row)
                _ends(pidfd, _patience(row) if timeout is None else timeout)
            _send(pidfd, signals.SIGKILL)
            containers.let_die(row)
            _ends(pidfd, _WRITTEN)
        containers.written(session, row)
    return tuple(row.name for row in rows)


def kill(session: Session, names: Sequence[str | Container], *, signal: str = "KILL") -> tuple[str, ...]:
    """Send a signal to the first process of containers; in a paused one any but KILL waits until it goes on.

    Raises:
        NotFoundError: one is not there; nothing was done.
        ConflictError: one does not run, or is paused and the signal is CONT; nothing was done.
        UsageError: no such signal.
    """
    wanted = number(signal)
    rows = [containers.find(session, name) for name in names]
    for row in rows:
        if row.status != containers.RUNNING:
            raise ConflictError(f"container {row.name} is not running")
        if wanted == signals.SIGCONT:
            containers.require_unpaused(row)
    for row in rows:
        with _process(row) as pidfd:
            if pidfd is None:
                continue
            _send(pidfd, wanted)
            if wanted == signals.SIGKILL:
                containers.let_die(row)
                _ends(pidfd, _WRITTEN)
        if wanted == signals.SIGKILL:
            containers.written(session, row)
    return tuple(row.name for row in rows)


def wait(session: Session, name: str | Container, *, timeout: float | None = None) -> int:
    """Stay until a container has ended; its exit code.

    Raises:
        NotFoundError: there is none, or it was removed meanwhile.
        ConflictError: it has not ended within ``timeout`` seconds, or never began.
    """
    row = containers.find(session, name)
    if row.status == containers.RUNNING:
        with session.store.leases.hold(_AWAITED, row.id):
            row = _ended(session, row, timeout)
    if row.exit_code is None:
        raise ConflictError(f"container {row.name} has not run")
    return row.exit_code


def _ended(session: Session, row: ContainerRow, timeout: float | None) -> ContainerRow:
    end = None if timeout is None else time.monotonic() + timeout
    while row.status == containers.RUNNING:
        if end is not None and time.monotonic() >= end:
            raise ConflictError(f"container {row.name} still runs")
        time.sleep(_LOOK)
        row = containers.find(session, row.id)
    return row


def heard(session: Session, row: ContainerRow) -> None:
    """Let those who wait for a container's end read it, before it is removed."""
    end = time.monotonic() + _WRITTEN
    while session.store.leases.is_held(row.id) and time.monotonic() < end:
        time.sleep(_LOOK)


def rename(session: Session, container: str | Container, name: str) -> str:
    """Give a container another name.

    Raises:
        NotFoundError: there is none.
        ConflictError: the name is taken.
        UsageError: it is no name.
    """
    wanted = naming.checked(name)
    session.store.containers.rename(containers.find(session, container).id, wanted)
    return name


def _patience(row: ContainerRow) -> float:
    own = row.spec.get("profile", {}).get("stop_timeout")
    return PATIENCE if own is None else float(own)


def _stop_signal(session: Session, row: ContainerRow) -> str:
    own = row.spec.get("profile", {}).get("stop_signal")
    if own:
        return str(own)
    try:
        config = session.store.images.get(row.image_id).config
    except NotFoundError:
        return "TERM"
    return images.stop_signal(config) or "TERM"


@contextmanager
def _process(row: ContainerRow) -> Iterator[int | None]:
    """A pidfd of a container's first process; None when it has ended."""
    from dockmagic.sandbox.identity import open_process  # noqa: PLC0415 - Linux only

    pidfd = open_process(row.pid, row.birth) if row.status == containers.RUNNING else None
    try:
        yield pidfd
    finally:
        if pidfd is not None:
            os.close(pidfd)


def _send(pidfd: int, wanted: int) -> None:
    try:
        signals.pidfd_send_signal(pidfd, wanted)
    except ProcessLookupError:
        return


def _ends(pidfd: int, timeout: float) -> bool:
    return bool(select.select([pidfd], [], [], timeout)[0])
