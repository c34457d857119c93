"""The notebook that a magic runs in: its engine, its variables, and the place below the cell."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockmagic.errors import BuildError, DockerfileError, RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockmagic.engine.engine import Engine
    from dockmagic.results import Build, Run

# Failures of what the user wrote; --no-raise-error keeps them in the result. A mistake on the magic line, a missing
# image or a wall that cannot be built is an error in any case.
OWN_FAILURES = (BuildError, DockerfileError, RunError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """What verbs need of IPython.

    Attributes:
        shell: the interactive shell: its variables and its display publisher.
        variables: what a word's braces and ``--stdin`` read, local variables first.
    """

    engine: Engine
    shell: Any
    variables: Mapping[str, Any]

    def assign(self, name: str | None, value: object) -> None:
        """Set a variable of the notebook; None for no name does nothing."""
        if name:
            self.shell.user_ns[name] = value

    def read(self, name: str) -> bytes:
        """A variable's text or bytes, as bytes.

        Raises:
            UsageError: there is none of that name, or it is neither.
        """
        if name not in self.variables:
            raise UsageError(f'"{name}" is not defined, for --stdin')
        value = self.variables[name]
        if isinstance(value, str):
            return value.encode("utf-8", "surrogateescape")
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
        raise UsageError(f'"{name}" is neither text nor bytes, for --stdin')

    def show(self, result: Run | Build, names: Sequence[str] | None = None) -> None:
        """Put a result's record below the cell, after everything that was printed."""
        from dockmagic.record.bundle import bundle  # noqa: PLC0415 - 10 ms that %load_ext need not wait for

        data, metadata = bundle(result, names=names)
        sys.stdout.flush()
        sys.stderr.flush()
        self.shell.display_pub.publish(data=data, metadata=metadata)
