"""The runtime without walls: PRoot on a private copy of the root, on hosts that allow nothing better, for images that are trusted (tier T2)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dockmagic.errors import IsolationError, UsageError
from dockmagic.sandbox import ids
from dockmagic.sandbox.client import LaunchedProcess
from dockmagic.sandbox.ids import Scheme
from dockmagic.sandbox.launched import LaunchedRuntime
from dockmagic.sandbox.server_process import ServerProcess
from dockmagic.sandbox.spec import NETWORK_PROGRAMS, Isolation, Spec
from dockmagic.sandbox.tracer import NOTES

PROGRAM = "proot"


class TracedRuntime(LaunchedRuntime):
    """Processes and jobs of one store, as this user and nothing more.

    Args:
        roots: the store's directory of roots.
        refusal: why there is nothing better.

    Raises:
        IsolationError: PRoot is not there, or cannot trace.
    """

    def __init__(self, roots: Path, refusal: IsolationError) -> None:
        if shutil.which(PROGRAM) is None:
            raise IsolationError(
                "this machine builds no walls, and PRoot is not installed",
                operation=refusal.operation,
                errno=refusal.errno,
                hint=f"the package {PROGRAM}, or: {refusal.hint}",
                detail=refusal.detail,
            )
        super().__init__(roots, ids.alone())
        self._isolation = Isolation(tier="T2", ids="single", notes=NOTES)

    def start(self, spec: Spec, *, stdin: int, stdout: int, stderr: int) -> LaunchedProcess:
        return self._traced(spec, [stdin, stdout, stderr], joined=False)

    def join(self, pid: int, birth: int, spec: Spec, *, stdin: int, stdout: int, stderr: int) -> LaunchedProcess:
        del pid, birth
        return self._traced(spec, [stdin, stdout, stderr], joined=True)

    def private_network(self, programs: Sequence[str] = NETWORK_PROGRAMS) -> str:
        """Raises that there is none."""
        del programs
        raise IsolationError("there are no network namespaces on this machine", operation="network namespace")

    def _traced(self, spec: Spec, stdio: list[int], *, joined: bool) -> LaunchedProcess:
        if not spec.capabilities:
            raise IsolationError(
                "--untrusted needs walls, and this machine builds none",
                operation="isolation weak",
                hint="run what you do not trust on a machine that %container doctor calls T0 or T1",
            )
        for option, asked, why in (
            ("-p", spec.ports, "the network is the host's"),
            ("--sysctl", spec.sysctls, "every setting is the host's"),
            ("--group-add", spec.groups, "the process has its user's groups"),
        ):
            if asked:
                raise UsageError(f"{option} is not available without walls: {why}")
        # What is asked of a network is told in a note; no program is to be started for one.
        plain = replace(spec, peer=None, ports=(), network="none" if spec.network == "private" else spec.network)
        request: dict[str, Any] = {"do": "start", "joined": joined}
        return self._start(plain, stdio, request, self._isolation.notes)

    def _try(self) -> tuple[str, ...]:
        with self._lock:
            self._living()
        return ()


class _TracingProcess(ServerProcess):
    """The server, with nothing to enter."""

    BOOT = "from dockmagic.sandbox.tracing_server import main; main(int(sys.argv[1]))"

    def greet(self, scheme: Scheme) -> None:
        settings = {"single": scheme.single, "program": shutil.which(PROGRAM)}
        ourselves = os.pidfd_open(os.getpid())
        try:
            self.expect("ready", settings, [ourselves])
        finally:
            os.close(ourselves)


TracedRuntime.SERVER = _TracingProcess
