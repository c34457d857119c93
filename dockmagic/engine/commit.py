"""``commit`` and ``diff``: a container's writable layer becomes an image's layer, or is told of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dockmagic.builder.changes import changed
from dockmagic.changes import ChangedPath, ChangeKind
from dockmagic.engine import containers, files, tagging
from dockmagic.engine.command import SCRIPT_PATH
from dockmagic.engine.order import ordered
from dockmagic.errors import ConflictError
from dockmagic.oci.config import ContainerConfig, History
from dockmagic.results import Container, Diff, Image

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockmagic.engine.files import Place
    from dockmagic.engine.session import Session
    from dockmagic.listing import Difference
    from dockmagic.store.containers import ContainerRow


def commit(
    session: Session,
    container: str | Container,
    reference: str = "",
    *,
    message: str = "",
    author: str = "",
    changes: Sequence[str] = (),
) -> Image:
    """Make an image of a container: its image's layers and one more, a copy of the writable layer.

    As docker's, it is set as the container was: its variables, user, directory, labels, stop signal, and the command that it ran, unless that
    was a script.
    What is in the container's volumes stays out of it, as with docker; the image's notes say so.

    Args:
        session: what it works on.
        container: its name, its id, the beginning of its id, or itself.
        reference: the image's name; "" for none.
        message: for the history.
        author: of the image and its last layer.
        changes: what else the image sets: ``"ENV A=1"``.

    Raises:
        UsageError: the reference is not of docker's form, or a change is none.
        NotFoundError: no such container.
        ConflictError: it runs; its files may be half written.
    """
    tagging.require_name(reference)
    row = containers.find(session, container)
    if row.status == containers.RUNNING:
        raise ConflictError(f"container {row.name} is running", hint="commit it when it has ended")
    store = session.store
    record = store.images.get(row.image_id)
    settings = changed(_as_created(record.config.config, row), changes)
    with store.scratch() as directory:
        copy = f"{directory}/upper"
        given = {"src": containers.upper(row), "dst": copy, "owners": dict(row.owners)}
        owners = session.call("duplicate", given)["owners"]  # by the copy's inode numbers
        layer = store.layers.adopt(
            copy, lowers=containers.lowers(session, row), epoch=session.epoch, owners=owners, ignore=()
        )
    history = History(
        created=record.config.created,
        created_by=" ".join(row.command),
        comment=message,
        author=author,
        empty_layer=layer is None,
    )
    made = replace(record.config, config=settings, author=author or record.config.author)
    config = made.appended(layer.diff_id if layer else None, history)
    image_id = store.images.put(config, (*record.diff_ids, *((layer.diff_id,) if layer else ())))
    return tagging.named(session, image_id, reference, notes=tuple(_left_out(row)))


def _as_created(config: ContainerConfig, row: ContainerRow) -> ContainerConfig:
    """An image's settings under those that the container was created with."""
    if not row.command:  # the state before a failed step: its variables are the build's
        return config
    spec = row.spec
    profile = spec.get("profile", {})
    env = dict(item.partition("=")[::2] for item in config.env) | dict(spec.get("env", {}))
    entrypoint, cmd = _command(config, row.command)
    return replace(
        config,
        env=tuple(f"{name}={value}" for name, value in env.items()),
        user=spec.get("user") or config.user,
        working_dir=spec.get("workdir") or config.working_dir,
        labels={**config.labels, **profile.get("labels", {})},
        stop_signal=profile.get("stop_signal") or config.stop_signal,
        entrypoint=entrypoint,
        cmd=cmd,
    )


def _command(config: ContainerConfig, ran: tuple[str, ...]) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """ENTRYPOINT and CMD that give the same command again; a script is a cell's, not the image's."""
    own = config.entrypoint or ()
    if SCRIPT_PATH in ran or ran == (*own, *(config.cmd or ())):
        return config.entrypoint, config.cmd
    if ran[: len(own)] == own:
        return config.entrypoint, ran[len(own) :]
    return ran[:1], ran[1:]  # --entrypoint


def _left_out(row: ContainerRow) -> Iterator[str]:
    for mount in row.spec.get("mounts", ()):
        if mount["type"] != "tmpfs":
            yield f"what is in {mount['target']} belongs to a volume and is not in the image"


def diff(session: Session, first: Place, second: Place | None = None) -> Diff:
    """What a container changed against its image, or what ``second`` changes against ``first``: images or containers.

    Times count for nothing. Of two names each means the container of that name first.

    Raises:
        NotFoundError: one of them is not there.
    """
    if second is None:
        paths, _ = containers.changes(session, files.container(session, first))
        return Diff(changes={p.path: p.kind for p in paths}, paths=paths)
    one, other = files.stack(session, first), files.stack(session, second)
    if one.row is None and other.row is None:
        return _diff(session.store.layers.difference(one.diff_ids, other.diff_ids))
    return _diff({found.path: _kind(found) for found in files.compare(session, first, second)})


def _kind(found: Difference) -> ChangeKind:
    if found.first is None:
        return "A"
    return "D" if found.second is None else "C"


def _diff(changes: Mapping[str, ChangeKind]) -> Diff:
    paths = ordered(ChangedPath(path=path, kind=kind) for path, kind in changes.items())
    return Diff(changes={p.path: p.kind for p in paths}, paths=paths)
