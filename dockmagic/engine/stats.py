"""``stats`` and ``top``: what living containers use, and their processes, as /proc of this machine tells."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockmagic.engine import containers
from dockmagic.errors import ConflictError
from dockmagic.record.escape import visible
from dockmagic.table import Table, decimal_size, shortened

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.results import Container
    from dockmagic.store.containers import ContainerRow

_INTERVAL = 0.2  # seconds between the two looks at the processors
# proc_pid_stat(5), counted after the command's closing parenthesis
_STATE, _USER_TIME, _SYSTEM_TIME = 0, 11, 12
_LONGEST_COMMAND = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What a container uses.

    Attributes:
        cpu: share of one processor, in percent, over a fifth of a second.
        memory: bytes, shared pages counted by their share.
        memory_limit: bytes, 0 for none.
        pids: processes and threads.
        pids_limit: 0 for none.
    """

    name: str
    cpu: float
    memory: int
    memory_limit: int
    pids: int
    pids_limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A process of a container.

    Attributes:
        pid: its number inside.
        state: as ps(1) has it: ``R``, ``S``, ``D``, ``Z``, ``T``.
        seconds: of processor time.
        command: its words with blanks between.
    """

    pid: int
    state: str
    seconds: float
    command: str


def stats(session: Session, names: Sequence[str | Container] = ()) -> Table[Stats]:
    """What containers use: those named, else all that run.

    Raises:
        NotFoundError: one is not there.
        ConflictError: one does not run.
    """
    rows = [_running(session, name) for name in names] or [
        row for row in session.store.containers.list() if row.status == containers.RUNNING
    ]
    before = {row.id: (_processor_time(row), time.monotonic()) for row in rows}
    if rows:
        time.sleep(_INTERVAL)
    items = tuple(_of(row, *before[row.id]) for row in rows)
    return Table(
        columns=("NAME", "CPU %", "MEMORY", "LIMIT", "PIDS"),
        items=items,
        rows=tuple(
            (
                found.name,
                f"{found.cpu:.1f}",
                decimal_size(found.memory),
                decimal_size(found.memory_limit) if found.memory_limit else "",
                f"{found.pids}/{found.pids_limit}" if found.pids_limit else str(found.pids),
            )
            for found in items
        ),
    )


def top(session: Session, name: str | Container) -> Table[Listed]:
    """The processes of a container.

    Raises:
        NotFoundError: there is none.
        ConflictError: it does not run.
    """
    items = tuple(
        sorted((found for pid in _pids(_running(session, name)) if (found := _listed(pid))), key=lambda p: p.pid)
    )
    return Table(
        columns=("PID", "STATE", "TIME", "COMMAND"),
        items=items,
        rows=tuple((str(p.pid), p.state, f"{p.seconds:.2f} s", shortened(visible(p.command))) for p in items),
    )


def _running(session: Session, name: str | Container) -> ContainerRow:
    row = containers.find(session, name)
    if row.status != containers.RUNNING:
        raise ConflictError(f"container {row.name} is not running")
    return row


def _of(row: ContainerRow, used: float, when: float) -> Stats:
    from dockmagic.sandbox import watch  # noqa: PLC0415 - Linux only

    tree = _tree(row)
    spent = max(0.0, _processor_time(row) - used)
    limits = row.spec.get("limits", {})
    return Stats(
        name=row.name,
        cpu=100 * spent / max(time.monotonic() - when, 0.001),
        memory=watch.memory_of(tree),
        memory_limit=limits.get("memory", 0),
        pids=sum(threads for _, threads, _ in tree),
        pids_limit=limits.get("pids", 0),
    )


def _pids(row: ContainerRow) -> list[int]:
    return [pid for pid, _, _ in _tree(row)]


def _tree(row: ContainerRow) -> list[tuple[int, int, int]]:
    """Its processes: those of its pid namespace; without one, what comes from its first process."""
    from dockmagic.sandbox import watch  # noqa: PLC0415 - Linux only
    from dockmagic.sandbox.identity import pid_namespace  # noqa: PLC0415 - Linux only

    if not _lives(row):
        return []
    found = _namespace(row)
    return watch.members([row.pid]) if found == pid_namespace(os.getpid()) else watch.everyone(found)


def _lives(row: ContainerRow) -> bool:
    from dockmagic.sandbox.identity import open_process  # noqa: PLC0415 - Linux only

    pidfd = open_process(row.pid, row.birth)
    if pidfd is None:
        return False
    os.close(pidfd)
    return True


def _namespace(row: ContainerRow) -> tuple[int, int]:
    from dockmagic.sandbox.identity import pid_namespace  # noqa: PLC0415 - Linux only

    try:
        return pid_namespace(row.pid)
    except OSError:
        return (0, 0)  # it has ended since; nothing is in there


def _processor_time(row: ContainerRow) -> float:
    return sum(found.seconds for pid in _pids(row) if (found := _listed(pid)))


def _listed(pid: int) -> Listed | None:
    """A process as it stands; None for one that is gone."""
    process = Path(f"/proc/{pid}")
    try:
        words = (process / "stat").read_bytes().rpartition(b")")[2].split()
        status = (process / "status").read_text("utf-8", "replace")
        with (process / "cmdline").open("rb") as file:
            command = file.read(_LONGEST_COMMAND).replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return None
    fields = {key: value.strip() for key, _, value in (line.partition(":") for line in status.splitlines())}
    ticks = int(words[_USER_TIME]) + int(words[_SYSTEM_TIME])
    return Listed(
        pid=int(fields.get("NSpid", str(pid)).split()[-1]),
        state=words[_STATE].decode("ascii", "replace"),
        seconds=ticks / os.sysconf("SC_CLK_TCK"),
        command=command or f"[{fields.get('Name', '')}]",
    )
