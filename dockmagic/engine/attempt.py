"""One process in one container, from its start to the value that tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from dockmagic.changes import ChangedPath
from dockmagic.engine import containers, health, networks
from dockmagic.engine.difference import Standing, between
from dockmagic.engine.failure import failure
from dockmagic.engine.order import ordered
from dockmagic.engine.request import Request
from dockmagic.engine.taking import take
from dockmagic.errors import StoreError
from dockmagic.results import Build, Image, Isolation, Run
from dockmagic.sandbox import one_id
from dockmagic.sandbox.execution import Outcome, execute
from dockmagic.sandbox.spec import Spec
from dockmagic.store.log import LogWriter

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.sandbox.pump import Listener
    from dockmagic.sandbox.runtime import Process
    from dockmagic.store.containers import ContainerRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A process that is to run.

    Attributes:
        row: its container.
        joins: the container lives; the process is added to it.
        before: an exec's container as it stands, so that only what the exec changes is told.
        build: the build before it in the one-cell form.
        check: of the container's health, None for none.
        notes: what was honoured more weakly than asked.
    """

    session: Session
    row: ContainerRow
    spec: Spec
    request: Request
    image: Image
    verb: Literal["run", "exec"]
    kept: bool
    joins: bool = False
    before: Mapping[str, Standing] | None = None
    build: Build | None = None
    check: health.Check | None = None
    notes: tuple[str, ...] = ()


def perform(attempt: Attempt, listener: Listener | None) -> Run:
    """Run it to its end.

    Raises:
        IsolationError: a wall could not be built; nothing ran.
        KeyboardInterrupt: it was interrupted; ``.run`` is the Run.
    """
    session, row, spec = attempt.session, attempt.row, attempt.spec
    runtime = session.runtime

    def start(stdin: int, stdout: int, stderr: int) -> Process:
        if attempt.joins:
            return runtime.join(row.pid, row.birth, spec, stdin=stdin, stdout=stdout, stderr=stderr)
        return runtime.start(spec, stdin=stdin, stdout=stdout, stderr=stderr)

    def started(process: Process) -> None:
        if not attempt.joins:
            session.store.containers.started(row.id, pid=process.pid, birth=process.birth)
            if watcher is not None:
                watcher.begin(process)
            networks.started(session, row, process)
        else:
            # Paused since it was looked at: whoever pauses stops what is in there by now, and nothing may go on beside it.
            now = session.store.containers.get(row.id)
            containers.require_unpaused(now or row)
        if attempt.request.on_start is not None:
            attempt.request.on_start(process)

    with (
        health.watched(session, row, spec, attempt.check) as watcher,
        LogWriter(session.store.containers.log_path(row.id)) as log,
    ):
        outcome = execute(
            start,
            log=log,
            stdin=attempt.request.stdin,
            listener=listener,
            timeout=attempt.request.timeout,
            output_limit=attempt.request.output_limit,
            started=started,
        )
    value = _value(attempt, outcome)
    if outcome.stopped == "interrupted":
        interrupt = KeyboardInterrupt()
        interrupt.run = value  # type: ignore[attr-defined]
        raise interrupt
    return value


def _value(attempt: Attempt, outcome: Outcome) -> Run:
    session, row, spec = attempt.session, attempt.row, attempt.spec
    now = _ended(attempt, outcome)
    paths, size = _changes(session, now)
    own = paths if attempt.before is None or now is None else _own(session, now, attempt.before, paths)
    gone = replace(row, status=containers.EXITED, exit_code=outcome.exit_code)
    files, missing = take(session, now, attempt.request.get, spec)
    script = attempt.request.script is not None
    error = failure(outcome, argv=spec.argv, script=script, timeout=attempt.request.timeout, limits=spec.limits)
    if error is not None and not error.hint and session.runtime.isolation.ids == "single":
        error.hint = one_id.hint(outcome.capture.text("stderr"))
    return Run(
        exit_code=outcome.exit_code,
        stopped=outcome.stopped,
        error=error or missing,
        stdout=outcome.capture.text("stdout"),
        stderr=outcome.capture.text("stderr"),
        output=outcome.capture.text("output"),
        changes={p.path: p.kind for p in own},
        paths=own,
        isolation=isolation(attempt, now or gone, outcome),
        seconds=outcome.seconds,
        container=containers.describe(session, now or gone, known=(paths, size)),
        image=attempt.image,
        build=attempt.build,
        verb=attempt.verb,
        kept=attempt.kept,
        files=files,
    )


def isolation(attempt: Attempt, row: ContainerRow, outcome: Outcome | None = None) -> Isolation:
    """How strong the wall around a process is; of one that has ended also what its limits and notes came to."""
    found = attempt.session.runtime.isolation
    ended = (*outcome.ending.notes, *outcome.capture.notes()) if outcome is not None else ()
    return Isolation(
        tier=found.tier,
        ids=found.ids,
        network=row.spec.get("network", "none"),
        network_by=row.spec.get("network_by", ""),
        notes=(*found.notes, *attempt.notes, *ended),
        limits=outcome.ending.limits if outcome is not None else {},
    )


def _ended(attempt: Attempt, outcome: Outcome) -> ContainerRow | None:
    """Write down how it ended; None for a container that was removed meanwhile."""
    session, row = attempt.session, attempt.row
    owners = dict(outcome.ending.owners)
    # A container that stays may be used by several users: what each made has to be told apart.
    # In a living one that is seen to at its end, for all of its processes run as the same user there.
    stays = attempt.kept or outcome.ending.user != (0, 0)
    if session.runtime.isolation.ids == "single" and stays and not attempt.joins:
        owners = _stamped(attempt, outcome, owners)
    if not attempt.joins:
        session.store.containers.ended(row.id, exit_code=outcome.exit_code, stopped=outcome.stopped, owners=owners)
    return session.store.containers.get(row.id)


def _stamped(attempt: Attempt, outcome: Outcome, owners: dict[str, list[int]]) -> dict[str, list[int]]:
    """Where only one id is mapped, the files that a user made do not say so by themselves."""
    arguments = {
        "lowers": list(attempt.spec.lowers),
        "owner": list(outcome.ending.user),
        "owners": {**attempt.spec.owners, **owners},
    }
    try:
        found: dict[str, list[int]] = containers.on_layer(attempt.session, attempt.row, "stamp", arguments)["owners"]
    except StoreError:
        if attempt.session.store.containers.get(attempt.row.id) is not None:
            raise
        return owners  # removed meanwhile
    return found


def _changes(session: Session, row: ContainerRow | None) -> tuple[tuple[ChangedPath, ...], int]:
    try:
        return containers.changes(session, row) if row is not None else ((), 0)
    except StoreError:
        if row is not None and session.store.containers.get(row.id) is not None:
            raise
        return (), 0  # removed meanwhile


def _own(
    session: Session, row: ContainerRow, before: Mapping[str, Standing], paths: tuple[ChangedPath, ...]
) -> tuple[ChangedPath, ...]:
    return ordered(between(before, listing(session, row), {p.path: p for p in paths}))


def listing(session: Session, row: ContainerRow) -> dict[str, Standing]:
    """The writable layer as it stands: absolute path to kind and stamp."""
    found = containers.on_layer(session, row, "listing", {})
    return {path: Standing(kind=kind, stamp=tuple(stamp), size=size) for path, kind, size, stamp in found["entries"]}
