"""The asynchronous twin: ``await dockmagic.aio.run("bread:1", "true")``; the same verbs with the same arguments.

Each verb runs in a thread. Cancelling a ``run`` or ``exec`` kills its container's processes and waits for their end; any other verb goes
on to its end, and its result is lost.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from dockmagic.engine import engine as engines
from dockmagic.engine import volumes
from dockmagic.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from dockmagic.results import Container, Run
    from dockmagic.sandbox.runtime import Process

P = ParamSpec("P")
R = TypeVar("R")
# Seconds between two looks at what a signal's handler has asked of the event loop.
_BEAT = 0.2


class Engine:
    """The verbs of an engine, to be awaited.

    Args:
        engine: whose verbs they are; by default this process's own.
    """

    def __init__(self, engine: engines.Engine | None = None) -> None:
        of = engine or engines.default()
        self.build = _threaded(of.build)
        self.check = _threaded(of.check)
        self.commit = _threaded(of.commit)
        self.cp = _threaded(of.cp)
        self.df = _threaded(of.df)
        self.diff = _threaded(of.diff)
        self.doctor = _threaded(of.doctor)
        self.exec = _ended(of.exec, of.kill)
        self.export = _threaded(of.export)
        self.fsck = _threaded(of.fsck)
        self.history = _threaded(of.history)
        self.images = _threaded(of.images)
        self.import_ = _threaded(of.import_)
        self.inspect = _threaded(of.inspect)
        self.load = _threaded(of.load)
        self.login = _threaded(of.login)
        self.logout = _threaded(of.logout)
        self.prune = _threaded(of.prune)
        self.share = _threaded(of.share)
        self.ps = _threaded(of.ps)
        self.pull = _threaded(of.pull)
        self.push = _threaded(of.push)
        self.rm = _threaded(of.rm)
        self.rmi = _threaded(of.rmi)
        self.run = _ended(of.run, of.kill)
        self.save = _threaded(of.save)
        self.tag = _threaded(of.tag)
        self.volume = Volumes(of.volume)
        self._take_life(of)
        self._of = of

    def _take_life(self, of: engines.Engine) -> None:
        """The verbs of containers that live or have."""
        self.kill = _threaded(of.kill)
        self.logs = _threaded(of.logs)
        self.pause = _threaded(of.pause)
        self.port = _threaded(of.port)
        self.rename = _threaded(of.rename)
        self.restart = _threaded(of.restart)
        self.start = _threaded(of.start)
        self.stats = _threaded(of.stats)
        self.stop = _threaded(of.stop)
        self.top = _threaded(of.top)
        self.unpause = _threaded(of.unpause)
        self.wait = _threaded(of.wait)

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        """Any other verb of the engine."""
        if name.startswith("_"):
            raise AttributeError(name)
        return _threaded(getattr(self._of, name))


class Volumes:
    """The verbs of volumes, to be awaited."""

    def __init__(self, of: volumes.Volumes) -> None:
        self.clone = _threaded(of.clone)
        self.create = _threaded(of.create)
        self.exists = _threaded(of.exists)
        self.inspect = _threaded(of.inspect)
        self.list = _threaded(of.list)
        self.prune = _threaded(of.prune)
        self.remove = _threaded(of.remove)


if TYPE_CHECKING:
    _engine = Engine()
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


def __getattr__(name: str) -> Any:
    """A verb of the default engine."""
    if name.startswith("_"):
        raise AttributeError(f"module 'dockmagic.aio' has no attribute {name!r}")
    return getattr(_default(), name)


@functools.cache
def _default() -> Engine:
    return Engine()


def _threaded(method: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    @functools.wraps(method)
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with _wakeful():
            return await asyncio.to_thread(method, *args, **kwargs)

    return call


def _ended(method: Callable[P, Run], kill: Callable[[Container], object]) -> Callable[P, Coroutine[Any, Any, Run]]:
    """As :func:`_threaded`; who cancels it ends the process, also one that is another process's by now."""

    @functools.wraps(method)
    async def call(*args: P.args, **kwargs: P.kwargs) -> Run:
        stop = _Stop()
        kwargs["on_start"] = stop.started
        work = asyncio.ensure_future(asyncio.to_thread(method, *args, **kwargs))
        try:
            with _wakeful():
                return await asyncio.shield(work)
        except asyncio.CancelledError:
            stop.now()
            await asyncio.wait([work])
            found = work.result().container if not work.cancelled() and work.exception() is None else None
            if found is not None and found.detached and not stop.had:
                with suppress(ConflictError, NotFoundError):  # it has ended meanwhile
                    await asyncio.to_thread(kill, found)
            raise

    return call


@contextmanager
def _wakeful() -> Iterator[None]:
    """Let the event loop wake while nothing happens: ipykernel's handler of an interrupt leaves the loop a note and does not wake it."""
    loop = asyncio.get_running_loop()
    handle: asyncio.TimerHandle

    def beat() -> None:
        nonlocal handle
        handle = loop.call_later(_BEAT, beat)

    handle = loop.call_later(_BEAT, beat)
    try:
        yield
    finally:
        handle.cancel()


class _Stop:
    """Kills a process that has begun, or as soon as it begins."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._wanted = False

    def started(self, process: Process) -> None:
        self._process = process
        if self._wanted:
            process.kill()

    @property
    def had(self) -> bool:
        """It had one to kill."""
        return self._process is not None

    def now(self) -> None:
        self._wanted = True
        if self._process is not None:
            self._process.kill()
