"""The process that a detached container belongs to: it starts it, stays as long as it lives, and writes down how it ended.

Started by :mod:`dockmagic.engine.detached` with nothing but a channel: no descriptor, no terminal, and of the environment what it needs.
It leaves its session and its parent, and is nobody's from then on. It is what the store calls the container's kernel, so whoever looks
knows by its pid and birth whether it lives. When it is killed its launch server ends, and with that the container; the next start finds
what is left. Asked to end (SIGTERM), it interrupts the container first.

On the channel: the commission; back, what became of the beginning; then a word that this was heard. Whoever asked and is gone before
that gets no container.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, NoReturn

from dockmagic.engine import again, attempt, containers, run
from dockmagic.engine.commission import Commission
from dockmagic.engine.session import Session
from dockmagic.errors import RunError
from dockmagic.results import Isolation, Run
from dockmagic.sandbox import fault, wire

if TYPE_CHECKING:
    from dockmagic.engine.attempt import Attempt
    from dockmagic.sandbox.runtime import Process


class _ForsakenError(Exception):
    """Whoever asked for the container is gone, and knows nothing of it."""


class _Client:
    """Whoever asked, until he knows what became of it."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self.knows = False

    def tell(self, message: dict[str, Any]) -> None:
        """Say it and wait until it was heard.

        Raises:
            _ForsakenError: nobody listens.
        """
        try:
            wire.send(self._channel, message)
            heard = wire.receive(self._channel)
        except OSError:
            heard = None
        if heard is None:
            raise _ForsakenError
        self.knows = True
        self._channel.close()

    def fail(self, error: BaseException) -> None:
        """Say why there is no container."""
        if not self.knows:
            with suppress(OSError):
                wire.send(self._channel, fault.told(error))


def supervise(commission: Commission, client: _Client) -> None:
    """Run a container to its end.

    Raises:
        DockmagicError: it cannot be made or started.
        KeyboardInterrupt: this process was asked to end.
    """
    session = Session(commission.home, shared=commission.shared)
    if commission.weak:
        session.allow_weak()
    try:
        if commission.container:
            _run(again.prepared(session, commission.container), client, new=False)
        else:
            _run(run.prepared(session, commission.image, commission.names, commission.request), client, new=True)
    finally:
        session.close()


def _run(asked: Attempt, client: _Client, *, new: bool) -> None:
    session, row = asked.session, asked.row

    def on_start(process: Process) -> None:
        if process.executed:  # else how it ended is told
            now = session.store.containers.get(row.id) or row
            try:
                client.tell(_told(asked, attempt.isolation(asked, now)))
            except _ForsakenError:
                process.kill()
                process.wait()
                raise

    try:
        done = attempt.perform(replace(asked, request=replace(asked.request, on_start=on_start)), None)
        if not client.knows:
            client.tell(_told(asked, done.isolation, done))
    except _ForsakenError:
        if new:
            containers.discard(session, row, volumes=True)
    finally:
        run.put_away(asked)


def _told(asked: Attempt, isolation: Isolation | None, ended: Run | None = None) -> dict[str, Any]:
    """What the client makes its Run of."""
    error = ended.error if ended is not None else None
    return {
        "container": asked.row.id,
        "kept": asked.kept,
        "exit_code": ended.exit_code if ended is not None else 0,
        "stopped": ended.stopped if ended is not None else "",
        "stderr": ended.stderr if ended is not None else "",
        "error": fault.told(error)["attributes"] if isinstance(error, RunError) else None,
        "isolation": asdict(isolation) if isolation is not None else None,
    }


def main(descriptor: int) -> NoReturn:
    """Serve whoever is at the other end of a channel; returns at once there, and goes on in a process of its own."""
    if os.fork():
        os._exit(os.EX_OK)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    channel = socket.socket(fileno=descriptor)
    heard = wire.receive(channel)
    if heard is None:
        sys.exit(os.EX_OK)
    client = _Client(channel)
    try:
        supervise(Commission.of_json(heard[0]), client)
    except KeyboardInterrupt:
        sys.exit(os.EX_OK)
    except BaseException as error:  # noqa: BLE001 - told to whoever asked
        client.fail(error)
        sys.exit(os.EX_SOFTWARE)
    sys.exit(os.EX_OK)
