"""One system call by name, with its number on this machine."""

from __future__ import annotations

import ctypes
import os

# (x86-64, 64-bit Arm): asm/unistd_64.h and asm-generic/unistd.h
_NUMBERS = {
    "capset": (126, 91),
    "clone": (56, 220),
    "close_range": (436, 436),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "keyctl": (250, 219),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "openat2": (437, 437),
    "pivot_root": (155, 41),
    "prctl": (157, 167),
    "renameat2": (316, 276),
    "seccomp": (317, 277),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "syncfs": (306, 267),
    "tgkill": (234, 131),
    "umount2": (166, 39),
    "unshare": (272, 97),
}
MACHINES = ("x86_64", "aarch64")

AT_FDCWD = -100

_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long

Argument = int | bytes | bytearray | None


def call(name: str, *arguments: Argument, path: str | bytes | None = None) -> int:
    """Make a system call.

    Args:
        name: the call's name.
        arguments: integers; bytes as strings or structures that the kernel only reads (a NUL follows them);
            bytearrays that it may write; None for a null pointer.
        path: for the error.

    Returns:
        What the call returned.

    Raises:
        OSError: the call failed, or this machine is neither x86-64 nor 64-bit Arm (ENOSYS).
    """
    converted = [_convert(argument) for argument in arguments]
    result = int(_syscall(ctypes.c_long(number(name)), *converted))
    if result < 0:
        raise failure(name, ctypes.get_errno(), path)
    return result


def failure(name: str, errno: int, path: str | bytes | None = None) -> OSError:
    """The error of a call, of the subclass that its number has."""
    words = f"{name}: {os.strerror(errno)}"
    return OSError(errno, words) if path is None else OSError(errno, words, os.fsdecode(path))


def address(buffer: bytes) -> tuple[int, object]:
    """Bytes at a fixed address: the address, and what must be kept alive while it is used."""
    kept = ctypes.create_string_buffer(buffer, len(buffer))
    return ctypes.addressof(kept), kept


def erase(start: int, size: int) -> None:
    """Fill a part of this process's memory, which must be its own and writable, with zeros."""
    ctypes.memset(start, 0, size)


def number(name: str) -> int:
    """The call's number on this machine; OSError (ENOSYS) on one that is not known here."""
    machine = os.uname().machine
    if machine not in MACHINES:
        raise failure(name, 38)  # ENOSYS
    return _NUMBERS[name][MACHINES.index(machine)]


def _convert(argument: Argument) -> object:
    if argument is None:
        return ctypes.c_void_p(None)
    if isinstance(argument, int):
        return ctypes.c_long(argument) if argument < 1 << 63 else ctypes.c_ulong(argument)
    if isinstance(argument, bytes):
        return ctypes.c_char_p(argument)
    return (ctypes.c_char * len(argument)).from_buffer(argument)
