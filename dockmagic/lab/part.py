"""The Dockerfile in a cell. Apart, for it is imported at ``%load_ext``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A Dockerfile and where it stands.

    Attributes:
        text: of the Dockerfile.
        first_line: the line of the cell, from 0, that its first line is.
    """

    text: str
    first_line: int
