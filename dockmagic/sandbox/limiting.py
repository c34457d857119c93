"""Resource limits that a container's process takes on by itself: setrlimit(2), and the processors that it runs on.

Standard library only, and no ``typing``.
"""

from __future__ import annotations

import math
import os
import resource

from dockmagic.sandbox.accounts import Refused
from dockmagic.sandbox.watch import HEADROOM

# asm-generic/resource.h; names as docker's --ulimit has them
KINDS = {
    "cpu": 0,
    "fsize": 1,
    "data": 2,
    "stack": 3,
    "core": 4,
    "rss": 5,
    "nproc": 6,
    "nofile": 7,
    "memlock": 8,
    "locks": 10,
    "sigpending": 11,
    "msgqueue": 12,
    "nice": 13,
    "rtprio": 14,
    "rttime": 15,
}
# Descriptors that a process of ours may need on its way to the program, and that the program has at its beginning.
_ROOM, _LEAST = 64, 4
# No file of a course has a terabyte: a sparse one only looks like it, and fills a disk once it is copied.
_LARGEST_FILE = 1 << 40
_DEFAULTS = {"core": (0, 0), "nofile": (1024, 4096), "fsize": (_LARGEST_FILE, _LARGEST_FILE)}
# A file may grow this much beyond the writable layer's limit, so that the watch can see that it has.
_DISK_HEADROOM = 64 << 20


def limit_resources(limits) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
    """Take on the defaults, never above what the host allows, and what was asked for.

    Args:
        limits: ``Limits`` as JSON.

    Raises:
        Refused: the host does not allow what was asked for.
    """
    asked = {name for name, _, _ in limits["ulimits"]}
    defaults = dict(_DEFAULTS)
    if limits["pids"]:
        most = limits["pids"] + HEADROOM
        defaults["nproc"] = (most, most)
    if limits["disk"]:
        most = limits["disk"] + _DISK_HEADROOM
        defaults["fsize"] = (most, most)
    for name, (soft, hard) in defaults.items():
        if name in asked:
            continue
        most = resource.getrlimit(KINDS[name])[1]
        bounded = hard if most == resource.RLIM_INFINITY else min(hard, most)
        resource.setrlimit(KINDS[name], (min(soft, bounded), bounded))
    for name, soft, hard in limits["ulimits"]:
        if name == "nofile" and 0 <= soft < _LEAST:
            raise Refused(f"--ulimit nofile={soft}:{hard}: no program begins with fewer than {_LEAST} open files")
        if not _comes_late(name, hard):
            _set(name, soft, hard)


def limit_files(limits) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
    """Take on a limit of open files that is too low for what comes before the program."""
    for name, soft, hard in limits["ulimits"]:
        if _comes_late(name, hard):
            _set(name, soft, hard)


def weaker(limits, by: dict[str, str]) -> list[str]:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
    """What was asked for and no control group holds, in words; --cpus then becomes the processors that this process may use.

    Args:
        limits: ``Limits`` as JSON.
        by: controllers that are in force.
    """
    notes = []
    if limits["memory"] and "memory" not in by:
        notes.append("--memory is held by looking every 50 ms: no control group can be made here")
    if limits["cpus"] and "cpu" not in by:
        notes.append(_hold_processors(limits["cpus"]))
    return notes


def _hold_processors(cpus: float) -> str:
    allowed = sorted(os.sched_getaffinity(0))
    count = min(len(allowed), math.ceil(cpus))
    # Not the same ones for every container.
    first = os.urandom(1)[0] % len(allowed)
    os.sched_setaffinity(0, {allowed[(first + number) % len(allowed)] for number in range(count)})
    words = "1 processor" if count == 1 else f"{count} processors"
    return f"--cpus is held by keeping to {words}, which a program can undo: no control group can be made here"


def _comes_late(name: str, hard: int) -> bool:
    return name == "nofile" and 0 <= hard < _ROOM


def _set(name: str, soft: int, hard: int) -> None:
    """One that was asked for."""
    kind = KINDS[name]
    most = resource.getrlimit(kind)[1]
    try:
        resource.setrlimit(kind, (soft, hard))
    except (ValueError, OSError) as error:
        raise Refused(f"--ulimit {name}={soft}:{hard}: this machine allows at most {most}") from error
