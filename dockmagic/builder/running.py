"""The processes of a build that are alive, so that all of them can be ended at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockmagic.sandbox.runtime import Process


class Running:
    """Shared by the threads of one build.

    Attributes:
        stopped: no step may begin any more.
    """

    def __init__(self) -> None:
        self.stopped = False
        self._lock = threading.Lock()
        self._processes: list[Process] = []

    @contextmanager
    def watched(self) -> Iterator[_Watch]:
        """While the block runs, the process that it tells of can be ended by :meth:`stop`."""
        watch = _Watch(self)
        try:
            yield watch
        finally:
            with self._lock:
                self._processes = [process for process in self._processes if process is not watch.process]

    def add(self, process: Process) -> None:
        """A process has begun; one that comes too late is ended at once."""
        with self._lock:
            self._processes.append(process)
            late = self.stopped
        if late:
            process.interrupt()

    def stop(self) -> None:
        """Interrupt all processes, and let no step begin."""
        with self._lock:
            self.stopped = True
            for process in self._processes:
                with suppress(OSError):  # it has ended since
                    process.interrupt()


class _Watch:
    """The one process of a block."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self.process: Process | None = None

    def started(self, process: Process) -> None:
        """It has begun."""
        self.process = process
        self._running.add(process)
