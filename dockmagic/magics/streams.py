"""What a run prints, shown while it comes: in chunks, as text, carriage returns kept."""

from __future__ import annotations

import codecs
import sys
from typing import TYPE_CHECKING, Protocol, TextIO

from dockmagic.events import StepOutput, StepStarted

if TYPE_CHECKING:
    from collections.abc import Collection

    from dockmagic.events import Event
    from dockmagic.sandbox.pump import Stream


class Progress(Protocol):
    """Shows a build while it goes on."""

    def take(self, event: Event) -> None:
        """Show one event."""
        ...

    def close(self) -> None:
        """The build has ended."""
        ...


class Streams:
    """Writes chunks of bytes to the cell's standard output and standard error.

    A character that is cut between two chunks is shown whole; bytes that are no UTF-8 become U+FFFD.
    """

    def __init__(self, *, hidden: Collection[Stream] = ()) -> None:
        self._hidden = frozenset(hidden)
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {"stdout": decoder("replace"), "stderr": decoder("replace")}

    def write(self, stream: Stream, data: bytes) -> None:
        """Show one chunk."""
        self._show(stream, self._decoders[stream].decode(data))

    def close(self) -> None:
        """Show what was kept back: the beginning of a character that did not come."""
        for stream in ("stdout", "stderr"):
            self._show(stream, self._decoders[stream].decode(b"", final=True))

    def _show(self, stream: str, text: str) -> None:
        if text and stream not in self._hidden:
            # Looked up each time: a front end, %%capture or a test may replace it.
            file: TextIO = sys.stdout if stream == "stdout" else sys.stderr
            file.write(text)
            file.flush()


class PlainProgress:
    """``--progress plain``: a line for each step, then what it prints, all to standard output."""

    def __init__(self) -> None:
        self._streams = Streams()

    def take(self, event: Event) -> None:
        """Show one event of a build."""
        match event:
            case StepStarted():
                head = f"[{event.index + 1}/{event.total}] {event.instruction}\n"
                self._streams.write("stdout", head.encode("utf-8", "replace"))
            case StepOutput():
                self._streams.write("stdout", event.data)
            case _:
                pass

    def close(self) -> None:
        """Show what was kept back."""
        self._streams.close()
