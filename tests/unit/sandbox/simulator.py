"""Runs a classic BPF program of seccomp as the kernel would, on calls of any machine."""

from __future__ import annotations

import struct

KILL_PROCESS, ERRNO, NOTIFY, ALLOW = 0x80000000, 0x00050000, 0x7FC00000, 0x7FFF0000


def run(program: bytes, arch: int, number: int, arguments: tuple[int, ...] = ()) -> int:
    """The action that the program returns for one call.

    Raises:
        ValueError: the kernel's checker would refuse the program.
    """
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, arch, 0, *(a & 0xFFFFFFFFFFFFFFFF for a in padded))
    code = [struct.unpack_from("<HBBI", program, at) for at in range(0, len(program), 8)]
    if len(program) % 8 or not 0 < len(code) <= 4096:
        raise ValueError("length")
    accumulator = at = 0
    while at < len(code):
        operation, yes, no, k = code[at]
        at += 1
        match operation:
            case 0x20 if k % 4 == 0 and k <= 60:
                (accumulator,) = struct.unpack_from("<I", data, k)
            case 0x54:
                accumulator &= k
            case 0x05:
                at += k
            case 0x15:
                at += yes if accumulator == k else no
            case 0x35:
                at += yes if accumulator >= k else no
            case 0x45:
                at += yes if accumulator & k else no
            case 0x06:
                return k
            case _:
                raise ValueError(f"instruction {operation:#x} {k:#x}")
    raise ValueError("ran off the end")
