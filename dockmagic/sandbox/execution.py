"""One process in one container: pipes, log, clock, interrupt, and how it ended."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockmagic.errors import EXIT_INTERRUPTED, EXIT_KILLED, DockmagicError
from dockmagic.sandbox.pump import OUTPUT_LIMIT, Capture, Ending, Listener, Sink, Stream, pump

if TYPE_CHECKING:
    from collections.abc import Callable

    from dockmagic.sandbox.runtime import Process
    from dockmagic.sandbox.spec import Exit


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a process in a container ended and what it printed.

    Attributes:
        exit_code: docker's.
        stopped: as in :class:`dockmagic.results.Run`.
        seconds: wall-clock time from start to end.
    """

    exit_code: int
    stopped: str
    ending: Exit
    capture: Capture
    seconds: float


def execute(
    start: Callable[[int, int, int], Process],
    *,
    log: Sink | None = None,
    stdin: bytes | None = None,
    listener: Listener | None = None,
    timeout: float | None = None,
    output_limit: int = OUTPUT_LIMIT,
    started: Callable[[Process], None] | None = None,
) -> Outcome:
    """Start a process with fresh pipes and stay until it has ended.

    Args:
        start: starts it on (stdin, stdout, stderr) descriptors.
        log: gets everything that it prints; None for nobody.
        stdin: its input; None for an empty one.
        listener: gets each chunk as it comes.
        timeout: seconds until it is killed, None for ever.
        output_limit: bytes that are shown and kept of what it prints.
        started: called once it runs, before anything is read.

    Raises:
        IsolationError: a wall could not be built; nothing ran.
    """
    begin = time.monotonic()
    with _pipes(stdin) as pipes:
        process = start(pipes.stdin, pipes.stdout, pipes.stderr)
        try:
            if started is not None:
                started(process)
            capture = Capture(log, listener, output_limit)
            ending = pump(process, pipes.hand_over(), capture, timeout=timeout)
            end = process.wait()
            if end is None:
                raise DockmagicError("a process of the sandbox was lost")
        finally:
            process.close()
    code, stopped = _code(end, ending)
    return Outcome(exit_code=code, stopped=stopped, ending=end, capture=capture, seconds=time.monotonic() - begin)


def _code(end: Exit, ending: Ending) -> tuple[int, str]:
    if ending.timed_out:
        return EXIT_KILLED, "timeout"
    if ending.interrupted:
        return EXIT_INTERRUPTED, "interrupted"
    if end.stopped:
        return EXIT_KILLED, end.stopped
    return end.code, "killed" if end.killed else ""


class _Pipes:
    """The ends of a process's standard streams."""

    def __init__(self, stdin: int) -> None:
        self.stdin = stdin
        self._read: dict[int, Stream] = {}
        out, self.stdout = os.pipe()
        self._read[out] = "stdout"
        error, self.stderr = os.pipe()
        self._read[error] = "stderr"
        self._written = [self.stdin, self.stdout, self.stderr]

    def hand_over(self) -> dict[int, Stream]:
        """Close what the process now has, and give the read ends away."""
        for fd in self._written:
            os.close(fd)
        self._written = []
        ends, self._read = self._read, {}
        return ends

    def close(self) -> None:
        for fd in [*self._written, *self._read]:
            os.close(fd)


@contextmanager
def _pipes(stdin: bytes | None) -> Iterator[_Pipes]:
    pipes = _Pipes(_input(stdin))
    try:
        yield pipes
    finally:
        pipes.close()


def _input(content: bytes | None) -> int:
    if content is None:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        return os.dup(file.fileno())
