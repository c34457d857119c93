"""What verbs need, from a shell in place of a notebook."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from dockmagic.builder.exports import STREAM
from dockmagic.cli.words import STDIN
from dockmagic.errors import UsageError
from dockmagic.events import StepOutput, StepStarted
from dockmagic.magics.defaults import Defaults
from dockmagic.magics.notebook import Notebook
from dockmagic.magics.streams import Streams
from dockmagic.results import Build, Run

if TYPE_CHECKING:
    from dockmagic.builder.exports import Output
    from dockmagic.engine.engine import Engine
    from dockmagic.events import Event
    from dockmagic.sandbox.pump import Stream
    from dockmagic.store.archive_input import Source
    from dockmagic.store.archive_output import Target


class Bytes(Streams):
    """Writes a run's output as it stands, whatever bytes it has."""

    def __init__(self, files: Mapping[str, BinaryIO], *, hidden: Collection[Stream] = ()) -> None:
        super().__init__(hidden=hidden)
        self._files = files

    def write(self, stream: Stream, data: bytes) -> None:
        if stream not in self._hidden:
            self._files[stream].write(data)
            self._files[stream].flush()

    def close(self) -> None:
        """Nothing is kept back."""


class Input(Mapping[str, bytes]):
    """Standard input in place of variables: read to its end when it is asked for."""

    def __getitem__(self, name: str) -> bytes:
        if name != STDIN:
            raise KeyError(name)
        return sys.stdin.buffer.read()

    def __contains__(self, name: object) -> bool:
        # The inherited one would read it to find out.
        return name == STDIN

    def __iter__(self) -> Iterator[str]:
        return iter((STDIN,))

    def __len__(self) -> int:
        return 1


class Progress:
    """A build's steps and what they print, to standard error."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def take(self, event: Event) -> None:
        """Show one event."""
        match event:
            case StepStarted():
                head = f"[{event.index + 1}/{event.total}] {event.instruction}\n"
                self._file.write(head.encode("utf-8", "replace"))
            case StepOutput():
                self._file.write(event.data)
            case _:
                return
        self._file.flush()

    def close(self) -> None:
        """Nothing is kept back."""


@dataclass(slots=True)
class Outcome:
    """The Run or Build of a verb, also of one that failed."""

    value: Run | Build | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal(Notebook):
    """A notebook's part, played by a shell.

    Attributes:
        quiet: nothing is shown while it goes on.
        outcome: filled by verbs that run or build.
    """

    quiet: bool = False
    outcome: Outcome = field(default_factory=Outcome)

    def assign(self, name: str | None, value: object) -> None:
        """There are no variables: only the result is kept."""
        del name
        if isinstance(value, (Run, Build)):
            self.outcome.value = value

    def values(self, wanted: Sequence[tuple[str, str]]) -> dict[str, object]:
        """Files by name."""
        return {name: Path(path) for name, path in wanted}

    def take(self, name: str, path: str, run: Run) -> None:
        """Write what a run left at a path.

        Raises:
            UsageError: it cannot be written.
        """
        found = run.files[path]
        target = Path(name)
        try:
            if isinstance(found, bytes):
                target.write_bytes(found)
                return
            for below, content in found.items():
                (target / below).parent.mkdir(parents=True, exist_ok=True)
                (target / below).write_bytes(content)
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--get {path}: the file cannot be written: {error.strerror}", detail=name) from None

    def streams(self, *, hidden: Collection[Stream] = ()) -> Bytes:
        """Standard output and standard error, as they come."""
        everything: Collection[Stream] = ("stdout", "stderr") if self.quiet else hidden
        return Bytes({"stdout": sys.stdout.buffer, "stderr": sys.stderr.buffer}, hidden=everything)

    def attached(self, outputs: Sequence[Output]) -> Sequence[Output]:
        """Those for standard output get it, unless it is a screen.

        Raises:
            UsageError: it is one.
        """
        if sys.stdout.isatty() and any(output.dest == STREAM for output in outputs):
            raise UsageError("-o: an archive is not written to a terminal", hint="type=…,dest=FILE names a file")
        return [replace(output, stream=sys.stdout.buffer) if output.dest == STREAM else output for output in outputs]

    def source(self, path: str, hint: str) -> Source:
        """A path, or standard input where there is none, unless it is a keyboard.

        Raises:
            UsageError: it is one.
        """
        if path not in {"", STDIN}:
            return path
        if sys.stdin.isatty():
            raise UsageError("an archive is not read from a terminal", hint=f"write {hint}, or give it by < or a pipe")
        return sys.stdin.buffer

    def target(self, path: str, hint: str) -> Target:
        """A path, or standard output where there is none, unless it is a screen.

        Raises:
            UsageError: it is one.
        """
        if path not in {"", STREAM}:
            return path
        if sys.stdout.isatty():
            raise UsageError("an archive is not written to a terminal", hint=f"write {hint}, or use > or a pipe")
        return sys.stdout.buffer

    def plain_progress(self) -> Progress:
        """Standard error: standard output is the result's."""
        return Progress(sys.stderr.buffer)

    def live_build(self, title: str) -> Progress | None:
        """The same: a shell always shows a build."""
        del title
        return None if self.quiet else self.plain_progress()


def terminal(engine: Engine, *, quiet: bool) -> Terminal:
    """A terminal for one command."""
    lab: Any = None  # no front end is there to ask
    return Terminal(engine=engine, shell=None, variables=Input(), lab=lab, defaults=Defaults(), quiet=quiet)
