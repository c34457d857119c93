"""``run`` and ``exec``: a script or command in a new container, or again in a kept one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dockmagic.engine import containers, images
from dockmagic.engine.command import SCRIPT_NAME, Defaults, environment, image_argv, script_argv
from dockmagic.engine.difference import Standing, between
from dockmagic.engine.failure import failure
from dockmagic.engine.naming import checked, default_name, hostname, new_id
from dockmagic.engine.order import ordered
from dockmagic.engine.volumes import bind
from dockmagic.errors import ConflictError, UsageError
from dockmagic.results import Build, ChangedPath, Container, Image, Isolation, Run
from dockmagic.sandbox.execution import Outcome, execute
from dockmagic.sandbox.pump import Listener
from dockmagic.sandbox.spec import Spec

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.sandbox.runtime import Process
    from dockmagic.store.containers import ContainerRow

Network = Literal["none", "host"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to run and how; names as the options of ``docker run``.

    Attributes:
        script: the body of a cell, run by an interpreter; None for a command.
        argv: words after the reference: ``$1…`` of a script, else they replace CMD.
        volumes: ``SOURCE:TARGET[:ro]``, relative sources from ``cwd``.
        timeout: seconds, None for ever.
    """

    script: str | None = None
    interp: str | None = None
    argv: tuple[str, ...] = ()
    name: str = ""
    keep: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    workdir: str = ""
    user: str = ""
    entrypoint: str | None = None
    network: Network = "none"
    timeout: float | None = None
    stdin: bytes | None = None
    cwd: Path = field(default_factory=Path.cwd)


def run(
    session: Session,
    image: str | Image,
    request: Request,
    *,
    listener: Listener | None = None,
    build: Build | None = None,
) -> Run:
    """Run in a new container of ``image``; it is removed afterwards unless named or kept.

    Returns:
        The run; its ``error`` says how it failed, if it did.

    Raises:
        NotFoundError: no such image.
        UsageError: a bad option, or nothing to run.
        ConflictError: the name belongs to a living container.
        IsolationError: a wall could not be built; nothing ran.
        KeyboardInterrupt: it was interrupted; ``.run`` is the Run.
    """
    record = images.find(session, image)
    described = images.describe(session, record, (image,) if isinstance(image, str) else image.names)
    defaults = images.defaults(record.config)
    argv = _argv(defaults, request)
    if not argv:
        raise UsageError("nothing to run: the image has no command", hint="give one after the reference, or a script")
    row = _new_row(session, described, request, argv)
    spec = _spec(session, row, defaults, request, argv)
    keep = bool(request.name) or request.keep
    try:
        return _run(session, row, spec, request, listener, Told(image=described, build=build, kept=keep))
    finally:
        if not keep and session.store.containers.get(row.id) is not None:
            containers.discard(session, row)


def exec_(
    session: Session,
    container: str | Container,
    request: Request,
    *,
    running: bool = False,
    listener: Listener | None = None,
) -> Run:
    """Run in a kept container: beside its processes while it lives, else again on its writable layer.

    Args:
        running: refuse a container that has ended.

    Raises:
        NotFoundError: no such container.
        ConflictError: it has ended and ``running`` is set.
        UsageError: nothing to run, or a bad option.
        IsolationError: a wall could not be built; nothing ran.
        KeyboardInterrupt: it was interrupted; ``.run`` is the Run.
    """
    row = containers.find(session, container)
    if running and row.status != containers.RUNNING:
        raise ConflictError(f"container {row.name} is not running", hint="without --running, exec starts it again")
    record = session.store.images.get(row.image_id)
    image = images.describe(session, record)
    defaults = images.defaults(record.config)
    argv = _argv(defaults, request) if request.script is not None else request.argv
    if not argv:
        raise UsageError("nothing to run: give a script or a command")
    spec = _spec(
        session, row, _as_created(defaults, row), replace(request, network=row.spec.get("network", "none")), argv
    )
    before = _listing(session, row)
    return _run(session, row, spec, request, listener, Told(image=image, verb="exec", kept=True, before=before))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a run's value says besides how the process ended."""

    image: Image
    build: Build | None = None
    kept: bool = False
    verb: Literal["run", "exec"] = "run"
    before: Mapping[str, Standing] | None = None


def _run(
    session: Session, row: ContainerRow, spec: Spec, request: Request, listener: Listener | None, told: Told
) -> Run:
    runtime = session.runtime
    joins = told.verb == "exec" and row.status == containers.RUNNING

    def start(stdin: int, stdout: int, stderr: int) -> Process:
        if joins:
            return runtime.join(row.pid, row.birth, spec, stdin=stdin, stdout=stdout, stderr=stderr)
        return runtime.start(spec, stdin=stdin, stdout=stdout, stderr=stderr)

    def started(process: Process) -> None:
        if not joins:
            session.store.containers.started(row.id, pid=process.pid, birth=process.birth)

    outcome = execute(
        start,
        log=session.store.containers.log_path(row.id),
        stdin=request.stdin,
        listener=listener,
        timeout=request.timeout,
        started=started,
    )
    if not joins:
        session.store.containers.ended(row.id, exit_code=outcome.exit_code, owners=outcome.ending.owners)
    value = _value(session, row, spec, request, outcome, told)
    if outcome.stopped == "interrupted":
        interrupt = KeyboardInterrupt()
        interrupt.run = value  # type: ignore[attr-defined]
        raise interrupt
    return value


