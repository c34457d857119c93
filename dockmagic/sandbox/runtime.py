"""Containers as the rest of dockmagic sees them: a runtime that starts processes, and the processes.

``open_runtime`` gives the one runtime that there is: ``sandbox.launched``, whose launch server builds the walls.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from dockmagic.errors import IsolationError
from dockmagic.sandbox import ids
from dockmagic.sandbox.launched import LaunchedRuntime
from dockmagic.sandbox.spec import NETWORK_PROGRAMS, Exit, Isolation, Port, Spec


class Process(Protocol):
    """A process in a container; like subprocess.Popen, as seen by the engine's pump.

    Attributes:
        pid: its number outside.
        birth: when it began (``identity.birth``); with ``pid`` it is unique.
        network: the program that connects its private network, "" for none.
        executed: its program began; one that is not there, or cannot be executed, ends with code 127 or 126.
        ports: what is published of it, with the host's true ports.
    """

    pid: int
    birth: int
    network: str
    executed: bool
    ports: tuple[Port, ...]

    def fileno(self) -> int:
        """A descriptor that is readable once the process has ended; for select, not for reading."""
        ...

    def wait(self, timeout: float | None = None) -> Exit | None:
        """How it ended; None if it has not within ``timeout`` seconds. May be called again."""
        ...

    def interrupt(self) -> None:
        """Ctrl-C: SIGINT for every process of the container; those that do not heed it are killed, at latest after 2 s."""
        ...

    def kill(self) -> None:
        """End the container now."""
        ...

    def close(self) -> None:
        """Release it; one that still runs is killed."""
        ...


class Runtime(Protocol):
    """Starts containers and runs jobs for one store; an ``Owner`` too. Every method may be called from any thread.

    Attributes:
        scheme: the name of the id scheme.
        isolation: how strong its walls are.
        in_memory: writable layers are in the launch server's memory, and end with it.
    """

    scheme: str

    @property
    def in_memory(self) -> bool: ...

    @property
    def isolation(self) -> Isolation: ...

    def start(self, spec: Spec, *, stdin: int, stdout: int, stderr: int) -> Process:
        """Build a container and start its first process; returns when the program has begun.

        A program that is not there or cannot be executed is no error: ``wait()`` gives 127 or 126.

        Raises:
            IsolationError: a wall could not be built; nothing of the container ran.
            UsageError: no such user or working directory in the image, a volume that cannot be, or a port that this user may not have.
            ConflictError: a port that is to be published is in use.
            NotFoundError: the container whose network is to be shared has ended.
        """
        ...

    def join(self, pid: int, birth: int, spec: Spec, *, stdin: int, stdout: int, stderr: int) -> Process:
        """Start another process in a living container, also one of another kernel process of this user.

        It joins all namespaces and gets the same filter and capabilities. Of ``spec`` count argv, env, cwd, user, files,
        capabilities, upper and owners.

        Args:
            pid: of the container's first process.
            birth: of the same.
            spec: what to run.
            stdin: its standard input.
            stdout: its standard output.
            stderr: its standard error.

        Raises:
            NotFoundError: the container has ended.
            IsolationError: it cannot be entered; nothing ran.
            UsageError: as for ``start``.
        """
        ...

    def elsewhere(self, pid: int, birth: int, path: str) -> int | None:
        """A directory of a living container that is in the memory of another process's launch server.

        Args:
            pid: of the container's first process.
            birth: of the same.
            path: relative to the scheme's root.

        Returns:
            A descriptor of it; None where the path leads there itself, or nothing does.
        """
        ...

    def private_network(self, programs: Sequence[str] = NETWORK_PROGRAMS) -> str:
        """Whether private networks work here, found by making one; asked again it answers at once.

        Args:
            programs: which may connect it, best first.

        Returns:
            The program that does.

        Raises:
            IsolationError: they do not: which call failed, and its errno.
        """
        ...

    def call(self, job: str, arguments: dict[str, Any], fds: Sequence[int] = ()) -> Any:
        """Run a job on trees; see ``layers.owner.Owner``."""
        ...

    def close(self) -> None:
        """End the launch server with all its containers and jobs."""
        ...


def open_runtime(roots: Path, *, weak: bool = False) -> Runtime:
    """The runtime for a store, in the best id scheme that works here; found by doing.

    Args:
        roots: the store's directory of roots; made when missing.
        weak: where this host allows no walls, do without (tier T2).

    Raises:
        IsolationError: this host allows no walls (tiers T2 and T3): which call failed, its errno, and what to ask for.
    """
    refusals: list[IsolationError] = []
    for scheme in ids.candidates():
        try:
            return LaunchedRuntime(roots, scheme, refused=[str(refusal).splitlines()[0] for refusal in refusals])
        except IsolationError as refusal:
            refusals.append(refusal)
    if weak:
        from dockmagic.sandbox.traced import TracedRuntime  # noqa: PLC0415 - rarely wanted

        return TracedRuntime(roots, refusals[-1])
    raise refusals[-1]
