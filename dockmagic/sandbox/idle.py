"""The runtime that runs nothing: where a host allows no container, what only works on trees goes on (tier T3, or T2 without the opt-in)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from dockmagic.errors import IsolationError
from dockmagic.sandbox import ids
from dockmagic.sandbox.client import LaunchedProcess
from dockmagic.sandbox.ids import Scheme
from dockmagic.sandbox.launched import LaunchedRuntime
from dockmagic.sandbox.server_process import ServerProcess
from dockmagic.sandbox.spec import NETWORK_PROGRAMS, Spec


class IdleRuntime(LaunchedRuntime):
    """Jobs on the trees of one store, as this user and nothing more: COPY, layers, pull and save need no more than that.

    Args:
        roots: the store's directory of roots.
        refusal: why nothing runs; what every attempt raises.

    Raises:
        IsolationError: not even a process for the jobs can be started.
    """

    def __init__(self, roots: Path, refusal: IsolationError) -> None:
        self._refusal = refusal
        super().__init__(roots, ids.alone())

    def start(self, spec: Spec, *, stdin: int, stdout: int, stderr: int) -> LaunchedProcess:
        del spec, stdin, stdout, stderr
        self._refuse()

    def join(self, pid: int, birth: int, spec: Spec, *, stdin: int, stdout: int, stderr: int) -> LaunchedProcess:
        del pid, birth, spec, stdin, stdout, stderr
        self._refuse()

    def private_network(self, programs: Sequence[str] = NETWORK_PROGRAMS) -> str:
        del programs
        self._refuse()

    def _refuse(self) -> NoReturn:
        """Raises a refusal of its own each time: an error that was raised once has a traceback."""
        raise IsolationError(
            self._refusal.message,
            operation=self._refusal.operation,
            errno=self._refusal.errno,
            hint=self._refusal.hint,
            detail=self._refusal.detail,
        )

    def _try(self) -> tuple[str, ...]:
        with self._lock:
            self._living()
        return ()


class _IdleProcess(ServerProcess):
    """The server, with nothing to enter and nothing to trace with."""

    BOOT = "from dockmagic.sandbox.tracing_server import main; main(int(sys.argv[1]))"

    def greet(self, scheme: Scheme) -> None:
        ourselves = os.pidfd_open(os.getpid())
        try:
            self.expect("ready", {"single": scheme.single, "program": ""}, [ourselves])
        finally:
            os.close(ourselves)


IdleRuntime.SERVER = _IdleProcess
