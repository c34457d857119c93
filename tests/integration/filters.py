"""Loading a filter into the kernel, apart from dockmagic's own way, so that each can be judged by the other."""

from __future__ import annotations

import ctypes  # noqa: TID251 - the tests' own way on purpose
import os
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
_SECCOMP = {"x86_64": 317, "aarch64": 277}[os.uname().machine]


def check(result: int) -> int:
    """A result of libc, or the OSError that it stands for."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def call(number: int, *arguments: int) -> int:
    """A raw system call; 64-bit arguments."""
    return check(LIBC.syscall(ctypes.c_long(number), *(ctypes.c_ulong(a & 0xFFFFFFFFFFFFFFFF) for a in arguments)))


def install(program: bytes, flags: int = 0) -> int:
    """Set no_new_privs and load a program of seccomp; the listener's descriptor with SECCOMP_FILTER_FLAG_NEW_LISTENER (8)."""
    check(LIBC.prctl(38, 1, 0, 0, 0))
    instructions = ctypes.create_string_buffer(program, len(program))
    head = ctypes.create_string_buffer(struct.pack("=H6xQ", len(program) // 8, ctypes.addressof(instructions)), 16)
    return check(LIBC.syscall(ctypes.c_long(_SECCOMP), ctypes.c_long(1), ctypes.c_long(flags), head))
