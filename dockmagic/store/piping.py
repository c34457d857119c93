"""What one job writes to a descriptor, read as a stream at the same time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from dockmagic.layers.compression import Stream


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
    reader, writer = os.pipe2(os.O_CLOEXEC)

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
