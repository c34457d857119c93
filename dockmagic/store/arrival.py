"""A blob while it comes in: one thread writes and hashes it, another may already read it from its first byte."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dockmagic.errors import ArchiveError
from dockmagic.layers.compression import Stream
from dockmagic.oci.descriptor import Descriptor
from dockmagic.store.aside import Aside
from dockmagic.store.blobs import Blobs, Received, require
from dockmagic.store.faults import told
from dockmagic.store.layout import Layout
from dockmagic.store.piping import wide_pipe

_CHUNK = 1 << 20


class Arrival:
    """A blob on its way into the store; see :meth:`dockmagic.store.layers.Layers.arriving`.

    Attributes:
        expected: what it must be.
    """

    def __init__(self, layout: Layout, blobs: Blobs, file: Aside, expected: Descriptor) -> None:
        self.expected = expected
        self._layout = layout
        self._blobs = blobs
        self._file = file
        self._changed = threading.Condition()
        self._size = 0
        self._received: Received | None = None
        self._error: BaseException | None = None

    def fill(self, source: Stream) -> None:
        """Take everything in and verify it; whoever reads along and :meth:`wait` see how it ends.

        Raises:
            ArchiveError: it is not what was expected.
            StoreError: it cannot be written.
        """
        try:
            digest, size = self._blobs.take_in(source, self._file, self.expected, self._grown)
            require(self.expected, digest, size)
        except BaseException as error:
            self.fail(error)
            raise
        with self._changed:
            self._received = Received(digest=digest, size=size, file=self._file)
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """It will not come, for that reason."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def _grown(self, size: int) -> None:
        with self._changed:
            self._size = size
            self._changed.notify_all()

    def wait(self) -> Received:
        """The whole blob, verified; raises what went wrong with it."""
        with self._changed:
            self._changed.wait_for(lambda: self._received is not None or self._error is not None)
            if self._error is not None:
                raise self._error
            if self._received is None:  # pragma: no cover - the condition says otherwise
                raise ArchiveError("the content did not come")
            return self._received

    @contextmanager
    def flowing(self) -> Iterator[int]:
        """A descriptor that gives the bytes as they come; it ends early where the blob does."""
        with told(self._layout.tmp):
            reader, writer = wide_pipe()
        stopped = threading.Event()
        feeder = threading.Thread(target=self._feed, args=(writer, stopped), name="dockmagic-layer", daemon=True)
        feeder.start()
        try:
            yield reader
        finally:
            stopped.set()
            os.close(reader)  # ends a feeder that waits for room
            with self._changed:
                self._changed.notify_all()
            feeder.join()

    def _feed(self, writer: int, stopped: threading.Event) -> None:
        offset = 0
        try:
            while (available := self._available(offset, stopped)) > 0:
                data = os.pread(self._file.fileno(), min(_CHUNK, available), offset)
                view = memoryview(data)
                while view:
                    view = view[os.write(writer, view) :]
                offset += len(data)
        except OSError:
            return  # nobody reads any more, or the disk fails: the reader sees an early end, and wait() tells why
        finally:
            with suppress(OSError):
                os.close(writer)

    def _available(self, offset: int, stopped: threading.Event) -> int:
        """Bytes behind ``offset``; waits for some, 0 at the end."""
        with self._changed:
            self._changed.wait_for(lambda: stopped.is_set() or self._size > offset or self._is_over())
            return 0 if stopped.is_set() else self._size - offset

    def _is_over(self) -> bool:
        return self._received is not None or self._error is not None
