"""What a build is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from dockmagic.builder.named import Directory

from dockmagic.sandbox.spec import Limits

# "default" is private where that works, else host.
Network = Literal["default", "none", "private", "host"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret that RUN may mount: the content of a file, or the value of a variable of this process.

    Attributes:
        source: the file, None for a variable.
        variable: the variable's name, "" for a file.
    """

    source: Path | None = None
    variable: str = ""


class Imported(Protocol):
    """Steps that were made elsewhere (``--cache-from``)."""

    def take(self, key: str, below: Sequence[str]) -> str | None:
        """Take the layer of the step of that key into the store.

        Args:
            key: of the step.
            below: DiffIDs of the layers below it, base first.

        Returns:
            The layer's DiffID, "" for a step that changed nothing; None where there is no such step.
        """
        ...


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
        contexts: ``--build-context``: by name, what the option says, or files that were fetched for it.
        secrets: what RUN may mount, by id.
        agents: sockets of ssh agents that RUN may mount, by id.
        pull: registries are asked anew for the images that it needs, also for those that are here.
        imported: where a step is looked for that is not in the store's own cache.
        platform: what the image is for: ``"linux/arm64"``; "" for this machine, and for base images of whatever platform is here.
        limits: of each RUN.
        timeout: seconds that each RUN may take, None for ever.
        epoch: seconds since 1970 that every timestamp in the image has.
        machine: the machine's architecture as Go names it.
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
    network: Network = "default"
    contexts: Mapping[str, str | Directory] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    agents: Mapping[str, Path] = field(default_factory=dict)
    pull: bool = False
    imported: tuple[Imported, ...] = ()
    platform: str = ""
    limits: Limits = field(default_factory=Limits)
    timeout: float | None = None
    epoch: int
    machine: str
