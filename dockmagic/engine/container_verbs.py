"""Docker's verbs of containers that are there already, as methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dockmagic.engine import (
    commit,
    containers,
    life,
    logs,
    pausing,
    stats,
)
from dockmagic.engine import filters as chosen
from dockmagic.engine.filters import Filters
from dockmagic.engine.session import Session
from dockmagic.results import Container, Image
from dockmagic.table import Table

if TYPE_CHECKING:
    from dockmagic.engine.background import Background
    from dockmagic.engine.copying import Copied
    from dockmagic.engine.moments import Moment
    from dockmagic.engine.ports import Published
    from dockmagic.engine.stats import Listed, Stats


class ContainerVerbs:
    """Containers: looking at them, and what becomes of them.

    Attributes:
        session: what the verbs work on.
    """

    session: Session

    def ps(self, *, all: bool = False, filters: Filters = (), last: int = 0) -> Table[Container]:  # noqa: A002 - docker's name
        """Containers that run, or all, or the newest so many; see :mod:`dockmagic.engine.filters`.

        A filter by status or by exit code looks among all.
        """
        everything = all or not {"status", "exited"}.isdisjoint(chosen.grouped(filters))
        return containers.ps(
            self.session,
            everything=everything,
            last=last,
            choose=lambda found: chosen.containers(self.session, found, filters),
        )

    def rm(self, *names: str, force: bool = False, volumes: bool = False) -> tuple[str, ...]:
        """Remove containers, and with ``volumes`` those volumes of theirs that nobody named; returns their names."""
        return containers.remove(self.session, names, force=force, volumes=volumes)

    def background(self, container: str | Container) -> Background | None:
        """A container of this engine that runs beside the notebook, or has; None for any other."""
        from dockmagic.engine.background import Background  # noqa: PLC0415 - rarely asked

        found = self.session.background.get(containers.find(self.session, container).id)
        return found if isinstance(found, Background) else None

    def stop(self, *names: str | Container, timeout: float | None = None, signal: str = "") -> tuple[str, ...]:
        """Ask containers to end, then end them; see :func:`dockmagic.engine.life.stop`."""
        return life.stop(self.session, names, timeout=timeout, signal=signal)

    def start(self, *names: str | Container) -> tuple[str, ...]:
        """Start containers that have ended, as they were made; see :func:`dockmagic.engine.again.start`."""
        from dockmagic.engine.again import start  # noqa: PLC0415 - rarely asked

        return start(self.session, names)

    def restart(self, *names: str | Container, timeout: float | None = None, signal: str = "") -> tuple[str, ...]:
        """Stop containers and start them again; see :func:`dockmagic.engine.again.restart`."""
        from dockmagic.engine.again import restart  # noqa: PLC0415 - rarely asked

        return restart(self.session, names, timeout=timeout, signal=signal)

    def kill(self, *names: str | Container, signal: str = "KILL") -> tuple[str, ...]:
        """Send a signal to the first process of containers; see :func:`dockmagic.engine.life.kill`."""
        return life.kill(self.session, names, signal=signal)

    def pause(self, *names: str | Container) -> tuple[str, ...]:
        """Hold every process of containers; see :func:`dockmagic.engine.pausing.pause`."""
        return pausing.pause(self.session, names)

    def unpause(self, *names: str | Container) -> tuple[str, ...]:
        """Let paused containers go on; see :func:`dockmagic.engine.pausing.unpause`."""
        return pausing.unpause(self.session, names)

    def wait(self, name: str | Container, *, timeout: float | None = None) -> int:
        """Stay until a container has ended; its exit code. See :func:`dockmagic.engine.life.wait`."""
        return life.wait(self.session, name, timeout=timeout)

    def rename(self, container: str | Container, name: str) -> str:
        """Give a container another name."""
        return life.rename(self.session, container, name)

    def follow(
        self,
        name: str | Container,
        listener: Callable[[bytes], None],
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        tail: int | None = None,
        timestamps: bool = False,
    ) -> None:
        """Give what a container prints until it ends; see :func:`dockmagic.engine.logs.follow`."""
        logs.follow(self.session, name, listener, logs.selection(since, until, tail, timestamps=timestamps))

    def cp(self, source: str, destination: str) -> Copied:
        """Copy between this machine and a container, ``NAME:PATH``; see :func:`dockmagic.engine.copying.cp`."""
        from dockmagic.engine.copying import cp  # noqa: PLC0415 - rarely asked

        return cp(self.session, source, destination)

    def stats(self, *names: str | Container) -> Table[Stats]:
        """What living containers use; see :func:`dockmagic.engine.stats.stats`."""
        return stats.stats(self.session, names)

    def top(self, name: str | Container) -> Table[Listed]:
        """The processes of a container; see :func:`dockmagic.engine.stats.top`."""
        return stats.top(self.session, name)

    def port(self, name: str | Container, private: str = "") -> Table[Published]:
        """What a container publishes; see :func:`dockmagic.engine.networks.port`."""
        from dockmagic.engine.networks import port  # noqa: PLC0415 - rarely asked

        return port(self.session, name, private)

    def commit(
        self,
        container: str | Container,
        reference: str = "",
        *,
        message: str = "",
        author: str = "",
        changes: Sequence[str] = (),
    ) -> Image:
        """Make an image of a container; see :func:`dockmagic.engine.commit.commit`."""
        return commit.commit(self.session, container, reference, message=message, author=author, changes=changes)

    def logs(
        self,
        name: str | Container,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        tail: int | None = None,
        timestamps: bool = False,
    ) -> str:
        """What a container's processes printed.

        Args:
            name: the container.
            since: lines from then on: ``"10m"`` ago, a time in RFC 3339, seconds since 1970, a datetime.
            until: lines up to then.
            tail: only so many of the last of these.
            timestamps: each line begins with the time at which it was whole.

        Raises:
            NotFoundError: there is none.
            UsageError: one is no point of time.
        """
        return logs.logs(self.session, name, logs.selection(since, until, tail, timestamps=timestamps))
