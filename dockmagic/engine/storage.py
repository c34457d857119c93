"""What a container has mounted on its root: ``-v``, ``--mount``, ``--tmpfs``, ``--volumes-from`` and the image's VOLUME, as one list.

What was asked for becomes plain JSON values, one a target (:func:`planned`); the volumes among them are made and filled
(:func:`claimed`); the container's row keeps them, ``inspect`` shows them, and every later exec takes them up again (:func:`fields`).
"""

from __future__ import annotations

import posixpath
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockmagic.engine import mount_values
from dockmagic.engine.volumes import bind, checked_name
from dockmagic.errors import ConflictError, UsageError
from dockmagic.sandbox.spec import Bind, Mount
from dockmagic.store.volumes import ANONYMOUS, names_in

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.store.containers import ContainerRow
    from dockmagic.store.volumes import VolumeRow

Mounts = list[dict[str, Any]]
_MODES = frozenset({"ro", "rw", "z", "Z", "nocopy"})
_TAKEN = ("/proc", "/sys", "/dev", "/run/dockmagic")
_TMPFS_SIZE = 64 << 20
# What dockmagic itself puts below these must not be hidden.
_EARLY = frozenset({"/run", "/var/run"})
# Options that ask for what is so anyway; another value cannot be had.
_SAID_ANYWAY = {"bind-propagation": {"rprivate", "private"}, "bind-recursive": {"enabled", "readonly"}}


def planned(
    volumes: Sequence[str],
    mounts: Sequence[str],
    *,
    declared: Sequence[str],
    others: Sequence[Mapping[str, Any]] = (),
    tmpfs: Sequence[str] = (),
    cwd: Path,
) -> Mounts:
    """One value a target, in the order of the targets.

    Args:
        volumes: of ``-v``: ``TARGET``, ``NAME:TARGET[:MODES]`` or ``PATH:TARGET[:MODES]``.
        mounts: of ``--mount``: ``type=volume,src=NAME,dst=TARGET,…``.
        declared: the image's VOLUME; one whose target is among the others is theirs.
        others: of other containers (``--volumes-from``); the same holds.
        tmpfs: targets that ``--tmpfs`` has.
        cwd: what relative sources begin at.

    Raises:
        UsageError: one cannot be, or two have one target.
    """
    own = [*(_volume(text, cwd) for text in volumes), *(_mount(text, cwd) for text in mounts)]
    taken: set[str] = set(tmpfs)
    for mount in own:
        if mount["target"] in taken:
            raise UsageError(f'two volumes on "{mount["target"]}"', hint="give each a target of its own")
        taken.add(mount["target"])
    for other in others:
        if other["target"] not in taken:
            taken.add(other["target"])
            own.append(dict(other))
    for path in declared:
        target = _target(f"VOLUME {path} of the image", path)
        if target not in taken:
            taken.add(target)
            own.append(_named("", target))
    return sorted(own, key=lambda mount: str(mount["target"]))


def from_others(session: Session, words: Sequence[str]) -> Mounts:
    """What ``--volumes-from NAME[:ro|rw]`` takes from other containers.

    Raises:
        NotFoundError: there is no such container.
        UsageError: another mode.
    """
    from dockmagic.engine import containers  # noqa: PLC0415 - it asks for what a container has

    found: Mounts = []
    for word in words:
        name, _, mode = word.partition(":")
        if mode not in {"", "ro", "rw"}:
            raise UsageError(f'--volumes-from "{word}": unknown mode "{mode}"', hint="ro or rw")
        for mount in containers.find(session, name).spec.get("mounts", ()):
            if mount["type"] != "tmpfs":
                found.append({**mount, "read_only": mount["read_only"] or mode == "ro"})
    return found


