"""Volumes: verbs on named ones, and the ``-v PATH:TARGET[:ro|rw]`` of a directory of this machine."""

from __future__ import annotations

import posixpath
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, overload

from dockmagic.engine import filters as chosen
from dockmagic.engine.filters import Filters
from dockmagic.errors import ConflictError, NotFoundError, UsageError
from dockmagic.listing import Volume
from dockmagic.sandbox.spec import Bind
from dockmagic.store.volumes import ANONYMOUS
from dockmagic.table import Table

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.store.volumes import VolumeRow

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}")

# The labels of z and Z are for docker's SELinux domain, the others for its virtual machine: here there is nothing to do for them.
_MODES = frozenset({"ro", "rw", "z", "Z", "cached", "delegated", "consistent"})


def bind(text: str, *, cwd: Path) -> Bind:
    """Parse one ``-v``: a host directory or file, where it appears, and how; modes that only docker's own walls need say nothing here.

    A relative source is taken from ``cwd`` and begins with ``.`` as docker wants it, so that it is no volume's name.

    Raises:
        UsageError: a part is missing, unknown or not available.
    """
    parts = text.split(":")
    if len(parts) not in {2, 3} or not all(parts):
        raise UsageError(f'-v "{text}" is not SOURCE:TARGET[:ro|rw]', hint="e.g. -v ./data:/data:ro")
    source, target, *mode = parts
    modes = set(mode[0].split(",")) if mode else set()
    if unknown := modes - _MODES:
        raise UsageError(f'-v "{text}": unknown mode "{min(unknown)}"', hint="ro or rw")
    if {"ro", "rw"} <= modes:
        raise UsageError(f'-v "{text}": ro and rw exclude each other')
    if not target.startswith("/") or posixpath.normpath(target) == "/":
        raise UsageError(f'-v "{text}": the target must be an absolute path below /')
    path = (cwd / Path(source).expanduser()).resolve()
    if not path.exists():
        raise UsageError(f'-v "{text}": the source does not exist', hint="make the directory first")
    return Bind(source=str(path), target=posixpath.normpath(target), read_only="ro" in modes)


def checked_name(name: str) -> str:
    """``name`` when docker would take it for a volume.

    Raises:
        UsageError: it is not ``[a-zA-Z0-9][a-zA-Z0-9_.-]+``, or longer than 255.
    """
    if not _NAME.fullmatch(name):
        hint = "a name is a letter or digit, then at least one of: letters, digits, _ . -; a directory is written ./DIR"
        raise UsageError(f'invalid volume name "{name}"', hint=hint)
    return name


