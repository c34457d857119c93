"""This process's side of a container's process: how it is started, watched and ended over its monitor's channel."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dockmagic.errors import IsolationError, NotFoundError
from dockmagic.sandbox import replies, volumes, wire
from dockmagic.sandbox.spec import Exit, Port

# Optional packages that a job uses; -S hides where they are. At the path's end, so that they cannot hide a standard module.
_PACKAGES = ("dockmagic", "isal", "zstandard")
# Without it some interpreters cannot begin.
_KEPT = ("LD_LIBRARY_PATH",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A process that has begun.

    Attributes:
        pid: its number outside.
        birth: when it began.
        network: the program that connects its private network, "" for none.
        executed: its program began; else it ends with code 126 or 127.
    """

    pid: int
    birth: int
    network: str = ""
    executed: bool = True


class LaunchedProcess:
    """A process that a monitor watches.

    Attributes:
        pid: its number outside.
        birth: when it began.
        network: the program that connects its private network, "" for none.
        executed: its program began.
        ports: what is published, with the host's true ports.
    """

    def __init__(
        self,
        channel: socket.socket,
        begun: Begun,
        common: tuple[str, ...],
        *,
        ports: tuple[Port, ...] = (),
        finish: Callable[[], object] | None = None,
    ) -> None:
        self.pid = begun.pid
        self.birth = begun.birth
        self.network = begun.network
        self.executed = begun.executed
        self.ports = ports
        self._channel = channel
        self._common = common
        self._exit: Exit | None = None
        self._lock = threading.Lock()
        self._finish = finish

    def fileno(self) -> int:
        return self._channel.fileno()

    def wait(self, timeout: float | None = None) -> Exit | None:
        with self._lock:
            if self._exit is None and _readable(self._channel, timeout):
                self._exit = self._receive_exit()
            return self._exit

    def interrupt(self) -> None:
        self._tell("interrupt")

    def kill(self) -> None:
        self._tell("kill")

    def close(self) -> None:
        self._channel.close()
        if self._finish is not None:
            self._finish()

    def _tell(self, word: str) -> None:
        try:
            wire.send(self._channel, {"do": word})
        except OSError:  # it has ended
            return

    def _receive_exit(self) -> Exit:
        try:
            heard = wire.receive(self._channel)
        except OSError:
            heard = None
        if heard is None or "exit" not in heard[0]:
            return Exit(code=137, signalled=9, killed=True, notes=("the launch server ended",))
        told = heard[0]["exit"]
        notes = tuple(note for note in told.pop("notes") if note not in self._common)
        user = tuple(told.pop("user"))
        return Exit(**told, notes=notes, user=(user[0], user[1]))


def spawn(
    boot: str,
    words: Sequence[str],
    root: Path,
    descriptors: Sequence[int],
    *,
    last: str = "",
    variables: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """Start a fresh interpreter with nothing of ours in it but ``descriptors``.

    Args:
        boot: statements that begin its work; ``sys`` is imported.
        words: its first arguments; paths to import from follow.
        root: its working directory.
        descriptors: kept open, under the same numbers.
        last: one more argument, behind the paths.
        variables: of the environment that it has too.
    """
    paths = [path for path in dict.fromkeys(_where(package) for package in _PACKAGES) if path]
    code = f"import sys; sys.path += sys.argv[{len(words) + 1}:{len(words) + 1 + len(paths)}]; {boot}"
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-X", "utf8", "-c", code, *words, *paths, last],
        pass_fds=descriptors,
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={"LANG": "C.UTF-8", **{name: os.environ[name] for name in (*_KEPT, *variables) if name in os.environ}},
    )


def begun(channel: socket.socket, binds: list[dict[str, Any]]) -> Begun:
    """Wait until a process has begun.

    Raises:
        IsolationError: a wall could not be built.
        UsageError: the request cannot be met.
    """
    while True:
        try:
            heard = wire.receive(channel)
        except OSError:
            heard = None
        if heard is None:
            raise IsolationError("the launch server ended before the container began", operation="launch server")
        message, descriptors = heard
        if "started" in message:
            pid, birth = message["started"]
            return Begun(
                pid=pid,
                birth=birth,
                network=message.get("network", ""),
                executed=message.get("executed", True),
            )
        if "gone" in message:
            raise NotFoundError("the container has ended", hint="start it again")
        if "owner" not in message:
            replies.raise_told(message)
        try:
            trees = volumes.owned_trees(binds, descriptors[0])
        finally:
            os.close(descriptors[0])
        wire.send(channel, {"trees": True}, trees)
        for tree in trees:
            os.close(tree)


def _where(package: str) -> str:
    """The directory that ``package`` is imported from, "" for none."""
    found = find_spec(package)
    return str(Path(found.origin).parent.parent) if found is not None and found.origin else ""


def _readable(channel: socket.socket, timeout: float | None) -> bool:
    poll = select.poll()
    poll.register(channel.fileno(), select.POLLIN)
    return bool(poll.poll(None if timeout is None else max(0.0, timeout) * 1000))
