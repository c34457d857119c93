"""Processes by identity: a pid with its birth, a pid namespace, a session; never a name, a pattern or "all".

A pid alone may belong to somebody else by the time it is used. Here it is first held by a pidfd (pidfd_open(2)), then what it stands for
is checked, and then the signal goes through the pidfd. ``/proc`` must be that of our own pid namespace.

Standard library only, and no ``typing``.
"""

from __future__ import annotations

import fcntl
import os
import signal
import struct
from collections.abc import Callable, Iterator

# proc_pid_stat(5), counted after the command's closing parenthesis
_STATE = 0
_PARENT = 1
_GROUP = 2
_SESSION = 3
_STARTTIME = 19
# linux/pidfd.h: PIDFD_GET_INFO, struct pidfd_info, PIDFD_INFO_EXIT
_GET_INFO, _EXIT = 0xC040FF0B, 1 << 3
_INFO = struct.Struct("=QQ11Ii")


def birth(pid: int) -> int:
    """When a process began, in clock ticks since the machine did; with its pid it is unique until the next start.

    Raises:
        ProcessLookupError: there is no such process.
    """
    return int(_stat(pid)[_STARTTIME])


def standing(pid: int) -> tuple[int, bytes]:
    """When a process began, as :func:`birth` has it, and its state: ``b"R"``, ``b"S"``, ``b"T"``.

    Raises:
        ProcessLookupError: there is no such process.
    """
    words = _stat(pid)
    return int(words[_STARTTIME]), words[_STATE]


def parent(pid: int) -> int:
    """The pid of a process's parent, 0 for one that is gone."""
    try:
        return int(_stat(pid)[_PARENT])
    except ProcessLookupError:
        return 0


def children(pid: int) -> list[int]:
    """What a process's first thread has started and nobody has taken over; proc_pid_task(5).

    Raises:
        OSError: there is no such process.
    """
    with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:  # noqa: PTH123 - no pathlib here
        return [int(word) for word in file.read().split()]


def ended_as(pidfd: int) -> int | None:
    """How a process ended that is another's to wait for, as wait(2) has it; None where the kernel does not say (before 6.15)."""
    info = bytearray(_INFO.pack(_EXIT, *([0] * 13)))
    try:
        fcntl.ioctl(pidfd, _GET_INFO, info)
    except OSError:
        return None
    mask, *_, status = _INFO.unpack(info)
    return int(status) if mask & _EXIT else None


def open_process(pid: int, born: int) -> int | None:
    """A pidfd of the process with this pid and birth; None when it is gone."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    try:
        same = birth(pid) == born
    except ProcessLookupError:
        same = False
    if same:
        return descriptor
    os.close(descriptor)
    return None


def in_namespace(namespace: tuple[int, int]) -> Callable[[int], bool]:
    """A test whether a pid is in the pid namespace with this identity (device and inode)."""

    def test(pid: int) -> bool:
        return pid_namespace(pid) == namespace

    return test


def in_session(session: int, namespace: tuple[int, int]) -> Callable[[int], bool]:
    """A test whether a pid is in this session and this pid namespace."""

    def test(pid: int) -> bool:
        return int(_stat(pid)[_SESSION]) == session and pid_namespace(pid) == namespace

    return test


def in_group(group: int) -> Callable[[int], bool]:
    """A test whether a pid is in this process group."""

    def test(pid: int) -> bool:
        return int(_stat(pid)[_GROUP]) == group

    return test


def pid_namespace(pid: int) -> tuple[int, int]:
    """The identity of a process's pid namespace."""
    found = os.stat(f"/proc/{pid}/ns/pid")  # noqa: PTH116 - no pathlib here
    return found.st_dev, found.st_ino


def send_to(number: int, belongs: Callable[[int], bool]) -> int:
    """Send a signal to every process that belongs; returns how many got it."""
    sent = 0
    for pidfd in _members(belongs):
        try:
            signal.pidfd_send_signal(pidfd, number)
            sent += 1
        except (ProcessLookupError, PermissionError):
            continue
        finally:
            os.close(pidfd)
    return sent


def catches(pid: int, number: int) -> bool:
    """The process has a handler for this signal."""
    with open(f"/proc/{pid}/status", "rb") as status:  # noqa: PTH123 - no pathlib here
        for line in status:
            if line.startswith(b"SigCgt:"):
                return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def _members(belongs: Callable[[int], bool]) -> Iterator[int]:
    """Pidfds of the processes that belong; each was opened before it was looked at."""
    for name in os.listdir("/proc"):  # noqa: PTH208 - no pathlib here
        if not name.isdigit():
            continue
        try:
            pidfd = os.pidfd_open(int(name))
        except OSError:
            continue
        try:
            belongs_now = belongs(int(name))
        except OSError:
            belongs_now = False
        if belongs_now:
            yield pidfd
        else:
            os.close(pidfd)


def _stat(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123 - no pathlib here
            text = stat.read()
    except FileNotFoundError:
        raise ProcessLookupError(3, "no such process") from None
    return text[text.rindex(b")") + 2 :].split()
