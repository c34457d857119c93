"""Failures of an instruction, told at its line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from dockmagic.dockerfile.location import excerpt, narrowed, reason_of
from dockmagic.errors import (
    BuildError,
    DockerfileError,
    DockmagicError,
    IsolationError,
    Location,
    NotFoundError,
    UsageError,
)

_TAIL = 10


class Line(Protocol):
    """An instruction that may be at fault."""

    @property
    def source(self) -> str:
        """Its first line as written."""
        ...

    @property
    def location(self) -> Location:
        """Its place."""
        ...


@contextmanager
def at_line(instruction: Line, text: str) -> Iterator[None]:
    """Turn what the instruction is at fault for into a ``BuildError`` at its line.

    What the machine is at fault for (no wall, no space) stays as it is, with the line in its detail.
    """
    try:
        yield
    except (BuildError, NotFoundError, UsageError) as error:
        raise _located(error, error.message, instruction, text) from None
    except DockerfileError as error:
        raise _located(error, reason_of(error), instruction, text) from None
    except IsolationError as error:
        error.detail = _lines(excerpt(text, instruction.location), error.detail)
        raise


def _located(error: DockmagicError, reason: str, instruction: Line, text: str) -> BuildError:
    place = narrowed(reason, instruction.location, text)
    located = BuildError(
        f"line {place.line}: {reason}",
        line=instruction.location.line,
        step=instruction.source,
        hint=error.hint,
        detail=excerpt(text, place),
    )
    if isinstance(error, BuildError):
        located.exit_code, located.log = error.exit_code, error.log
    located.detail = _lines(located.detail, *located.log.splitlines()[-_TAIL:], error.detail)
    return located


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)
