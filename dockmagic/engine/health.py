"""HEALTHCHECK: a command that is run in a living container from time to time, and what it says of it.

Rules and numbers are docker's. A thread sleeps until the next check is due or the container has ended; a check is an exec, ended when its
time is up. The container's row has the outcome, so that every kernel of the user sees it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dockmagic.errors import DockmagicError, UsageError
from dockmagic.results import Health, HealthProbe
from dockmagic.sandbox.execution import execute

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.engine.settings import Settings
    from dockmagic.sandbox.runtime import Process
    from dockmagic.sandbox.spec import Spec
    from dockmagic.store.containers import ContainerRow

STARTING, HEALTHY, UNHEALTHY = "starting", "healthy", "unhealthy"
_SECOND = 1_000_000_000
_SHELL = ("/bin/sh", "-c")
# Docker's: how many checks the log has, and how much of what one prints.
_KEPT, _OUTPUT = 5, 4096
_KILLED = -1
# Seconds that a check which is under way may take to notice that its container is gone.
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What is run, and when; times in seconds.

    Attributes:
        test: the command.
        interval: between the end of one and the beginning of the next.
        timeout: that one may take.
        start_period: after the start, in which failures do not count.
        start_interval: in place of ``interval`` in that period.
        retries: so many failures in a row make it unhealthy.
    """

    test: tuple[str, ...]
    interval: float = 30.0
    timeout: float = 30.0
    start_period: float = 0.0
    start_interval: float = 5.0
    retries: int = 3


def planned(image: Mapping[str, Any] | None, settings: Settings, shell: Sequence[str]) -> Check | None:
    """The check of a container; None for none.

    Args:
        image: the image's Healthcheck, times in nanoseconds.
        settings: what the container was asked for; what it says goes before the image.
        shell: the image's SHELL, () for none.

    Raises:
        UsageError: a time without a command, or one beside ``no_healthcheck``.
    """
    asked: dict[str, Any] = {
        "interval": settings.health_interval,
        "timeout": settings.health_timeout,
        "start_period": settings.health_start_period,
        "start_interval": settings.health_start_interval,
        "retries": settings.health_retries,
    }
    given = {name: value for name, value in asked.items() if value}
    if settings.no_healthcheck:
        if given or settings.health_cmd:
            raise UsageError("--no-healthcheck cannot be used with the other --health options")
        return None
    found = dict(image or {})
    test = _test(["CMD-SHELL", settings.health_cmd] if settings.health_cmd else found.get("Test") or [], shell)
    if not test:
        if given and not settings.health_cmd:
            raise UsageError("there is no check to change: the image has no HEALTHCHECK", hint="--health-cmd COMMAND")
        return None
    return replace(Check(test=test, **_of_image(found)), **given)


def _test(words: Sequence[Any], shell: Sequence[str]) -> tuple[str, ...]:
    """``NONE``, ``CMD`` and words, or ``CMD-SHELL`` and a line."""
    match [str(word) for word in words]:
        case ["CMD", *command]:
            return tuple(command)
        case ["CMD-SHELL", line]:
            return (*(tuple(shell) or _SHELL), line)
        case _:
            return ()


def _of_image(found: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "Interval": "interval",
        "Timeout": "timeout",
        "StartPeriod": "start_period",
        "StartInterval": "start_interval",
    }
    times = {
        name: found[key] / _SECOND
        for key, name in names.items()
        if isinstance(found.get(key), (int, float)) and found[key] > 0
    }
    retries = found.get("Retries")
    return {**times, **({"retries": retries} if isinstance(retries, int) and retries > 0 else {})}


def stored(made: Mapping[str, Any] | None) -> Check | None:
    """A check as the container's row keeps it: ``asdict`` by way of JSON."""
    return Check(**{**made, "test": tuple(made["test"])}) if made else None


def judged(health: Health, probe: HealthProbe, check: Check, *, age: float) -> Health:
    """What a check makes of a container's health.

    Args:
        health: before it.
        probe: the check.
        check: its rules.
        age: seconds since the container began.
    """
    log = (*health.log, probe)[-_KEPT:]
    if probe.exit_code == 0:
        return Health(status=HEALTHY, failing_streak=0, log=log)
    if health.status == STARTING and age < check.start_period:
        return replace(health, log=log)
    streak = health.failing_streak + 1
    status = UNHEALTHY if streak >= check.retries else health.status
    return Health(status=status, failing_streak=streak, log=log)


