"""What a build is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Network = Literal["none", "host"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What to build and how; names as the options of ``docker build``.

    Attributes:
        text: the Dockerfile.
        context: the directory that COPY reads.
        dockerfile: where the text stands, for ``<Dockerfile>.dockerignore``; None for a cell.
        tags: names that the image gets.
        build_args: values of ARG.
        target: the stage to build, None for the last.
        no_cache: execute every step.
        labels: added to the image's own.
        network: of RUN.
        epoch: seconds since 1970 that every timestamp in the image has.
        machine: the architecture as Go names it, of the machine and so of the image.
    """

    text: str
    context: Path
    dockerfile: Path | None = None
    tags: tuple[str, ...] = ()
    build_args: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    no_cache: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    network: Network = "host"
    epoch: int
    machine: str