class Volumes:
    """The verbs of volumes, with the names that docker and python-on-whales have: ``engine.volume.create("cache")``.

    A volume is given by its name or as a :class:`~dockmagic.listing.Volume`.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def create(
        self,
        volume_name: str | None = None,
        driver: str | None = None,
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Volume:
        """Make an empty volume; one of that name that is there is returned as it is.

        Args:
            volume_name: None for a random one.
            driver: only ``"local"`` can be had.
            labels: kept with it.
            options: none can be had.

        Raises:
            UsageError: docker would not take the name, or another driver or an option is asked for.
        """
        return self._made("", volume_name, driver, labels, options)

    def _made(
        self,
        tree: str,
        name: str | None,
        driver: str | None,
        labels: Mapping[str, str] | None,
        options: Mapping[str, str] | None,
    ) -> Volume:
        if driver not in {None, "local"}:
            raise UsageError(
                f'the volume driver "{driver}" is not available', hint="a volume is a directory of the store"
            )
        if options:
            raise UsageError("a volume has no options", hint="a volume is a directory of the store")
        unnamed = {ANONYMOUS: ""} if name is None else {}
        known = secrets.token_hex(32) if name is None else checked_name(name)
        return self._value(self._session.store.volumes.create(known, {**(labels or {}), **unnamed}, tree=tree))

    @overload
    def inspect(self, x: str | Volume) -> Volume: ...
    @overload
    def inspect(self, x: list[str | Volume] | tuple[str | Volume, ...]) -> Table[Volume]: ...
    def inspect(self, x: str | Volume | list[str | Volume] | tuple[str | Volume, ...]) -> Volume | Table[Volume]:
        """What is known of a volume, or of several.

        Raises:
            NotFoundError: one is not there.
        """
        if isinstance(x, (str, Volume)):
            return self._value(self._session.store.volumes.get(_name(x)))
        return _table([self._value(self._session.store.volumes.get(_name(one))) for one in x])

    def exists(self, x: str | Volume) -> bool:
        """Whether there is a volume of that name."""
        return self._session.store.volumes.find(_name(x)) is not None

    def remove(self, x: str | Volume | Sequence[str | Volume], *, force: bool = False) -> tuple[str, ...]:
        """Remove volumes with their files; returns their names.

        Args:
            x: which.
            force: one that is not there is fine.

        Raises:
            NotFoundError: one is not there; those before it are gone.
            ConflictError: a container has one, also one that has ended; those before it are gone.
        """
        gone = []
        for name in map(_name, [x] if isinstance(x, (str, Volume)) else x):
            try:
                self._session.store.volumes.remove(name)
            except NotFoundError:
                if not force:
                    raise
                continue
            gone.append(name)
        return tuple(gone)

    def clone(
        self,
        source: str | Volume,
        new_volume_name: str | None = None,
        driver: str | None = None,
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Volume:
        """Make a volume with a copy of another one's files, owners and all; the rest as for :meth:`create`.

        Raises:
            NotFoundError: there is no such source.
            ConflictError: there is a volume of the new name.
            UsageError: as for :meth:`create`.
        """
        store = self._session.store
        row = store.volumes.get(_name(source))
        if new_volume_name is not None and store.volumes.find(new_volume_name) is not None:
            raise ConflictError(f"there is a volume {new_volume_name}", hint="give the copy another name")
        with store.scratch() as directory:
            self._session.call("duplicate", {"src": row.directory, "dst": f"{directory}/volume"})
            return self._made(f"{directory}/volume", new_volume_name, driver, labels, options)

    def prune(self, filters: Filters = (), all: bool = False) -> tuple[str, ...]:  # noqa: A002, FBT001, FBT002 - python-on-whales' signature
        """Remove volumes that no container has: those that nobody named, or all; returns their names.

        Raises:
            UsageError: an unknown filter.
        """
        found = {volume.name for volume in self._filtered(filters)}
        rows = self._session.store.volumes.unused(anonymous=not all)
        return self._session.store.volumes.remove_unused([row for row in rows if row.name in found])

    # Last, for it hides the type of its name from what stands below it.
    def list(self, filters: Filters = ()) -> Table[Volume]:
        """Volumes by name.

        Args:
            filters: (``"name"``, part of a name), (``"label"``, ``KEY`` or ``KEY=VALUE``), (``"dangling"``, ``"true"`` or ``"false"``),
                (``"driver"``, ``"local"``).

        Raises:
            UsageError: an unknown filter.
        """
        return _table(self._filtered(filters))

    def _filtered(self, filters: Filters) -> Sequence[Volume]:
        found = map(self._value, self._session.store.volumes.list())
        return chosen.volumes(found, filters)

    def _value(self, row: VolumeRow) -> Volume:
        session = self._session
        return Volume(
            name=row.name,
            labels=row.labels,
            mountpoint=session.home / "roots" / row.scheme / row.directory,
            created_at=datetime.fromtimestamp(row.created, tz=UTC),
            users=session.store.volumes.users().get(row.name, ()),
        )


def _name(x: str | Volume) -> str:
    return x.name if isinstance(x, Volume) else x


def _table(volumes: Sequence[Volume]) -> Table[Volume]:
    return Table(
        columns=("VOLUME", "CONTAINERS"),
        items=tuple(volumes),
        rows=tuple((_shown(volume), ", ".join(volume.users)) for volume in volumes),
    )


def _shown(volume: Volume) -> str:
    """A random name is not the same on two machines: its beginning is enough to be told from another."""
    return f"{volume.name[:12]} (unnamed)" if ANONYMOUS in volume.labels else volume.name
