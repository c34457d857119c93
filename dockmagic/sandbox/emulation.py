"""Whether the kernel starts programs of another architecture, as it does where binfmt_misc has an emulator for them."""

from __future__ import annotations

import os
import struct
import subprocess
from typing import NamedTuple


class _Machine(NamedTuple):
    """How a program that exits with 0 is written: elf(5), syscall(2); ``flags`` name an ABI where there are several."""

    number: int
    code: bytes
    wide: bool = True
    big: bool = False
    flags: int = 0


_MACHINES = {
    "amd64": _Machine(number=62, code=bytes.fromhex("b83c000000 31ff 0f05")),
    "386": _Machine(number=3, code=bytes.fromhex("b801000000 31db cd80"), wide=False),
    "arm64": _Machine(number=183, code=struct.pack("<3I", 0xD2800BA8, 0xD2800000, 0xD4000001)),
    "arm": _Machine(number=40, code=struct.pack("<3I", 0xE3A07001, 0xE3A00000, 0xEF000000), wide=False),
    "riscv64": _Machine(number=243, code=struct.pack("<3I", 0x05D00893, 0x00000513, 0x00000073)),
    "ppc64le": _Machine(number=21, code=struct.pack("<3I", 0x38000001, 0x38600000, 0x44000002), flags=2),
    "s390x": _Machine(number=22, code=bytes.fromhex("a7190001 a7290000 0a01"), big=True),
    "mips64le": _Machine(number=8, code=struct.pack("<3I", 0x240213C2, 0x24040000, 0x0000000C), flags=0x80000000),
    "loong64": _Machine(number=258, code=struct.pack("<3I", 0x0381740B, 0x03800004, 0x002B0000)),
}
_EXECUTABLE, _LOADED, _READ_EXECUTE = 2, 1, 5
_ADDRESS, _PAGE = 0x400000, 0x10000
# Seconds for that program; an emulator on a busy machine takes less than one.
_PATIENCE = 60


def runs(architecture: str) -> bool:
    """Start a program that does nothing but end.

    Args:
        architecture: of the program, in Go's names.
    """
    if architecture not in _MACHINES:
        return False
    descriptor = os.memfd_create("program")
    try:
        os.write(descriptor, program(architecture))
        words = [f"/proc/self/fd/{descriptor}"]
        done = subprocess.run(
            words, pass_fds=[descriptor], capture_output=True, check=False, timeout=_PATIENCE, cwd="/", env={}
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    finally:
        os.close(descriptor)
    return done.returncode == 0


def program(architecture: str) -> bytes:
    """An executable for Linux that ends with exit code 0; of one segment, which holds all of it."""
    machine = _MACHINES[architecture]
    order, word = ">" if machine.big else "<", "Q" if machine.wide else "I"
    ident = b"\x7fELF" + bytes([1 + machine.wide, 1 + machine.big, 1]) + bytes(9)
    head, segment = (64, 56) if machine.wide else (52, 32)
    size = head + segment + len(machine.code)
    fields = (
        _EXECUTABLE,
        machine.number,
        1,
        _ADDRESS + head + segment,
        head,
        0,
        machine.flags,
        head,
        segment,
        1,
        0,
        0,
        0,
    )
    span = (0, _ADDRESS, _ADDRESS, size, size)
    loaded = (
        struct.pack(f"{order}II5QQ", _LOADED, _READ_EXECUTE, *span, _PAGE)
        if machine.wide
        else struct.pack(f"{order}I5III", _LOADED, *span, _READ_EXECUTE, _PAGE)
    )
    return ident + struct.pack(f"{order}HHI3{word}I6H", *fields) + loaded + machine.code
