"""The notebook that a magic runs in: its engine, its variables, and the place below the cell."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockmagic.errors import BuildError, DockerfileError, RunError, UsageError
from dockmagic.magics.braces import evaluate
from dockmagic.magics.defaults import Defaults
from dockmagic.magics.streams import PlainProgress, Streams

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from dockmagic.builder.exports import Output
    from dockmagic.engine.engine import Engine
    from dockmagic.lab.lab import Lab
    from dockmagic.magics.streams import Progress
    from dockmagic.results import Build, Run
    from dockmagic.sandbox.pump import Stream
    from dockmagic.store.archive_input import Source
    from dockmagic.store.archive_output import Target

# Failures of what the user wrote; --no-raise-error keeps them in the result. A mistake on the magic line, a missing
# image or a wall that cannot be built is an error in any case.
OWN_FAILURES = (BuildError, DockerfileError, RunError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """What verbs need of IPython.

    Attributes:
        shell: the interactive shell: its variables and its display publisher.
        variables: what a word's braces and ``--stdin`` read, local variables first.
        lab: what front ends know of this kernel.
        defaults: options that cells have unless they say otherwise.
        live_builds: ``auto``, ``always`` or ``never``, as configured.
        widget_in_data: the record's data names its widget, as configured.
    """

    engine: Engine
    shell: Any
    variables: Mapping[str, Any]
    lab: Lab
    defaults: Defaults
    live_builds: str = "auto"
    widget_in_data: bool = False

    def assign(self, name: str | None, value: object) -> None:
        """Set a variable of the notebook; None for no name does nothing."""
        if name:
            self.shell.user_ns[name] = value

    def read(self, name: str) -> bytes:
        """A variable's value as bytes, as ``--in`` writes its file.

        Raises:
            UsageError: there is none of that name, or it cannot be given to a container.
        """
        if name not in self.variables:
            raise UsageError(f'"{name}" is not defined, for --stdin')
        from dockmagic.exchange.given import content  # noqa: PLC0415 - %load_ext need not wait for it

        return content(name, self.variables[name])

    def values(self, wanted: Sequence[tuple[str, str]]) -> dict[str, object]:
        """The values of ``--in``: pairs of a name and the expression that gives its value.

        Raises:
            UsageError: an expression fails, or names what is not defined.
        """
        return {name: evaluate(code, self.variables, option="--in") for name, code in wanted}

    def take(self, name: str, path: str, run: Run) -> None:
        """Set a variable to what a run left at a path (``--get``).

        Raises:
            UsageError: the content is not what the path's name says.
        """
        self.assign(name, run.value(path))

    def streams(self, *, hidden: Collection[Stream] = ()) -> Streams:
        """Where a run's output is shown."""
        return Streams(hidden=hidden)

    def plain_progress(self) -> Progress:
        """Where ``--progress plain`` shows a build's output."""
        return PlainProgress()

    def attached(self, outputs: Sequence[Output]) -> Sequence[Output]:
        """A build's outputs, those for standard output with what stands for it: a notebook has no place for an archive there."""
        return outputs

    def source(self, path: str, hint: str) -> Source:
        """Where an archive is read: a path.

        Raises:
            UsageError: there is none; ``hint`` says how it is written.
        """
        if not path:
            raise UsageError("PATH is missing", hint=f"write {hint}")
        return path

    def target(self, path: str, hint: str) -> Target:
        """Where an archive is written: a path.

        Raises:
            UsageError: there is none; ``hint`` says how it is written.
        """
        if not path:
            raise UsageError("-o PATH is missing", hint=f"write {hint}")
        return path

    def show(self, result: Run | Build, names: Sequence[str] | None = None) -> None:
        """Put a result's record below the cell, after everything that was printed."""
        from dockmagic.record.bundle import bundle  # noqa: PLC0415 - 10 ms that %load_ext need not wait for

        key = self.lab.keep(result, names)
        data, metadata = bundle(result, names=names, key=key)
        if self.widget_in_data:
            data |= self.lab.widget_view(key)
        sys.stdout.flush()
        sys.stderr.flush()
        self.shell.display_pub.publish(data=data, metadata=metadata)

    def live_build(self, title: str) -> Progress | None:
        """The view of a build that begins, where a front end shows it or the configuration asks for it."""
        wanted = self.live_builds == "always" or (self.live_builds == "auto" and self.lab.live)
        return self.lab.live_build(title) if wanted else None
