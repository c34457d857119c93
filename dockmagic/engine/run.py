"""``run`` and ``exec``: a script or command in a new container, or again in a kept one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockmagic.engine import (
    background,
    containers,
    detached,
    encodable,
    health,
    images,
    life,
    limits,
    networks,
    settings,
    storage,
    sysctls,
)
from dockmagic.engine.attempt import Attempt, listing, perform
from dockmagic.engine.command import SCRIPT_NAME, Defaults, environment, image_argv, script_argv
from dockmagic.engine.naming import checked, default_name, new_id
from dockmagic.engine.request import Request
from dockmagic.errors import ConflictError, UsageError
from dockmagic.exchange.given import Given
from dockmagic.results import Build, Container, Image, Run
from dockmagic.sandbox.pump import Listener
from dockmagic.sandbox.spec import Spec

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.oci.config import ContainerConfig
    from dockmagic.store.containers import ContainerRow

# Names for a container that has none, where other processes take one after the other.
_NAMES_TRIED = 10


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
        UsageError: a bad option, nothing to run, or an image of another platform.
        ConflictError: the name belongs to a living container.
        IsolationError: a wall could not be built; nothing ran.
        KeyboardInterrupt: it was interrupted; ``.run`` is the Run.
    """
    encodable.require(request)
    if (request.background or request.detach) and request.get:
        option = "--detach" if request.detach else "--bg"
        raise UsageError(f"--get cannot be used with {option}", hint="exec with --get takes files once it has ended")
    if request.remove and request.keep:
        raise UsageError("--rm cannot be used with --keep")
    record = images.wanted(session, image, pull=request.pull, platform=request.platform)
    names = (image,) if isinstance(image, str) else image.names
    if request.detach:
        return detached.begin(session, images.describe(session, record, names), names, request, build=build)
    attempt = prepared(session, record.id, names, request, build=build)
    if request.background:
        return background.begin(attempt, partial(put_away, attempt))
    try:
        return perform(attempt, listener)
    finally:
        put_away(attempt)


def prepared(
    session: Session, image: str, names: tuple[str, ...], request: Request, *, build: Build | None = None
) -> Attempt:
    """Make a new container, ready to be run.

    Args:
        session: what it works on.
        image: the image's id.
        names: of the image, as it was asked for.
        request: what to run.
        build: the build before it in the one-cell form.

    Raises:
        UsageError: as :func:`run`, which see; ConflictError the same.
    """
    record = session.store.images.get(image)
    emulated = images.require_runnable(record.config)
    described = images.describe(session, record, names)
    defaults = images.defaults(record.config)
    argv = _argv(defaults, request)
    if not argv:
        raise UsageError("nothing to run: the image has no command", hint="give one after the reference, or a script")
    cidfile = _cidfile(request)
    row = _new_row(session, described, request, argv, record.config.config)
    if cidfile is not None:
        cidfile.write_text(row.id, "utf-8")
    spec = _spec(session, row, defaults, request, argv)
    return Attempt(
        session=session,
        row=row,
        spec=spec,
        request=request,
        image=described,
        verb="run",
        kept=row.kept,
        build=build,
        check=health.stored(row.spec["health"]),
        notes=(
            *emulated,
            *networks.notes(row.spec["network"], publishes=bool(request.publish) or request.publish_all),
        ),
    )


def put_away(attempt: Attempt) -> None:
    """Remove a container that has ended and that nobody keeps."""
    session, row = attempt.session, attempt.row
    if attempt.kept or session.store.containers.get(row.id) is None:
        return
    if attempt.request.background or attempt.request.detach:
        life.heard(session, row)
    containers.discard(session, row, volumes=True)


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
        session: what it works on.
        container: its name, its id, the beginning of its id, or itself.
        request: what to run.
        running: refuse a container that has ended.
        listener: gets each chunk of output as it comes.

    Raises:
        NotFoundError: no such container.
        ConflictError: it has ended and ``running`` is set, or it is paused.
        UsageError: nothing to run, or a bad option.
        IsolationError: a wall could not be built; nothing ran.
        KeyboardInterrupt: it was interrupted; ``.run`` is the Run.
    """
    encodable.require(request)
    row = containers.find(session, container)
    if running and row.status != containers.RUNNING:
        raise ConflictError(f"container {row.name} is not running", hint="without --running, exec starts it again")
    containers.require_unpaused(row)
    record = session.store.images.get(row.image_id)
    image = images.describe(session, record)
    defaults = images.defaults(record.config)
    argv = _argv(defaults, request) if request.script is not None else request.argv
    if not argv:
        raise UsageError("nothing to run: give a script or a command")
    wanted = replace(request, limits=limits.stored(row.spec.get("limits", {})))
    joins = row.status == containers.RUNNING
    if not joins and row.spec.get("detached"):  # from now on it is this process's
        session.store.containers.amend(row.id, {"detached": False})
    attempt = Attempt(
        session=session,
        row=row,
        spec=as_created(session, row, wanted, argv),
        request=wanted,
        image=image,
        verb="exec",
        kept=True,
        joins=joins,
        before=listing(session, row),
    )
    return perform(attempt, listener)


def _cidfile(request: Request) -> Path | None:
    """Where the container's id shall be written, which must be a new file as with docker."""
    if not request.cidfile:
        return None
    path = request.cwd / Path(request.cidfile).expanduser()
    if path.exists():
        raise ConflictError(
            f"--cidfile {request.cidfile}: the file is there already", hint="remove it, or name another"
        )
    if not path.parent.is_dir():
        raise UsageError(f"--cidfile {request.cidfile}: there is no such directory")
    return path


