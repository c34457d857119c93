"""Work with a registry in threads, attended by the caller's own: it hears of progress, and an interrupt ends it at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

from dockmagic.events import LayerProgress, Transfer

if TYPE_CHECKING:
    from dockmagic.registry.transport import Transport

Listener = Callable[[Transfer], None]
Emit = Callable[[Transfer], None]
_Result = TypeVar("_Result")
# Bytes between two events of one layer.
_STEP = 256 << 10


def attended(work: Callable[[Emit], _Result], transport: Transport, listener: Listener | None) -> _Result:
    """The result of ``work``, which runs in another thread; its events reach the listener in this one.

    Raises:
        KeyboardInterrupt: it was interrupted; the work has ended.
    """
    told: SimpleQueue[Transfer | None] = SimpleQueue()
    with ThreadPoolExecutor(1, "dockmagic-transfer") as threads:
        done = threads.submit(work, told.put)
        done.add_done_callback(lambda _: told.put(None))
        try:
            while (event := told.get()) is not None:
                if listener is not None:
                    listener(event)
        except BaseException:
            transport.stop()
            with suppress(Exception):
                done.result()
            raise
        return done.result()


class Progress:
    """Turns counts of bytes into events, not too many.

    Args:
        emit: gets the events.
        digest: of the blob.
        total: its bytes.
    """

    def __init__(self, emit: Emit, digest: str, total: int) -> None:
        self._emit = emit
        self._digest = digest
        self._total = total
        self._lock = threading.Lock()
        self._last = 0

    def take(self, done: int) -> None:
        """So many bytes were transferred; fewer than before after a part had to be sent again."""
        with self._lock:
            if self._last <= done < min(self._last + _STEP, self._total):
                return
            self._last = done
        self._emit(LayerProgress(digest=self._digest, done=done, total=self._total))
