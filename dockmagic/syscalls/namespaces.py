"""Namespaces: making, joining, and what is set in them."""

from __future__ import annotations

import ctypes
import fcntl
import signal
import socket
import struct

from dockmagic.syscalls.call import call, failure, number

# linux/sched.h
NEWTIME = 0x00000080
NEWNS = 0x00020000
NEWCGROUP = 0x02000000
NEWUTS = 0x04000000
NEWIPC = 0x08000000
NEWUSER = 0x10000000
NEWPID = 0x20000000
NEWNET = 0x40000000

_SET_FLAGS = 0x8914  # SIOCSIFFLAGS
_UP_RUNNING = 0x41  # IFF_UP | IFF_RUNNING
_INTERFACE = struct.Struct("16sh22x")  # struct ifreq

# Calls through PyDLL keep the interpreter's lock, which a fork must hold.
_syscall = ctypes.PyDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long
for _hook in (
    ctypes.pythonapi.PyOS_BeforeFork,
    ctypes.pythonapi.PyOS_AfterFork_Child,
    ctypes.pythonapi.PyOS_AfterFork_Parent,
):
    _hook.restype = None


def clone(flags: int) -> int:
    """Fork a child that begins its life in new namespaces; otherwise as ``os.fork``.

    Unlike unshare(2) and fork it makes the child the first process of its pid namespace and ours at once. Only for a process
    with one thread.

    Args:
        flags: ``NEW*`` or'ed, without NEWTIME.
    """
    ctypes.pythonapi.PyOS_BeforeFork()
    pid = int(
        _syscall(ctypes.c_long(number("clone")), ctypes.c_ulong(flags | signal.SIGCHLD), *(ctypes.c_long(0),) * 4)
    )
    errno = ctypes.get_errno()
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
    else:
        ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise failure("clone", errno)
    return pid


def unshare(flags: int) -> None:
    """Move this process into new namespaces (its children for NEWPID and NEWTIME)."""
    call("unshare", flags)


def setns(descriptor: int, flags: int) -> None:
    """Join a namespace (a descriptor of ``/proc/<pid>/ns/*``), or several of one process (its pidfd, Linux 5.8)."""
    call("setns", descriptor, flags)


def sethostname(name: str) -> None:
    """Name this UTS namespace, at most 64 bytes."""
    encoded = name.encode()
    call("sethostname", encoded, len(encoded))


def loopback_up() -> None:
    """Let 127.0.0.1 work in a new network namespace; netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, _INTERFACE.pack(b"lo", _UP_RUNNING))
