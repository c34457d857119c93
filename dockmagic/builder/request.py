"""What a build is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Network = Literal["none", "host"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret that RUN may mount: the content of a file, or the value of a variable of this process.

    Attributes:
        source: the file, None for a variable.
        variable: the variable's name, "" for a file.
    """

    source: Path | None = None
    variable: str = ""


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
        no_cache_filter: names of stages whose every step is executed, in lower case.
        hosts: lines of RUN's /etc/hosts: (address, name).
        labels: added to the image's own.
        network: of RUN.
        contexts: ``--build-context``: by name, ``docker-image://REFERENCE`` or the path of a directory.
        secrets: what RUN may mount, by id.
        agents: sockets of ssh agents that RUN may mount, by id.
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
    no_cache_filter: frozenset[str] = frozenset()
    hosts: tuple[tuple[str, str], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    network: Network = "host"
    contexts: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    agents: Mapping[str, Path] = field(default_factory=dict)
    epoch: int
    machine: str
