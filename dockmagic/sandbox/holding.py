"""Holding all processes of a container, and letting them go on: SIGSTOP and SIGCONT for each one of its pid namespace.

No control group is needed for it, so it works on every machine that builds walls. A parent is stopped before its children and goes on
after them, so a shell inside never sees that a child of its was stopped.

Standard library only, and no ``typing``.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from dockmagic.sandbox import identity

# Seconds that a container may take to stand still, and how often it is looked at.
_PATIENCE, _LOOK = 10.0, 0.01
# proc_pid_stat(5): stopped by a signal; and what uses no processor and stops before it could: ended, traced, or in the midst of a call
# that nothing interrupts, as a parent is in vfork(2).
_STOPPED = b"T"
_STILL = frozenset(b"TtZXD")
# A child may be born between the look at the list and the look at its parent: twice nothing new is nothing new.
_QUIET = 2

Who = tuple[int, int]


def namespace(pid: int) -> tuple[int, int]:
    """The identity of the pid namespace that a container's first process stands in.

    The one that ``--init`` gives shows nobody its namespace, but its child does.

    Raises:
        OSError: it has ended.
    """
    try:
        return identity.pid_namespace(pid)
    except PermissionError:
        for child in identity.children(pid):
            with suppress(OSError):
                return identity.pid_namespace(child)
        raise


def hold(found: tuple[int, int]) -> tuple[Who, ...] | None:
    """Stop every process of a pid namespace, those that are born meanwhile too; returns once all stand still.

    Returns:
        Pid and birth of those that were stopped before; None when it did not come to a standstill in time, and some may run.
    """
    told: set[Who] = set()
    before: list[Who] = []
    quiet = 0
    end = time.monotonic() + _PATIENCE
    while quiet < _QUIET:
        if time.monotonic() >= end:
            return None
        seen = _everyone(found)
        fresh = [who for who in sorted(seen, key=_age) if who not in told]
        for who in fresh:
            if seen[who] == _STOPPED:
                before.append(who)
            _send(who, signal.SIGSTOP)
        told.update(fresh)
        quiet = quiet + 1 if not fresh and all(state[0] in _STILL for state in seen.values()) else 0
        if not fresh and not quiet:
            time.sleep(_LOOK)
    return tuple(before)


def release(found: tuple[int, int], before: tuple[Who, ...] = ()) -> None:
    """Let every process of a pid namespace go on, but those that were stopped ``before``."""
    for who in sorted(_everyone(found), key=_age, reverse=True):
        if who not in before:
            _send(who, signal.SIGCONT)


def _age(who: Who) -> Who:
    pid, born = who
    return born, pid


def _everyone(found: tuple[int, int]) -> dict[Who, bytes]:
    """Pid and birth of the processes of a pid namespace, and in which state each is."""
    belongs = identity.in_namespace(found)
    seen: dict[Who, bytes] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - as above
        with suppress(OSError):
            if name.isdigit() and belongs(int(name)):
                born, state = identity.standing(int(name))
                seen[int(name), born] = state
    return seen


def _send(who: Who, number: int) -> None:
    pidfd = identity.open_process(*who)
    if pidfd is None:
        return
    try:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, number)
    finally:
        os.close(pidfd)
