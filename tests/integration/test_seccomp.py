"""The filter in the real kernel, on the machine that the tests run on."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dockmagic.sandbox import bpf, seccomp, syscall_table
from tests.unit.sandbox import simulator

REPOSITORY = Path(__file__).resolve().parents[2]
MACHINE = os.uname().machine
NUMBERS = syscall_table.numbers(MACHINE)
LET_THROUGH = 2222  # an errno of no kernel
# What Python needs to make calls and to report.
NEEDED = ["write", "mmap", "munmap", "mremap", "brk", "madvise", "futex", "exit_group", "rt_sigreturn", "rt_sigaction"]
NEEDED += ["prctl", "seccomp", "close", "mprotect"]
# Linux 6.14 and later let these past every filter, and end a process that calls them by itself.
UNFILTERED = ["uretprobe", "uprobe"]

PREAMBLE = """
import json, os, sys
from tests.integration.filters import call, install
def errno_of(number, *arguments):
    try:
        call(number, *arguments)
    except OSError as error:
        return error.errno
    return 0
"""


def python(script, *, status=0):
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + script],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout) if done.stdout else None


def everything_fails_but(names):
    """A filter under the one on trial: what that lets through then fails with ``LET_THROUGH`` and does no harm."""
    pieces = {NUMBERS[name]: bpf.end(bpf.ALLOW) for name in names if name in NUMBERS}
    return bpf.pack(bpf.by_number(pieces, bpf.end(bpf.fail(LET_THROUGH))))


def test_the_kernel_judges_every_number_as_the_simulator_does():
    program, arch = seccomp.program(MACHINE, []), syscall_table.audit_arch(MACHINE)
    spared = {NUMBERS[name] for name in NEEDED + UNFILTERED if name in NUMBERS}
    asked = [n for n in [*range(601), *range(0x40000000, 0x40000000 + 601)] if n not in spared]
    found = python(f"""
install({everything_fails_but(NEEDED)!r}); install({program!r})
print(json.dumps([errno_of(n, 0, 0, 0, 0, 0, 0) for n in {asked!r}]))
""")

    expected = []
    for number in asked:
        action = simulator.run(program, arch, number)
        expected.append(LET_THROUGH if action == bpf.ALLOW else action & 0xFFFF)
    assert dict(zip(asked, found, strict=True)) == dict(zip(asked, expected, strict=True))


def test_refused_calls_fail_with_their_errno_and_the_rest_work():
    found = python(f"""
import socket
def family(number, protocol=0):
    try:
        socket.socket(number, socket.SOCK_RAW if number == 16 else socket.SOCK_STREAM, protocol).close()
    except OSError as error:
        return error.errno
    return 0
install({seccomp.program(MACHINE, [])!r})
print(json.dumps({{
    "keyctl": errno_of({NUMBERS["keyctl"]}, 0, -3, 0), "bpf": errno_of({NUMBERS["bpf"]}, 0, 0, 0),
    "unshare": errno_of({NUMBERS["unshare"]}, 0x10000000), "clone": errno_of({NUMBERS["clone"]}, 0x10000011, 0, 0, 0, 0),
    "clone3": errno_of({NUMBERS["clone3"]}, 0, 0), "io_uring": errno_of({NUMBERS["io_uring_setup"]}, 1, 0),
    "unknown": errno_of(599), "x32": errno_of(0x40000000 | {NUMBERS["getpid"]}),
    "alg": family(38), "alg high": errno_of({NUMBERS["socket"]}, 38 | 1 << 32, 5, 0), "vsock": family(40), "route": family(16),
    "audit": family(16, 9), "unix": family(1), "inet": family(2), "fork": os.waitpid(os.fork() or os._exit(0), 0)[1],
    "aslr": errno_of({NUMBERS["personality"]}, 0x40000), "ask": errno_of({NUMBERS["personality"]}, 0xffffffff),
}}))
""")

    refused = ["keyctl", "bpf", "unshare", "clone", "io_uring", "alg", "alg high", "vsock", "aslr"]
    working = ["route", "unix", "inet", "fork", "ask"]
    assert found == {
        **dict.fromkeys(refused, errno.EPERM),
        **dict.fromkeys(["clone3", "unknown", "x32"], errno.ENOSYS),
        "audit": errno.EPROTONOSUPPORT,
        **dict.fromkeys(working, 0),
    }


def test_without_the_filter_the_same_calls_reach_the_kernel():
    """The negative control of the test above."""
    found = python(f"""
print(json.dumps([errno_of({NUMBERS["keyctl"]}, 0, -3, 0), errno_of({NUMBERS["personality"]}, 0x40000)]))
""")

    assert found == [0, 0]


TERMINAL = """
import fcntl, termios, signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
pid = os.fork()
if pid:
    os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
os.setsid(); master, slave = os.openpty(); fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
FILTER
import ctypes
byte = ctypes.create_string_buffer(b"#")
print(json.dumps([errno_of(NUMBER, slave, 0x5412 | high << 32, ctypes.addressof(byte)) for high in (0, 1)]))
"""


@pytest.mark.parametrize("filtered", [True, False])
def test_input_cannot_be_pushed_into_a_terminal(filtered):
    line = f"install({seccomp.program(MACHINE, [])!r})" if filtered else ""
    found = python(TERMINAL.replace("FILTER", line).replace("NUMBER", str(NUMBERS["ioctl"])))

    # Without the filter it works, or the kernel's own setting (dev.tty.legacy_tiocsti) refuses it with EIO.
    assert found == [errno.EPERM] * 2 if filtered else set(found) <= {0, errno.EIO}


I386 = """
import ctypes, mmap
code = bytes.fromhex("53b81400000031db cd80 5bc3".replace(" ", ""))  # getpid by int 0x80
page = mmap.mmap(-1, 4096, prot=7); page.write(code)
enter = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
"""


@pytest.mark.skipif(MACHINE != "x86_64", reason="int 0x80 is x86's")
def test_a_call_of_the_i386_abi_ends_the_process():
    python(f"{I386}\ninstall({seccomp.program(MACHINE, [])!r}); enter(); print(1)", status=-31)


@pytest.mark.skipif(MACHINE != "x86_64", reason="int 0x80 is x86's")
def test_without_the_filter_the_i386_abi_is_open():
    """The negative control; a kernel without IA32 emulation ends the process with SIGSEGV instead."""
    done = subprocess.run(
        [sys.executable, "-c", f"{PREAMBLE}{I386}\nprint(enter() == os.getpid())"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) in {(0, "True\n"), (-11, "")}
