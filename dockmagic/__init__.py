"""Containers in a notebook cell: build OCI images from inline Dockerfiles, run cells inside them.

``import dockmagic`` loads nothing else: the sandbox's child starts through this file, and only what is used is paid for.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from dockmagic import aio as aio
    from dockmagic.api.function import container as container
    from dockmagic.engine.engine import Engine
    from dockmagic.errors import (
        ArchiveError,
        BuildError,
        ConflictError,
        DeniedError,
        DockerfileError,
        DockmagicError,
        ExpectationError,
        IsolationError,
        NotFoundError,
        RateLimitError,
        RegistryError,
        RunError,
        StoreCorruptError,
        StoreError,
        StoreFullError,
        UnreachableError,
        UsageError,
    )
    from dockmagic.listing import Volume
    from dockmagic.results import Build, Container, Diff, Image, Isolation, Layer, Run, Step
    from dockmagic.table import Table

    _engine: Engine = Engine()
    build = _engine.build
    check = _engine.check
    commit = _engine.commit
    cp = _engine.cp
    df = _engine.df
    diff = _engine.diff
    doctor = _engine.doctor
    exec = _engine.exec  # noqa: A001 - docker's name
    export = _engine.export
    fsck = _engine.fsck
    history = _engine.history
    images = _engine.images
    import_ = _engine.import_
    inspect = _engine.inspect
    kill = _engine.kill
    load = _engine.load
    login = _engine.login
    logout = _engine.logout
    logs = _engine.logs
    prune = _engine.prune
    share = _engine.share
    pause = _engine.pause
    port = _engine.port
    ps = _engine.ps
    pull = _engine.pull
    push = _engine.push
    rename = _engine.rename
    rm = _engine.rm
    rmi = _engine.rmi
    run = _engine.run
    save = _engine.save
    stats = _engine.stats
    stop = _engine.stop
    tag = _engine.tag
    top = _engine.top
    unpause = _engine.unpause
    start = _engine.start
    restart = _engine.restart
    volume = _engine.volume
    wait = _engine.wait

__version__ = "0.1.0"

__all__ = [
    "ArchiveError",
    "Build",
    "BuildError",
    "ConflictError",
    "Container",
    "DeniedError",
    "Diff",
    "DockerfileError",
    "DockmagicError",
    "Engine",
    "ExpectationError",
    "Image",
    "Isolation",
    "IsolationError",
    "Layer",
    "NotFoundError",
    "RateLimitError",
    "RegistryError",
    "Run",
    "RunError",
    "Step",
    "StoreCorruptError",
    "StoreError",
    "StoreFullError",
    "Table",
    "UnreachableError",
    "UsageError",
    "Volume",
    "build",
    "check",
    "commit",
    "container",
    "cp",
    "df",
    "diff",
    "doctor",
    "exec",
    "export",
    "fsck",
    "history",
    "images",
    "import_",
    "inspect",
    "kill",
    "load",
    "load_ipython_extension",
    "login",
    "logout",
    "logs",
    "pause",
    "port",
    "prune",
    "ps",
    "pull",
    "push",
    "rename",
    "restart",
    "rm",
    "rmi",
    "run",
    "save",
    "share",
    "start",
    "stats",
    "stop",
    "tag",
    "top",
    "unload_ipython_extension",
    "unpause",
    "volume",
    "wait",
]

_ELSEWHERE = {"Engine": "dockmagic.engine.engine", "Table": "dockmagic.table", "Volume": "dockmagic.listing"}
_RESULTS = frozenset({"Build", "Container", "Diff", "Image", "Isolation", "Layer", "Run", "Step"})


def load_ipython_extension(ipython: Any) -> None:
    """``%load_ext dockmagic``: register ``%container`` and ``%%container``."""
    from dockmagic.magics.extension import load  # noqa: PLC0415 - IPython is loaded by whoever asks for the magics

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """``%unload_ext dockmagic``: take them away again."""
    from dockmagic.magics.extension import unload  # noqa: PLC0415 - as above

    unload(ipython)


def __getattr__(name: str) -> Any:
    """The public names, imported when first asked for; the verbs are those of the default engine."""
    from importlib import import_module  # noqa: PLC0415 - most processes that import dockmagic never come here

    if name == "container":
        return import_module("dockmagic.api.function").container
    if name == "aio":
        return import_module("dockmagic.aio")
    if name in _ELSEWHERE:
        return getattr(import_module(_ELSEWHERE[name]), name)
    if name in __all__ and not name.islower():
        return getattr(import_module("dockmagic.results" if name in _RESULTS else "dockmagic.errors"), name)
    # Any other name is a verb of the default engine, or none. ``layers`` is a package of ours: an image has its layers.
    engine = import_module("dockmagic.engine.engine")
    if name.islower() and not name.startswith("_") and hasattr(engine.Engine, name):
        return getattr(engine.default(), name)
    raise AttributeError(f"module 'dockmagic' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names only."""
    return [*__all__, "__version__"]
