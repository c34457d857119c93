"""What ``run`` and ``exec`` are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockmagic.engine.settings import Settings
from dockmagic.errors import UsageError
from dockmagic.exchange.given import Given
from dockmagic.sandbox.pump import OUTPUT_LIMIT
from dockmagic.sandbox.spec import Limits

if TYPE_CHECKING:
    from dockmagic.sandbox.runtime import Process

Network = str
# Characters of a script that its container's row keeps.
_LONGEST_KEPT = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to run and how; names as the options of ``docker run``.

    Attributes:
        script: the body of a cell, run by an interpreter; None for a command.
        argv: words after the reference: ``$1…`` of a script, else they replace CMD.
        volumes: of ``-v``: ``SOURCE:TARGET[:ro]``, ``NAME:TARGET``, ``TARGET``; relative sources from ``cwd``.
        mounts: of ``--mount``.
        volumes_from: of ``--volumes-from``: names of containers, perhaps with ``:ro``.
        network: ``"none"``, ``"private"``, ``"host"``, ``"container:NAME"``, or "" for none, private where a port is published.
        publish: of ``-p``: ``[ADDRESS:][HOST]:CONTAINER[/PROTOCOL]``.
        publish_all: ``-P``: also what the image's EXPOSE and ``expose`` name, each on a free port.
        expose: of ``--expose``: ``PORT[/PROTOCOL]``.
        timeout: seconds, None for ever.
        limits: what a new container may use.
        settings: how a new container is made.
        output_limit: bytes that are shown and kept of what it prints.
        given: values as files and variables; a variable of ``env`` goes before one of these.
        get: absolute paths whose content the Run has.
        background: the run returns once the process runs.
        detach: it goes on without this process; a supervisor owns it.
        remove: it is removed when it has ended, though it is named or detached.
        pull: whether a registry is asked for the image: ``"missing"``, ``"always"`` or ``"never"``.
        platform: that the image must be for; "" for this machine's.
        cidfile: a new file for the container's id; "" for none.
        on_start: gets the process once it runs.
    """

    script: str | None = None
    interp: str | None = None
    argv: tuple[str, ...] = ()
    name: str = ""
    keep: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    volumes_from: tuple[str, ...] = ()
    workdir: str = ""
    user: str = ""
    entrypoint: str | None = None
    network: Network = ""
    publish: tuple[str, ...] = ()
    publish_all: bool = False
    expose: tuple[str, ...] = ()
    timeout: float | None = None
    stdin: bytes | None = None
    limits: Limits = field(default_factory=Limits)
    output_limit: int = OUTPUT_LIMIT
    settings: Settings = field(default_factory=Settings)
    given: Given | None = None
    get: tuple[str, ...] = ()
    background: bool = False
    detach: bool = False
    remove: bool = False
    pull: str = "missing"
    platform: str = ""
    cidfile: str = ""
    on_start: Callable[[Process], object] | None = None
    cwd: Path = field(default_factory=Path.cwd)

    def again(self) -> dict[str, Any] | None:
        """What a container keeps of it to be started again, as JSON; None where that is too much, or values of the notebook."""
        given = self.given is not None and bool(self.given.files or self.given.env)
        if given or (self.script is not None and len(self.script) > _LONGEST_KEPT):
            return None
        return {"script": self.script, "timeout": self.timeout, "output_limit": self.output_limit}

    def __post_init__(self) -> None:
        """Refuse, as docker does, a directory to start in that is not absolute."""
        if self.workdir and not self.workdir.startswith("/"):
            raise UsageError(f'the working directory "{self.workdir}" is invalid: it needs to be an absolute path')
