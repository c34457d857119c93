"""Talking to a filter's listener: seccomp_unotify(2), the supervisor's half. Plain ioctls, so no ctypes.

A notification is one system call of one thread, which waits until it is answered. The thread may be killed at any time,
and its pid be given to another process: what was read about it counts only if the notification is still valid
afterwards.
"""

from __future__ import annotations

import fcntl
import struct

# linux/seccomp.h: struct seccomp_notif (id, pid, flags, then struct seccomp_data), struct seccomp_notif_resp
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
_RESPONSE = struct.Struct("=QqiI")
_ID = struct.Struct("=Q")

_RECEIVE = 0xC0502100  # SECCOMP_IOCTL_NOTIF_RECV
_SEND = 0xC0182101  # SECCOMP_IOCTL_NOTIF_SEND
_ID_VALID = 0x40082102  # SECCOMP_IOCTL_NOTIF_ID_VALID
_SET_FLAGS = 0x40082104  # SECCOMP_IOCTL_NOTIF_SET_FLAGS, Linux 6.6
_SYNC_WAKE_UP = 1


class Notification:
    """A system call that waits for an answer.

    Attributes:
        id: what the answer names.
        pid: the calling thread, in the reader's pid namespace; 0 when it is not visible there.
        number: of the call, in the ABI of ``arch``.
        arch: ``AUDIT_ARCH_*``.
        arguments: six, 64 bits each.
    """

    __slots__ = ("arch", "arguments", "id", "number", "pid")

    def __init__(self, packed: bytes) -> None:
        fields = _NOTIFICATION.unpack(packed)
        self.id: int = fields[0]
        self.pid: int = fields[1]
        self.number: int = fields[3]
        self.arch: int = fields[4]
        self.arguments: tuple[int, ...] = fields[6:]


def wake_synchronously(listener: int) -> bool:
    """Let caller and supervisor hand over on one CPU, which is faster; False where the kernel cannot (before 6.6)."""
    try:
        fcntl.ioctl(listener, _SET_FLAGS, _SYNC_WAKE_UP)
    except OSError:
        return False
    return True


def receive(listener: int) -> Notification:
    """The next notification; waits if there is none.

    Raises:
        FileNotFoundError: the caller was killed before its notification was read.
    """
    buffer = bytearray(_NOTIFICATION.size)  # the kernel insists on zeros
    fcntl.ioctl(listener, _RECEIVE, buffer)
    return Notification(bytes(buffer))


def is_valid(listener: int, notification: Notification) -> bool:
    """The caller still waits, so its pid was its own until now."""
    try:
        fcntl.ioctl(listener, _ID_VALID, _ID.pack(notification.id))
    except FileNotFoundError:
        return False
    return True


def answer(listener: int, notification: Notification, errno: int = 0) -> None:
    """Let the call return 0, or -1 with ``errno``; a caller that was killed meanwhile is no error."""
    try:
        fcntl.ioctl(listener, _SEND, _RESPONSE.pack(notification.id, 0, -errno, 0))
    except FileNotFoundError:
        return
