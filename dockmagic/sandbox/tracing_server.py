"""The launch server of a host without walls: it forks a tracer for each process, and a child for each job, in no namespace at all.

Standard library only, and no ``typing``.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

from dockmagic.sandbox import identity, init, tracer, wire
from dockmagic.sandbox.ops import Wall
from dockmagic.sandbox.server import Server
from dockmagic.syscalls import privileges

_PATIENCE = 120


class TracingServer(Server):
    """Starts tracers in place of monitors, and ends what one leaves that was killed.

    Such a tracer's PRoot is told to quit by the kernel, and then ends all that it traces; but not while it is stopped, as a paused one is.
    """

    def __init__(self, control: socket.socket, settings) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
        super().__init__(control, settings)
        self._children: set[int] = set()
        privileges.set_child_subreaper()

    def _start(self, message, descriptors: list[int]) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
        contents, channel, *rest = descriptors
        pid = os.fork()
        if pid == 0:
            tracer.start(
                message["spec"],
                self.settings["program"],
                socket.socket(fileno=channel),
                self._life,
                [contents, *rest[:3]],
                joined=message.get("joined", False),
            )
        self._on_end(pid)

    def _on_end(self, pid: int, watched: int = -1) -> None:
        self._children.add(pid)
        super()._on_end(pid, watched)

    def _ended(self, pid: int) -> None:
        """What is a child of ours now and was none before has lost its tracer: a number among these is nobody else's until we wait."""
        self._children.discard(pid)
        for orphan in identity.children(os.getpid()):
            if orphan not in self._children:
                self._on_end(orphan)
                os.kill(orphan, signal.SIGCONT)


def main(control_descriptor: int) -> None:
    """Serve on a socket; returns when it has hung up."""
    control = socket.socket(fileno=control_descriptor)
    try:
        heard = wire.receive(control)
        if heard is None:
            return
        settings, (client,) = heard
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if settings["program"]:  # none where only jobs are done
            _try(settings["program"])
        wire.send(control, {"ready": True})
        TracingServer(control, settings).run(client)
    except BaseException as error:  # noqa: BLE001 - told to the client
        init.tell(control, error)
        sys.exit(1)


def _try(program: str) -> None:
    """PRoot can trace here."""
    words = [program, "-r", "/", sys.executable, "-I", "-S", "-c", ""]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    if done.returncode:
        raise Wall("PRoot", OSError(1, (done.stderr.strip().splitlines() or ["it ended badly"])[0]))