def claimed(
    session: Session, mounts: Mounts, diff_ids: Sequence[str], create: Callable[[], ContainerRow]
) -> ContainerRow:
    """Make the volumes that are not there, fill the empty ones as docker does, and create the container that has them.

    They are filled with what the image has at their target. A volume that a living container has is left as it is. Where there will be no container, volumes without a name go again.

    Args:
        session: where the volumes are.
        mounts: as :func:`planned` gives them.
        diff_ids: the image's layers, base first.
        create: makes the container's row.

    Raises:
        ConflictError: a volume's files belong to other ids than this session's.
    """
    if not _of("volume", mounts):
        return create()
    lowers = tuple(session.store.layers.snapshot(diff_id) for diff_id in reversed(diff_ids))
    try:
        with session.store.volumes.settled():
            _settle_all(session, mounts, lowers)
            return create()
    except BaseException:
        session.store.volumes.drop_anonymous({"mounts": mounts})
        raise


def _settle_all(session: Session, mounts: Mounts, lowers: Sequence[str]) -> None:
    living = _living(session)
    for mount in mounts:
        if mount["type"] == "volume":
            _settle(session, mount, lowers, shared=mount["name"] in living)


def _living(session: Session) -> set[str]:
    rows = session.store.containers.list()
    return {name for row in rows if row.status != "exited" and row.kernel_lives for name in names_in(row.spec)}


def _settle(session: Session, mount: Mapping[str, Any], lowers: Sequence[str], *, shared: bool) -> None:
    volumes = session.store.volumes
    row = volumes.find(mount["name"])
    if row is not None and row.scheme != session.worker.scheme:
        raise ConflictError(
            f"the files of volume {row.name} belong to other ids than containers have here",
            hint="use it as the user, and on the machine, that made it",
            detail=f"made with {row.scheme}, here is {session.worker.scheme}",
        )
    wanted = lowers and not mount["nocopy"] and not mount["subpath"]
    if row is not None and (shared or not wanted or not _is_empty(session, row)):
        return
    labels = {**mount["labels"], **({ANONYMOUS: ""} if mount["anonymous"] else {})}
    with session.store.scratch() as directory:
        tree = f"{directory}/volume"
        session.call("mkdir", {"paths": [tree]})
        found = wanted and session.call("populate", {"dest": tree, "lowers": list(lowers), "path": mount["target"]})
        if row is None:
            volumes.create(mount["name"], labels, tree=tree)
        elif found and found["found"]:
            volumes.fill(row, tree)


def _is_empty(session: Session, row: VolumeRow) -> bool:
    return bool(session.call("populate", {"path": row.directory})["empty"])


def fields(session: Session, row: ContainerRow) -> dict[str, Any]:
    """``binds`` and ``mounts`` of a :class:`~dockmagic.sandbox.spec.Spec`.

    Raises:
        NotFoundError: a volume is gone.
    """
    mounts = row.spec.get("mounts", ())
    binds = tuple(Bind(source=m["source"], target=m["target"], read_only=m["read_only"]) for m in _of("bind", mounts))
    directories = tuple(
        Mount(
            kind="directory",
            target=m["target"],
            read_only=m["read_only"],
            directory=session.store.volumes.get(m["name"]).directory,
            source=m["subpath"] or "/",
            early=m["target"] in _EARLY,
        )
        for m in _of("volume", mounts)
    )
    memory = tuple(
        Mount(kind="tmpfs", early=True, **{k: v for k, v in m.items() if k != "type"}) for m in _of("tmpfs", mounts)
    )
    return {"binds": binds, "mounts": (*memory, *directories)}