def _value(session: Session, row: ContainerRow, spec: Spec, request: Request, outcome: Outcome, told: Told) -> Run:
    paths, size = containers.changes(session, row)
    now = session.store.containers.get(row.id) or row
    own = paths if told.before is None else _own(session, row, told.before, paths)
    container = containers.describe(session, now, known=(paths, size))
    found = session.runtime.isolation
    error = failure(outcome, argv=spec.argv, script=request.script is not None, timeout=request.timeout)
    return Run(
        exit_code=outcome.exit_code,
        stopped=outcome.stopped,
        error=error,
        stdout=outcome.capture.text("stdout"),
        stderr=outcome.capture.text("stderr"),
        output=outcome.capture.text("output"),
        changes={p.path: p.kind for p in own},
        paths=own,
        isolation=Isolation(
            tier=found.tier, ids=found.ids, network=spec.network, notes=(*found.notes, *outcome.ending.notes)
        ),
        seconds=outcome.seconds,
        container=container,
        image=told.image,
        build=told.build,
        verb=told.verb,
        kept=told.kept,
    )


def _own(
    session: Session, row: ContainerRow, before: Mapping[str, Standing], paths: Sequence[ChangedPath]
) -> tuple[ChangedPath, ...]:
    return ordered(between(before, _listing(session, row), {p.path: p for p in paths}))


def _listing(session: Session, row: ContainerRow) -> dict[str, Standing]:
    """The writable layer as it stands: absolute path to kind and stamp."""
    found = session.runtime.call("listing", {"upper": containers.upper(row)})
    return {path: Standing(kind=kind, stamp=tuple(stamp), size=size) for path, kind, size, stamp in found["entries"]}


def _argv(defaults: Defaults, request: Request) -> tuple[str, ...]:
    if request.script is None:
        return image_argv(defaults, request.argv, entrypoint=request.entrypoint)
    if request.entrypoint:
        return (request.entrypoint, f"/run/dockmagic/{SCRIPT_NAME}", *request.argv)
    return script_argv(request.script, request.argv, interp=request.interp, shell=defaults.shell)


def _new_row(session: Session, image: Image, request: Request, argv: Sequence[str]) -> ContainerRow:
    """Make the container's row and directories; an ended one of the same name is replaced."""
    store = session.store
    name = checked(request.name) if request.name else _default_name(session, image, request, argv)
    old = store.containers.get_name(name)
    if old is not None:
        containers.require_ended(old)
        containers.discard(session, old)
    row = store.containers.create(
        id=new_id(),
        name=name,
        image_id=image.id,
        image_ref=next(iter((*image.names, *image.tags)), image.short_id),
        command=tuple(argv),
        kept=bool(request.name) or request.keep,
        spec={
            "network": request.network,
            "volumes": list(request.volumes),
            "env": dict(request.env),
            "user": request.user,
            "workdir": request.workdir,
        },
        kernel_pid=os.getpid(),
    )
    session.runtime.call("mkdir", {"paths": [containers.upper(row), containers.work(row)]})
    return row


def _default_name(session: Session, image: Image, request: Request, argv: Sequence[str]) -> str:
    """A name that follows from what the caller wrote: never from an id, nor from names that others gave the image."""
    content = [request.script or "", *argv, request.user, request.workdir, *sorted(request.env)]
    reference = next(iter(image.names), "")
    if not reference or image.id.removeprefix("sha256:").startswith(reference.removeprefix("sha256:")):
        reference, content = "image", [*(entry.instruction for entry in image.entries), *content]
    # Nobody else looks at an ended container that is kept, or whose kernel is gone: it gives its name away.
    rows = session.store.containers.list()
    living = {row.name for row in rows if not (row.status == "exited" and (row.kept or not row.kernel_lives))}
    return default_name(reference, content, living)


def _as_created(defaults: Defaults, row: ContainerRow) -> Defaults:
    """What an exec takes from the container before its own options."""
    own = dict(row.spec)
    return replace(
        defaults,
        env=(*defaults.env, *(f"{k}={v}" for k, v in own.get("env", {}).items())),
        user=own.get("user") or defaults.user,
        workdir=own.get("workdir") or defaults.workdir,
    )


def _spec(session: Session, row: ContainerRow, defaults: Defaults, request: Request, argv: tuple[str, ...]) -> Spec:
    host = hostname(row.name)
    files = () if request.script is None else ((SCRIPT_NAME, request.script.encode("utf-8", "surrogateescape"), 0o755),)
    volumes = request.volumes or tuple(row.spec.get("volumes", ()))
    return Spec(
        lowers=containers.lowers(session, row),
        upper=containers.upper(row),
        work=containers.work(row),
        argv=argv,
        env=environment(defaults, request.env, hostname=host),
        cwd=request.workdir or defaults.workdir or "/",
        user=request.user or defaults.user,
        hostname=host,
        network=request.network,
        binds=tuple(bind(v, cwd=request.cwd) for v in volumes),
        files=files,
    )