def _argv(defaults: Defaults, request: Request) -> tuple[str, ...]:
    if request.script is None:
        return image_argv(defaults, request.argv, entrypoint=request.entrypoint)
    if request.entrypoint:
        return (request.entrypoint, f"/run/dockmagic/{SCRIPT_NAME}", *request.argv)
    return script_argv(request.script, request.argv, interp=request.interp, shell=defaults.shell)


def _new_row(
    session: Session, image: Image, request: Request, argv: Sequence[str], process: ContainerConfig
) -> ContainerRow:
    """Make the container's row and directories; an ended one of the same name is replaced."""
    store = session.store
    spec = _stored(session, request, process)

    def create(name: str) -> ContainerRow:
        return store.containers.create(
            id=new_id(),
            name=name,
            image_id=image.id,
            image_ref=next(iter((*image.names, *image.tags)), image.short_id),
            command=tuple(argv),
            kept=(bool(request.name) or request.keep or request.detach) and not request.remove,
            spec=spec,
            kernel_pid=os.getpid(),
        )

    diff_ids = store.images.get(image.id).diff_ids
    row = _claimed(
        partial(_free_name, session, image, request, argv),
        lambda name: storage.claimed(session, spec["mounts"], diff_ids, partial(create, name)),
        tries=1 if request.name else _NAMES_TRIED,
    )
    session.call("mkdir", {"paths": [containers.upper(row), containers.work(row)]})
    return row


def _stored(session: Session, request: Request, process: ContainerConfig) -> dict[str, Any]:
    """What the container's row keeps of the request, checked, as JSON: ``inspect`` shows it, and every later exec takes it up again."""
    profile = settings.prepared(request.settings, cwd=request.cwd)
    mounts = storage.planned(
        request.volumes,
        request.mounts,
        declared=process.volumes,
        others=storage.from_others(session, request.volumes_from),
        tmpfs=[mount["target"] for mount in profile["tmpfs"]],
        cwd=request.cwd,
    )
    network = networks.planned(
        session,
        request.network,
        request.publish,
        request.settings,
        everything=request.publish_all,
        declared=(*process.exposed_ports, *request.expose),
    )
    sysctls.require_network(profile["sysctls"], network["network"])
    profile |= networks.names_of(session, network)
    check = health.planned(process.healthcheck, request.settings, process.shell or ())
    return {
        "detached": request.detach,
        "health": asdict(check) if check else None,
        **network,
        "mounts": mounts,
        "env": dict(request.env),
        "user": request.user,
        "workdir": request.workdir,
        "limits": asdict(request.limits),
        "profile": profile,
        "again": request.again(),
    }


def _claimed(name: Callable[[], str], claim: Callable[[str], ContainerRow], *, tries: int) -> ContainerRow:
    """The row of a free name; another process may take one after it was looked for."""
    try:
        return claim(name())
    except ConflictError:
        if tries == 1:
            raise
    return _claimed(name, claim, tries=tries - 1)


def _free_name(session: Session, image: Image, request: Request, argv: Sequence[str]) -> str:
    """The container's name, which an ended one gives away."""
    name = checked(request.name) if request.name else _default_name(session, image, request, argv)
    old = session.store.containers.get_name(name)
    if old is not None:
        containers.require_ended(old)
        containers.discard(session, old, volumes=True)
    return name


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


def as_created(session: Session, row: ContainerRow, request: Request, argv: tuple[str, ...]) -> Spec:
    """What runs in a container that is there: as it was made, but for what the request says itself."""
    own = dict(row.spec)
    defaults = images.defaults(session.store.images.get(row.image_id).config)
    made = replace(
        defaults,
        env=(*defaults.env, *(f"{k}={v}" for k, v in own.get("env", {}).items())),
        user=own.get("user") or defaults.user,
        workdir=own.get("workdir") or defaults.workdir,
    )
    return _spec(session, row, made, request, argv)


def spec_of(session: Session, row: ContainerRow) -> Spec:
    """A container as it was made, for work of our own in it, as its root."""
    stored = limits.stored(row.spec.get("limits", {}))
    request = Request(user="0:0", workdir="/", limits=stored)
    return replace(_spec(session, row, Defaults(), request, ("cp",)), network="none", peer=None, ports=())


def _spec(session: Session, row: ContainerRow, defaults: Defaults, request: Request, argv: tuple[str, ...]) -> Spec:
    profile = row.spec.get("profile", {})
    host = containers.hostname_of(row)
    script = (
        () if request.script is None else ((SCRIPT_NAME, request.script.encode("utf-8", "surrogateescape"), 0o755),)
    )
    given = request.given or Given(env={})
    fields = {**settings.fields(profile), **storage.fields(session, row), **networks.fields(session, row)}
    fields["mounts"] = (*settings.fields(profile).get("mounts", ()), *fields["mounts"])
    return Spec(
        lowers=containers.lowers(session, row),
        upper=containers.upper(row),
        work=containers.work(row),
        argv=argv,
        env=environment(defaults, {**given.env, **request.env}, hostname=host),
        cwd=request.workdir or defaults.workdir or "/",
        user=request.user or defaults.user,
        hostname=host,
        files=(*script, *given.files),
        limits=request.limits,
        **fields,
        owners={key: list(value) for key, value in row.owners.items()},
    )
