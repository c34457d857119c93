"""A runtime that notes what it is asked to run and answers by a script: an engine without containers."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockmagic.errors import EXIT_INTERRUPTED, EXIT_KILLED, DockmagicError, IsolationError
from dockmagic.layers.inprocess import InProcessOwner
from dockmagic.sandbox.spec import Exit, Ids, Isolation, Port, Spec
from dockmagic.testing.stores import own_scheme

if TYPE_CHECKING:
    from dockmagic.sandbox.runtime import Process, Runtime

# Linux gives no process a number from here on, so nobody can end a stranger in a double's place.
_NO_PID = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """What one process is said to do.

    Attributes:
        exit: how it ends.
        stdout: what it prints there.
        stderr: what it prints there, after that.
        files: what it writes into the container's writable layer, by path.
        stays: it does not end by itself, only by an interrupt (code 130) or a kill (137).
        refused: raised in place of a start, e.g. an IsolationError.
    """

    exit: Exit = field(default_factory=lambda: Exit(code=0))
    stdout: bytes = b""
    stderr: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    stays: bool = False
    refused: DockmagicError | None = None


class RecordingRuntime:
    """Satisfies :class:`dockmagic.sandbox.runtime.Runtime`; jobs on trees run for real, in this process.

    Pass it to the engine: ``Engine(home, runtime=RecordingRuntime(home))``.

    Args:
        home: the store's directory.
        script: what the processes do, one after the other; those after its end print nothing and end well.
        scheme: the id scheme of trees on disk; "" for the one that this process can serve.

    Attributes:
        specs: what was started or joined, in order.
        joined: (pid, birth) of the containers that were joined.
    """

    def __init__(self, home: Path, script: Sequence[Scripted] = (), *, scheme: str = "") -> None:
        self.scheme = scheme or own_scheme()
        self.specs: list[Spec] = []
        self.joined: list[tuple[int, int]] = []
        self._root = home / "roots" / self.scheme
        self._owner = InProcessOwner(self._root, self.scheme)
        self._script: Iterator[Scripted] = iter(script)
        self._living: list[_Process] = []

    @property
    def isolation(self) -> Isolation:
        """Of tier T0, with a note that nothing runs."""
        ids: Ids = "single" if self.scheme.startswith("single") else "range"
        return Isolation(tier="T0", ids=ids, notes=("a recording runtime: nothing runs",))

    def start(self, spec: Spec, *, stdin: int, stdout: int, stderr: int) -> Process:
        """Note the spec and do what the script says next."""
        del stdin
        self.specs.append(spec)
        says = next(self._script, Scripted())
        if says.refused is not None:
            raise says.refused
        for name, content in says.files.items():
            path = self._root / spec.upper / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        process = _Process(says, stdout=stdout, stderr=stderr, number=len(self.specs), ports=spec.ports)
        self._living.append(process)
        return process

    def join(self, pid: int, birth: int, spec: Spec, *, stdin: int, stdout: int, stderr: int) -> Process:
        """The same in a living container."""
        self.joined.append((pid, birth))
        return self.start(spec, stdin=stdin, stdout=stdout, stderr=stderr)

    @property
    def in_memory(self) -> bool:
        """They are on disk."""
        return False

    def elsewhere(self, pid: int, birth: int, path: str) -> int | None:
        """Every path leads there itself."""
        del pid, birth, path
        return None

    def private_network(self, programs: Sequence[str] = ()) -> str:
        """There is none: builds that ask for no network in particular say so."""
        del programs
        raise IsolationError("a recording runtime has no private network", operation="private network")

    def call(self, job: str, arguments: dict[str, Any], fds: Sequence[int] = ()) -> Any:
        """Run a job here; see :class:`dockmagic.layers.owner.Owner`."""
        return self._owner.call(job, arguments, fds)

    def close(self) -> None:
        """End every process that stays."""
        for process in self._living:
            process.kill()


class _Process:
    """A thread that prints what the script says; it ends at once, or when it is told to."""

    def __init__(self, says: Scripted, *, stdout: int, stderr: int, number: int, ports: tuple[Port, ...]) -> None:
        self.pid = _NO_PID + number
        self.birth = number
        self.network = ""
        self.executed = not says.exit.not_started
        self.ports = ports
        self._says = says
        self._exit = says.exit
        self._told = threading.Event()
        if not says.stays:
            self._told.set()
        self._ended, mark = os.pipe()
        # The caller closes its own ends once this process has begun.
        streams = (os.dup(stdout), os.dup(stderr))
        self._thread = threading.Thread(target=self._print, args=(streams, mark), daemon=True)
        self._thread.start()

    def _print(self, streams: tuple[int, int], mark: int) -> None:
        for descriptor, data in zip(streams, (self._says.stdout, self._says.stderr), strict=True):
            with open(descriptor, "wb", buffering=0) as stream:  # noqa: PTH123 - a descriptor is no path
                _write(stream.fileno(), data)
        self._told.wait()
        os.close(mark)

    def fileno(self) -> int:
        return self._ended

    def wait(self, timeout: float | None = None) -> Exit | None:
        self._thread.join(timeout)
        return None if self._thread.is_alive() else self._exit

    def interrupt(self) -> None:
        self._end(Exit(code=EXIT_INTERRUPTED, signalled=2))

    def kill(self) -> None:
        self._end(Exit(code=EXIT_KILLED, signalled=9, killed=True))

    def _end(self, end: Exit) -> None:
        if not self._told.is_set():
            self._exit = end
            self._told.set()

    def close(self) -> None:
        self.kill()
        self._thread.join()
        if self._ended >= 0:
            os.close(self._ended)
            self._ended = -1


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except BrokenPipeError:
        pass  # nobody listens any more


if TYPE_CHECKING:
    _satisfies: type[Runtime] = RecordingRuntime
