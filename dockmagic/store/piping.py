"""What one job writes to a descriptor, read as a stream at the same time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from dockmagic.layers.compression import Stream

_WIDE = 1 << 20  # fs.pipe-max-size of an ordinary user


def wide_pipe() -> tuple[int, int]:
    """A pipe that holds 1 MiB where that is allowed: 16 times fewer changes between who writes and who reads."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    with suppress(OSError):
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _WIDE)
    return reader, writer


class _Checked:
    """A stream at whose end ``check`` raises what its writer ran into."""

    def __init__(self, source: Stream, check: Callable[[], object]) -> None:
        self._source = source
        self._check = check

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        if not data:
            self._check()
        return data


@contextmanager
def piped(write: Callable[[int], None]) -> Iterator[Stream]:
    """A stream of what ``write`` writes to the descriptor that it is given, in a thread of its own.

    Its end raises what ``write`` raised. Who reads no further ends the writing.
    """
    reader, writer = wide_pipe()

    def run() -> None:
        try:
            write(writer)
        finally:
            os.close(writer)

    with ThreadPoolExecutor(1, "dockmagic-pack") as threads, os.fdopen(reader, "rb") as file:
        done = threads.submit(run)
        try:
            yield _Checked(file, done.result)
        finally:
            file.close()  # a writer that waits for room ends here