def pause(health: Health, check: Check, *, age: float) -> float:
    """Seconds until the next check."""
    early = health.status == STARTING and age < check.start_period
    return min(check.start_interval, check.interval) if early else check.interval


def to_json(health: Health) -> dict[str, Any]:
    """For the container's row."""
    return asdict(health)


def of_row(row: ContainerRow) -> Health | None:
    """What its row says of a container's health; None where nothing is checked."""
    found = row.health
    if not found:
        return None
    log = tuple(HealthProbe(**probe) for probe in found["log"])
    return Health(status=found["status"], failing_streak=found["failing_streak"], log=log)


@contextmanager
def watched(session: Session, row: ContainerRow, spec: Spec, check: Check | None) -> Iterator[Watcher | None]:
    """While the block runs, a container that has begun (:meth:`Watcher.begin`) is checked."""
    if check is None:
        yield None
        return
    watcher = Watcher(session, row, spec, check)
    try:
        yield watcher
    finally:
        watcher.end()


class Watcher:
    """Checks one container."""

    def __init__(self, session: Session, row: ContainerRow, spec: Spec, check: Check) -> None:
        self._session = session
        self._row = row
        self._spec = spec
        self._check = check
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._probe: Process | None = None

    def begin(self, process: Process) -> None:
        """The container runs; its first process is this one. Its health is written down when this returns."""
        self._row = replace(self._row, pid=process.pid, birth=process.birth)
        self._write(Health(status=STARTING))
        self._thread = threading.Thread(target=self._work, name=f"dockmagic-health-{self._row.name}", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """The container has ended; a check that is under way has ended with it."""
        self._over.set()
        if self._probe is not None:
            self._probe.kill()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def _work(self) -> None:
        begun = datetime.now(UTC)
        health = Health(status=STARTING)
        age = 0.0
        while not self._over.wait(pause(health, self._check, age=age)):
            if self._is_paused():
                continue
            probe = self._run()
            if self._is_paused():
                continue  # it was held too; what it came to says nothing
            if probe is None or self._over.is_set():
                return
            age = (datetime.now(UTC) - begun).total_seconds()
            health = judged(health, probe, self._check, age=age)
            self._write(health)

    def _is_paused(self) -> bool:
        row = self._session.store.containers.get(self._row.id)
        return row is not None and row.paused is not None

    def _write(self, health: Health) -> None:
        self._session.store.containers.checked(self._row.id, to_json(health))

    def _run(self) -> HealthProbe | None:
        """One check; None when the container is gone."""
        start, row = datetime.now(UTC), self._row
        spec = replace(self._spec, argv=self._check.test, files=(), task=())

        def begin(stdin: int, stdout: int, stderr: int) -> Process:
            return self._session.runtime.join(row.pid, row.birth, spec, stdin=stdin, stdout=stdout, stderr=stderr)

        def begun(process: Process) -> None:
            self._probe = process

        try:
            done = execute(begin, timeout=self._check.timeout, output_limit=_OUTPUT, started=begun)
        except DockmagicError as error:
            if self._over.is_set() or not _lives(row):
                return None
            return _probe(start, _KILLED, str(error))
        finally:
            self._probe = None
        if done.stopped == "timeout":
            return _probe(start, _KILLED, f"Health check exceeded timeout ({self._check.timeout:g}s)")
        return _probe(start, done.exit_code, done.capture.text("output"))


def _lives(row: ContainerRow) -> bool:
    from dockmagic.sandbox.identity import open_process  # noqa: PLC0415 - Linux only

    pidfd = open_process(row.pid, row.birth)
    if pidfd is None:
        return False
    os.close(pidfd)
    return True


def _probe(start: datetime, code: int, output: str) -> HealthProbe:
    return HealthProbe(start=start.isoformat(), end=datetime.now(UTC).isoformat(), exit_code=code, output=output)
