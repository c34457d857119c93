"""One process in one container: pipes, log, clock, interrupt, and how it ended."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockmagic.engine.pump import Capture, Ending, Listener, Stream, pump
from dockmagic.errors import EXIT_INTERRUPTED, EXIT_KILLED, EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND, RunError

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
    log: Path,
    stdin: bytes | None,
    listener: Listener | None,
    timeout: float | None,
    started: Callable[[Process], None],
) -> Outcome:
    """Start a process with fresh pipes and stay until it has ended.

    Args:
        start: starts it on (stdin, stdout, stderr) descriptors.
        log: everything that it prints is appended there.
        stdin: its input; None for an empty one.
        listener: gets each chunk as it comes.
        timeout: seconds until it is killed, None for ever.
        started: called once it runs, before anything is read.

    Raises:
        IsolationError: a wall could not be built; nothing ran.
    """
    begin = time.monotonic()
    with _pipes(stdin) as pipes, log.open("ab", buffering=0) as sink:
        process = start(pipes.stdin, pipes.stdout, pipes.stderr)
        try:
            started(process)
            capture = Capture(sink, listener)
            ending = pump(process, pipes.hand_over(), capture, timeout=timeout)
            end = process.wait()
        finally:
            process.close()
    code, stopped = _code(end, ending)
    return Outcome(exit_code=code, stopped=stopped, ending=end, capture=capture, seconds=time.monotonic() - begin)


def _code(end: Exit, ending: Ending) -> tuple[int, str]:
    if ending.timed_out:
        return EXIT_KILLED, "timeout"
    if ending.interrupted:
        return EXIT_INTERRUPTED, "interrupted"
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


def failure(outcome: Outcome, *, argv: tuple[str, ...], script: bool, timeout: float | None) -> RunError | None:
    """The error of a process that did not end well, in fixed text; None for exit code 0."""
    code = outcome.exit_code
    if code == 0 and not outcome.stopped:
        return None
    message, hint = _words(outcome, argv=argv, script=script, timeout=timeout)
    tail = outcome.capture.text("stderr").splitlines()[-10:]
    return RunError(
        message,
        returncode=code,
        stdout=outcome.capture.text("stdout"),
        stderr=outcome.capture.text("stderr"),
        cmd=argv,
        hint=hint,
        detail="\n".join(tail),
    )


def _words(outcome: Outcome, *, argv: tuple[str, ...], script: bool, timeout: float | None) -> tuple[str, str]:
    what = "the script" if script else "the command"
    code = outcome.exit_code
    if outcome.stopped == "timeout":
        return f"{what} timed out after {timeout:g} s (exit code {code})", "a longer time: --timeout"
    if outcome.stopped == "interrupted":
        return f"{what} was interrupted (exit code {code})", ""
    if outcome.ending.not_started and code == EXIT_NOT_FOUND:
        return (
            f'"{argv[0]}" is not in the image (exit code {code})',
            "name another interpreter or command, or install it",
        )
    if outcome.ending.not_started and code == EXIT_NOT_EXECUTABLE:
        return (
            f'"{argv[0]}" cannot be executed (exit code {code})',
            "is it a program of this machine's kind, with mode +x?",
        )
    if outcome.ending.signalled:
        return f"{what} was ended by {_signal(outcome.ending.signalled)} (exit code {code})", ""
    return f"{what} failed with exit code {code}", ""


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
