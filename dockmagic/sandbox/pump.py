"""Moving what a process prints to whoever listens, in chunks, in the calling thread."""

from __future__ import annotations

import fcntl
import os
import selectors
import struct
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

Stream = Literal["stdout", "stderr"]
Listener = Callable[[Stream, bytes], None]

_CHUNK = 65536
# What is shown and kept of what a process prints, when nothing else is asked for.
OUTPUT_LIMIT = 16 * 1024 * 1024
# After the process has ended its pipes close with it; a process that joined a living container may leave a child on them.
# What is in them at its end is read however long that takes.
_DRAIN_SECONDS = 0.5


class Awaited(Protocol):
    """The part of ``sandbox.runtime.Process`` that the pump uses."""

    def fileno(self) -> int: ...
    def interrupt(self) -> None: ...
    def kill(self) -> None: ...


class Sink(Protocol):
    """Where what is printed goes first."""

    def write(self, data: bytes, /) -> object: ...


@dataclass(slots=True)
class Capture:
    """What was printed so far, each stream and both as they came, until both together reach the limit.

    What follows is read and thrown away, so that the process goes on; a mark says so in the log, in memory and to the listener.

    Attributes:
        limit: bytes.
        printed: bytes that the process has printed.
    """

    log: Sink | None = None
    listener: Listener | None = None
    limit: int = OUTPUT_LIMIT
    printed: int = 0
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    output: bytearray = field(default_factory=bytearray)

    def feed(self, stream: Stream, data: bytes) -> None:
        """Take one chunk: log first, then memory, then the listener."""
        room = self.limit - self.printed
        self.printed += len(data)
        if room < 0:
            return
        if len(data) > room:
            data = data[:room] + self.mark()
        if self.log is not None:
            self.log.write(data)
        for buffer in (self.stdout if stream == "stdout" else self.stderr, self.output):
            buffer.extend(data)
        if self.listener is not None:
            self.listener(stream, data)

    def notes(self) -> tuple[str, ...]:
        """How much was cut, in words."""
        if self.printed <= self.limit:
            return ()
        return (f"output cut: {self.limit:,} of {self.printed:,} bytes kept",)

    def mark(self) -> bytes:
        """What stands where the output was cut."""
        return f"\n[output cut after {self.limit:,} bytes: --output-limit]\n".encode()

    def text(self, stream: Literal["stdout", "stderr", "output"]) -> str:
        """A stream decoded as UTF-8; what is not, becomes U+FFFD."""
        return bytes(getattr(self, stream)).decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the pump's loop was left: by the process, by the clock, or by the user."""

    timed_out: bool = False
    interrupted: bool = False


def pump(process: Awaited, pipes: dict[int, Stream], capture: Capture, *, timeout: float | None = None) -> Ending:
    """Read ``pipes`` (read ends; closed on return) until the process has ended and they are drained.

    A KeyboardInterrupt is passed to the process, which then has its grace; a second one kills it. Exceptions of the
    listener kill the process and are raised again.

    Args:
        process: readable at ``fileno()`` when it has ended.
        pipes: read ends and which stream each carries.
        capture: where chunks go.
        timeout: seconds from now until the process is killed, None for ever.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    loop = _Loop(process, pipes, capture, deadline)
    try:
        while not loop.finished():
            try:
                loop.turn()
            except KeyboardInterrupt:
                if loop.interrupted:
                    process.kill()
                loop.interrupted = True
                process.interrupt()
            except BaseException:
                process.kill()
                raise
    finally:
        loop.close()
    return Ending(timed_out=loop.timed_out, interrupted=loop.interrupted)


class _Loop:
    """The state of one :func:`pump`."""

    def __init__(self, process: Awaited, pipes: dict[int, Stream], capture: Capture, deadline: float | None) -> None:
        self.process = process
        self.pipes = dict(pipes)
        self.capture = capture
        self.deadline = deadline
        self.timed_out = False
        self.interrupted = False
        self.ended = False
        self.unread: dict[int, int] = {}
        self.selector = selectors.DefaultSelector()
        for fd in pipes:
            self.selector.register(fd, selectors.EVENT_READ)
        self.selector.register(process.fileno(), selectors.EVENT_READ)

    def finished(self) -> bool:
        if self.ended and self.deadline is not None and time.monotonic() > self.deadline:
            return not any(self.unread.values())
        return self.ended and not self.pipes

    def turn(self) -> None:
        for key, _ in self.selector.select(self._wait()):
            if key.fd in self.pipes:
                self._read(key.fd)
            else:
                self.ended = True
                self.selector.unregister(key.fd)
                self.unread = {fd: _waiting(fd) for fd in self.pipes}
                self.deadline = time.monotonic() + _DRAIN_SECONDS
        if not self.ended and self.deadline is not None and time.monotonic() >= self.deadline:
            self.timed_out = True
            self.deadline = None
            self.process.kill()

    def _wait(self) -> float | None:
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def _read(self, fd: int) -> None:
        data = os.read(fd, _CHUNK)
        if fd in self.unread:
            self.unread[fd] = max(0, self.unread[fd] - len(data))
        if data:
            self.capture.feed(self.pipes[fd], data)
            return
        self._drop(fd)

    def _drop(self, fd: int) -> None:
        self.selector.unregister(fd)
        del self.pipes[fd]
        self.unread.pop(fd, None)
        os.close(fd)

    def close(self) -> None:
        for fd in list(self.pipes):
            self._drop(fd)
        self.selector.close()


def _waiting(fd: int) -> int:
    """Bytes that a pipe holds; FIONREAD of ioctl(2)."""
    return int(struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0])
