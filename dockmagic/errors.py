"""The one tree of errors.

::

    DockmagicError                       125 where docker would say "the engine failed"
    ├── UsageError                       a bad option, value, name or reference
    ├── DockerfileError                  the text cannot be parsed or planned (.location)
    ├── BuildError                       an instruction failed (.line .step .log .container .exit_code)
    ├── RunError                         a script failed; also a subprocess.CalledProcessError
    ├── ExpectationError                 an exercise's expectation does not hold; also an AssertionError
    ├── NotFoundError                    no such image, container, layer or file
    ├── ConflictError                    a name or an image is in use
    ├── IsolationError                   a wall that the tier promises cannot be built (.operation .errno)
    ├── ArchiveError                     an archive, image or layer is corrupt or hostile
    ├── RegistryError                    a registry refuses, fails or breaks its protocol (.status)
    │   ├── UnreachableError             it does not answer
    │   ├── DeniedError                  it wants other credentials, or none will do
    │   └── RateLimitError               it answers no more for a while (.seconds)
    └── StoreError                       the store cannot be read or written
        ├── StoreFullError               no space or no inode is left
        └── StoreCorruptError            content differs from its digest

``str(error)`` is fixed text (what failed, where, what to do), because notebooks are compared by it. What varies
between machines and runs stands in attributes, and in :attr:`DockmagicError.detail`, which only the rendered
traceback shows.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

EXIT_INTERNAL = 125
EXIT_NOT_EXECUTABLE = 126
EXIT_NOT_FOUND = 127
EXIT_INTERRUPTED = 130
EXIT_KILLED = 137


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A span of a text: lines and columns count from 1; ``end_column`` is exclusive, 0 for "to the line's end"."""

    line: int
    end_line: int
    column: int = 1
    end_column: int = 0


class DockmagicError(Exception):
    """The root of all errors that dockmagic raises on purpose.

    Attributes:
        hint: what the user can do now, or "".
        detail: lines for the rendered traceback only: an excerpt with a caret, a log's tail, paths, an errno.
    """

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        # not super(): RunError's other base wants a command
        Exception.__init__(self, message)
        self.message = message
        self.hint = hint
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def _render_traceback_(self) -> list[str]:
        """Short form for IPython: no frames of ours (IPython calls this by name)."""
        lines = self.detail.splitlines()
        return [*lines, f"{type(self).__name__}: {self}"]


class UsageError(DockmagicError):
    """A bad option, value, name or reference."""


class NotFoundError(DockmagicError):
    """No such image, container, layer or file."""


class ConflictError(DockmagicError):
    """A name is taken by a living container, or an image is in use."""


class DockerfileError(DockmagicError):
    """The Dockerfile cannot be parsed or planned.

    Attributes:
        location: the span at fault, or None where the whole text is.
    """

    def __init__(
        self,
        message: str,
        *,
        location: Location | None = None,
        hint: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.location = location


class BuildError(DockmagicError):
    """An instruction of a build failed.

    Attributes:
        line: the instruction's first line in the Dockerfile, from 1; the message names the line of the fault in it.
        step: the failed instruction as written (its first line), or "".
        log: the failed step's output.
        container: the kept container of the failed step, or "".
        exit_code: the command's exit code; 125 when dockmagic itself failed.
    """

    def __init__(
        self,
        message: str,
        *,
        line: int = 0,
        step: str = "",
        log: str = "",
        container: str = "",
        exit_code: int = EXIT_INTERNAL,
        hint: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.line = line
        self.step = step
        self.log = log
        self.container = container
        self.exit_code = exit_code


class RunError(DockmagicError, subprocess.CalledProcessError):
    """A script or command in a container failed.

    Attributes:
        returncode: docker's exit code.
        stdout: what the run wrote there, as text.
        stderr: what the run wrote there, as text.
    """

    def __init__(
        self,
        message: str,
        *,
        returncode: int,
        stdout: str = "",
        stderr: str = "",
        cmd: tuple[str, ...] = (),
        hint: str = "",
        detail: str = "",
    ) -> None:
        DockmagicError.__init__(self, message, hint=hint, detail=detail)
        self.returncode = returncode
        self.cmd = cmd
        self.output = stdout
        self.stderr = stderr


class ExpectationError(DockmagicError, AssertionError):
    """An expectation of an exercise does not hold (``%%container expect``, :class:`dockmagic.testing.Expect`)."""


class IsolationError(DockmagicError):
    """A wall that the tier promises cannot be built; nothing of the cell ran.

    Attributes:
        operation: the operation that failed, e.g. ``"overlay on /"``.
        errno: the system call's error number, 0 where there was none.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        errno: int = 0,
        hint: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.operation = operation
        self.errno = errno


class ArchiveError(DockmagicError):
    """An archive, image, layer or changeset is corrupt, hostile or of an unknown kind."""


class RegistryError(DockmagicError):
    """A registry refuses, fails or breaks its protocol.

    Attributes:
        status: the HTTP status code, 0 where there was none.
    """

    def __init__(self, message: str, *, status: int = 0, hint: str = "", detail: str = "") -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.status = status


class UnreachableError(RegistryError):
    """A registry does not answer: no such host, no connection, no TLS that holds."""


class DeniedError(RegistryError):
    """A registry wants other credentials, or does not let these do what was asked."""


class RateLimitError(RegistryError):
    """A registry answers no more for a while.

    Attributes:
        seconds: how long, as it says; 0 where it does not say.
    """

    def __init__(
        self, message: str, *, seconds: float = 0, status: int = 429, hint: str = "", detail: str = ""
    ) -> None:
        super().__init__(message, status=status, hint=hint, detail=detail)
        self.seconds = seconds


class StoreError(DockmagicError):
    """The store cannot be read or written."""


class StoreFullError(StoreError):
    """The store's file system has no space or no inode left; what was acknowledged before is whole."""


class StoreCorruptError(StoreError):
    """Content in the store differs from its digest."""
