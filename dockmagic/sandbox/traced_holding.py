"""Holding all that one PRoot traces, and letting it go on: for containers without walls, whose processes are known by their tracer alone.

PRoot runs a process on that is only told to stop. So PRoot is stopped first: from then on whatever it traces stands still at its next system
call or signal, and a signal is sent to every thread. While PRoot stands, nobody reaps what it traces, so no number of these can be
given away.

Standard library only, and no ``typing``.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import ESRCH

from dockmagic.syscalls.call import call

# Seconds that it may take until all stand still, and how often it is looked at.
_PATIENCE, _LOOK = 10.0, 0.01
# proc_pid_stat(5): stopped, or ended.
_STILL = frozenset(b"tTZX")


def tracer_of(pid: int) -> int:
    """The process that traces another one, 0 for none; proc_pid_status(5).

    Raises:
        OSError: it has ended.
    """
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - no pathlib here
        for line in file:
            if line.startswith("TracerPid:"):
                return int(line.split()[1])
    return 0


def hold(first: int) -> bool:
    """Stop what traces a container's first process, and all that it traces.

    Args:
        first: pid of the first process, which the caller knows to live.

    Returns:
        Whether all stand still; else some may run, and :func:`release` lets them all go on.

    Raises:
        OSError: it has ended, or nobody traces it.
    """
    with _tracer(first) as (tracer, pidfd):
        signal.pidfd_send_signal(pidfd, signal.SIGSTOP)
        return _stands(tracer)


def release(first: int) -> None:
    """Let all of it go on, the tracer last: it then finds no stop that it would pass on.

    Raises:
        OSError: it has ended.
    """
    with _tracer(first) as (tracer, pidfd):
        for pid in traced(tracer):
            _send(pid, tracer, signal.SIGCONT)
        signal.pidfd_send_signal(pidfd, signal.SIGCONT)


@contextmanager
def _tracer(first: int) -> Iterator[tuple[int, int]]:
    """What traces a process, by pid and by a descriptor of it."""
    tracer = tracer_of(first)
    if not tracer:
        raise ProcessLookupError(ESRCH, "nobody traces it")
    pidfd = os.pidfd_open(tracer)
    try:
        if tracer_of(first) != tracer:
            raise ProcessLookupError(ESRCH, "it has ended")
        yield tracer, pidfd
    finally:
        os.close(pidfd)


def traced(tracer: int) -> list[int]:
    """What a process traces."""
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - as above
        with suppress(OSError):
            if name.isdigit() and tracer_of(int(name)) == tracer:
                found.append(int(name))
    return found


def _stands(tracer: int) -> bool:
    """Stop each thread of what a stopped process traces, until nothing moves; False when that does not come."""
    told: set[tuple[int, int]] = set()
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        moving = [*_moving(tracer), *(thread for pid in traced(tracer) for thread in _moving(pid))]
        if not moving:
            return True
        for pid, thread in moving:
            if pid != tracer and (pid, thread) not in told:
                told.add((pid, thread))
                with suppress(ProcessLookupError):
                    call("tgkill", pid, thread, signal.SIGSTOP)
        time.sleep(_LOOK)
    return False


def _send(pid: int, tracer: int, number: int) -> None:
    """A signal for a process, if it is still the one that is traced."""
    with suppress(OSError):
        pidfd = os.pidfd_open(pid)
        try:
            if tracer_of(pid) == tracer:
                signal.pidfd_send_signal(pidfd, number)
        finally:
            os.close(pidfd)


def _moving(pid: int) -> list[tuple[int, int]]:
    """The threads of a process that do not stand still: pid and number."""
    found = []
    with suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - as above
            with suppress(OSError), open(f"/proc/{pid}/task/{name}/stat", "rb") as file:  # noqa: PTH123 - as above
                if file.read().rpartition(b")")[2].split()[0][0] not in _STILL:
                    found.append((pid, int(name)))
    return found
