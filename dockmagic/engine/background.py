"""Containers that go on while the notebook does (``--bg``): a thread of this process waits for each, and they end with it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import replace
from typing import TYPE_CHECKING

from dockmagic.engine import containers
from dockmagic.engine.attempt import Attempt, isolation, perform
from dockmagic.errors import ConflictError
from dockmagic.results import Run

if TYPE_CHECKING:
    from dockmagic.sandbox.runtime import Process


class Background:
    """A container that runs beside the notebook.

    Attributes:
        id: of the container.
        name: of the container.
    """

    def __init__(self, container_id: str, name: str) -> None:
        self.id = container_id
        self.name = name
        self._began: Future[None] = Future()
        self._ended: Future[Run] = Future()
        self._process: Process | None = None

    def __repr__(self) -> str:
        return f"<container {self.name}: {'running' if self.running else 'ended'}>"

    @property
    def running(self) -> bool:
        """It has not ended yet."""
        return not self._ended.done()

    def wait(self, timeout: float | None = None) -> Run | None:
        """How it ended, with all that it printed; None if it has not within ``timeout`` seconds. May be called again.

        Raises:
            DockmagicError: its end could not be told.
        """
        try:
            return self._ended.result(timeout)
        except NotYet:
            return None

    def kill(self) -> None:
        """End it now."""
        if self._process is not None:
            self._process.kill()

    def join(self, timeout: float) -> None:
        """Wait until its end is written down."""
        self._ended.exception(timeout)


def begin(attempt: Attempt, after: Callable[[], None]) -> Run:
    """Start it; returns once the program has begun.

    Args:
        attempt: what is to run.
        after: called when it has ended and its end is written down, or when it could not start.

    Raises:
        IsolationError: a wall could not be built; nothing ran.
        ConflictError: the session is being closed.
    """
    session, row = attempt.session, attempt.row
    handle = Background(row.id, row.name)
    started = attempt.request.on_start

    def on_start(process: Process) -> None:
        handle._process = process  # noqa: SLF001 - it is ours
        if started is not None:
            started(process)
        handle._began.set_result(None)  # noqa: SLF001 - as above

    def work() -> None:
        try:
            run = perform(replace(attempt, request=replace(attempt.request, on_start=on_start)), None)
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            _finish(handle, error, after)
        else:
            _finish(handle, run, after)

    session.background[row.id] = handle
    threading.Thread(target=work, name=f"dockmagic-{row.name}", daemon=True).start()
    handle._began.result()  # noqa: SLF001 - as above
    return _running(attempt)


def _finish(handle: Background, end: Run | BaseException, after: Callable[[], None]) -> None:
    try:
        after()
    except BaseException as error:  # noqa: BLE001 - told like an error of its own
        end = error
    if isinstance(end, Run):
        handle._ended.set_result(end)  # noqa: SLF001 - it is ours
        return
    handle._ended.set_exception(end)  # noqa: SLF001 - as above
    if not handle._began.done():  # noqa: SLF001 - as above
        handle._began.set_exception(end)  # noqa: SLF001 - as above


def _running(attempt: Attempt) -> Run:
    """What is known of it now."""
    session = attempt.session
    row = session.store.containers.get(attempt.row.id)
    if row is None:
        raise ConflictError("the container was removed while it began")
    return Run(
        exit_code=0,
        stopped="",
        isolation=isolation(attempt, row),
        container=containers.describe(session, row, known=((), 0)),
        image=attempt.image,
        build=attempt.build,
        kept=attempt.kept,
    )