def _of(kind: str, mounts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [mount for mount in mounts if mount["type"] == kind]


def _volume(text: str, cwd: Path) -> dict[str, Any]:
    source, colon, _ = text.partition(":")
    if not colon:
        return _named("", _target(f'-v "{text}"', text))
    if not source or source.startswith(("/", ".", "~")):
        return _bound(bind(text, cwd=cwd))
    parts = text.split(":")
    if len(parts) not in {2, 3} or not all(parts):
        raise UsageError(f'-v "{text}" is not NAME:TARGET[:ro|rw]', hint="e.g. -v cache:/var/cache")
    modes = set(parts[2].split(",")) if len(parts) > 2 else set()  # noqa: PLR2004 - name, target, modes
    if unknown := modes - _MODES:
        raise UsageError(f'-v "{text}": unknown mode "{min(unknown)}"', hint="ro, rw or nocopy")
    if {"ro", "rw"} <= modes:
        raise UsageError(f'-v "{text}": ro and rw exclude each other')
    target = _target(f'-v "{text}"', parts[1])
    return _named(checked_name(source), target, read_only="ro" in modes, nocopy="nocopy" in modes)


def _mount(text: str, cwd: Path) -> dict[str, Any]:
    """One ``--mount``."""
    try:
        found = mount_values.mount(text)
    except ValueError as error:
        raise UsageError(f'--mount "{text}": {error}') from None
    where = f'--mount "{text}"'
    target = _target(where, found.target)
    for name, value in found.options.items():
        if value not in _SAID_ANYWAY.get(name, {value}):
            raise UsageError(f"{where}: {name}={value} is not available")
    match found.type:
        case "bind":
            return _bound(Bind(source=_source(where, found, cwd), target=target, read_only=found.readonly))
        case "tmpfs" if found.source:
            raise UsageError(f"{where}: a file system in memory has no source")
        case "tmpfs":
            return {
                "type": "tmpfs",
                "target": target,
                "size": found.options.get("tmpfs-size") or _TMPFS_SIZE,
                "mode": found.options.get("tmpfs-mode") or 0o1777,
                "noexec": True,
                "read_only": found.readonly,
            }
        case "volume":
            return _from_words(where, found, target)
        case _:
            raise UsageError(f"{where}: type={found.type} is not available", hint="volume, bind or tmpfs")


def _source(where: str, found: mount_values.Mount, cwd: Path) -> str:
    """The directory or file of this machine that ``type=bind`` names."""
    if not found.source:
        raise UsageError(f"{where}: the source is missing", hint="src=./data")
    path = (cwd / Path(found.source).expanduser()).resolve()
    if found.options.get("bind-create-src"):
        path.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        raise UsageError(f"{where}: the source does not exist", hint="make the directory first")
    return str(path)


def _from_words(where: str, found: mount_values.Mount, target: str) -> dict[str, Any]:
    """``type=volume``."""
    if found.driver_options or found.options.get("volume-driver", "local") != "local":
        raise UsageError(f"{where}: a volume is a directory of the store, without driver and options")
    return _named(
        checked_name(found.source) if found.source else "",
        target,
        read_only=found.readonly,
        nocopy=bool(found.options.get("volume-nocopy")),
        subpath=str(found.options.get("volume-subpath", "")),
        labels=found.labels,
    )


def _bound(found: Bind) -> dict[str, Any]:
    return {"type": "bind", "source": found.source, "target": found.target, "read_only": found.read_only}


def _named(
    name: str,
    target: str,
    *,
    read_only: bool = False,
    nocopy: bool = False,
    subpath: str = "",
    labels: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A volume; one without a name gets one of its own, as docker gives it."""
    return {
        "type": "volume",
        "name": name or secrets.token_hex(32),
        "target": target,
        "read_only": read_only,
        "anonymous": not name,
        "nocopy": nocopy,
        "subpath": subpath,
        "labels": dict(labels or {}),
    }


def _target(where: str, path: str) -> str:
    """Where it appears.

    Raises:
        UsageError: nothing can be mounted there.
    """
    target = posixpath.normpath(path)
    if not path.startswith("/") or target.strip("/") == "":
        raise UsageError(f"{where}: the target must be an absolute path below /")
    target = "/" + target.strip("/")
    if any(f"{target}/".startswith(f"{taken}/") for taken in _TAKEN):
        raise UsageError(f'{where}: nothing can be put on "{target}"', hint="name an absolute path of its own")
    return target
