"""The whole filter on a simulator, for both machines. The one for aarch64 has never been loaded into a kernel: not run."""

from __future__ import annotations

import errno
import random
import re
from pathlib import Path

import pytest

from dockmagic.sandbox import bpf, seccomp, syscall_table
from tests.unit.sandbox import simulator

GOLDEN = dict(line.split() for line in (Path(__file__).parent / "syscalls.golden").read_text().splitlines())
FOREIGN = {"x86_64": (0x40000003, 0xC00000B7, 0x40000028), "aarch64": (0x40000028, 0xC000003E, 0x40000003)}
PODMAN = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE"]
PODMAN += ["SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"]
VERDICTS = {"allow": bpf.ALLOW, "EPERM": bpf.fail(errno.EPERM), "ENOSYS": bpf.fail(errno.ENOSYS)}
ALLOW, EPERM, ENOSYS = VERDICTS["allow"], VERDICTS["EPERM"], VERDICTS["ENOSYS"]


@pytest.fixture(params=syscall_table.MACHINES)
def machine(request):
    return request.param


def asker(machine, capabilities=()):
    program = seccomp.program(machine, capabilities)
    numbers = syscall_table.numbers(machine)

    def ask(call, *arguments):
        number = call if isinstance(call, int) else numbers[call]
        return simulator.run(program, syscall_table.audit_arch(machine), number, arguments)

    return ask


def test_every_number_has_the_verdict_of_its_name(machine):
    ask = asker(machine)
    names = {number: name for name, number in syscall_table.numbers(machine).items()}
    argument_classes = [(0,) * 6, (2**64 - 1,) * 6, tuple(random.Random(1).getrandbits(64) for _ in range(6))]

    for number in range(601):
        verdict = GOLDEN[names[number]] if number in names else "ENOSYS"
        if verdict != "arguments":
            assert {ask(number, *args) for args in argument_classes} == {VERDICTS[verdict]}, names.get(number, number)


def test_every_name_of_the_table_is_judged():
    known = set().union(*(syscall_table.numbers(m) for m in syscall_table.MACHINES))

    assert known == set(GOLDEN)


def test_numbers_beyond_the_table_and_those_of_x32_are_unknown(machine):
    ask = asker(machine)
    draw = random.Random(2)

    for number in [
        *(0x40000000 + n for n in range(601)),
        *(draw.randrange(600, 2**32) for _ in range(20000)),
        2**32 - 1,
    ]:
        assert ask(number) == ENOSYS


def test_any_call_of_a_foreign_abi_ends_the_process(machine):
    program = seccomp.program(machine, ["SYS_ADMIN"])

    for arch in FOREIGN[machine]:
        for number in [*range(601), 0x40000000, 2**32 - 1]:
            assert simulator.run(program, arch, number) == bpf.KILL_PROCESS


def test_a_process_cannot_be_made_in_new_namespaces(machine):
    ask = asker(machine)
    thread = 0x3D0F00

    assert ask("clone", thread) == ask("clone", 17) == ask("clone", 0xFFFFFFFF_81FDFFFF) == ALLOW
    for bit in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert ask("clone", 17 | bit) == ask("clone", 17 | bit | 1 << 40) == EPERM
    assert ask("clone3") == ENOSYS


def test_socket_families_are_an_allow_list(machine):
    ask = asker(machine)

    for family in range(64):
        for high in (0, 1 << 32, 0xFFFFFFFF << 32):
            expected = ALLOW if family in {1, 2, 10, 16} else EPERM
            assert ask("socket", family | high, 3, 0) == expected
            assert ask("socketpair", family | high, 1, 0) == (ALLOW if family == 1 else EPERM)


def test_netlink_speaks_of_routes_only(machine):
    ask = asker(machine)

    for protocol in range(1, 64):
        assert ask("socket", 16, 3, protocol) == bpf.fail(errno.EPROTONOSUPPORT)
    assert ask("socket", 16, 3, 9 | 1 << 32) == bpf.fail(errno.EPROTONOSUPPORT)


def test_terminal_input_cannot_be_forged_even_with_high_bits(machine):
    ask = asker(machine)

    for request in (0x5412, 0x541C):
        assert ask("ioctl", 0, request) == ask("ioctl", 0, request | 1 << 32) == EPERM
    assert ask("ioctl", 0, 0x5413) == ask("ioctl", 0x5412, 0x5401) == ALLOW


def test_personalities_that_weaken_memory_protection_are_refused(machine):
    ask = asker(machine)

    assert {ask("personality", p) for p in (0, 8, 0x20000, 0x20008, 0xFFFFFFFF)} == {ALLOW}
    assert {ask("personality", p) for p in (0x40000, 0x400000, 1, 0x40008, 0x40000 | 1 << 32)} == {EPERM}


@pytest.mark.parametrize(
    ("capability", "call"),
    [
        ("CAP_SYS_CHROOT", "chroot"),
        ("SYS_ADMIN", "mount"),
        ("sys_admin", "clone3"),
        ("CAP_SYS_PTRACE", "kcmp"),
        ("CAP_SYS_NICE", "mbind"),
        ("CAP_DAC_READ_SEARCH", "open_by_handle_at"),
    ],
)
def test_a_kept_capability_lets_its_calls_through(machine, capability, call):
    assert asker(machine)(call) != ALLOW
    assert asker(machine, [capability])(call) == ALLOW


def test_capabilities_over_the_whole_machine_widen_nothing(machine):
    whole = ["BPF", "PERFMON", "SYS_BOOT", "SYS_MODULE", "SYS_RAWIO", "SYS_TIME", "SYSLOG", "NET_ADMIN", "unheard of"]

    assert seccomp.program(machine, whole) == seccomp.program(machine, [])


def test_the_default_capabilities_widen_only_chroot(machine):
    ask, plain = asker(machine, PODMAN), asker(machine)

    assert [n for n in range(601) if ask(n) != plain(n)] == [syscall_table.numbers(machine)["chroot"]]


def test_changes_of_owners_and_nothing_else_go_to_the_supervisor(machine):
    program, numbers = seccomp.ownership_program(machine), syscall_table.numbers(machine)
    arch = syscall_table.audit_arch(machine)

    notified = {name for name, number in numbers.items() if simulator.run(program, arch, number) == bpf.NOTIFY}

    assert notified == {"chown", "lchown", "fchown", "fchownat"} & set(numbers)
    assert {simulator.run(program, arch, n) for n in range(601)} == {bpf.NOTIFY, bpf.ALLOW}


def test_a_machine_without_a_table_is_refused():
    with pytest.raises(KeyError):
        seccomp.program("riscv64", [])


def test_a_hole_in_the_filter_would_be_seen(machine):
    """The negative control: one refused name let through changes exactly that number's verdict."""
    broken = bpf.by_number({syscall_table.numbers(machine)["keyctl"]: bpf.end(bpf.ALLOW)}, bpf.end(ENOSYS))

    assert simulator.run(bpf.pack(broken), 0, syscall_table.numbers(machine)["keyctl"]) != VERDICTS[GOLDEN["keyctl"]]


@pytest.mark.parametrize(
    ("machine_name", "header"),
    [
        ("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        ("aarch64", "/usr/include/aarch64-linux-gnu/asm/unistd_64.h"),
    ],
)
def test_the_table_says_what_the_kernel_headers_say(machine_name, header):
    """On a machine with headers of that architecture; elsewhere there is nothing to compare with."""
    text = Path(header).read_text() if Path(header).exists() else ""
    stated = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+)\s+(\d+)", text)}

    table = syscall_table.numbers(machine_name)
    assert {name: table.get(name, number) for name, number in stated.items()} == stated


def test_numbers_are_given_once(machine):
    numbers = list(syscall_table.numbers(machine).values())

    assert len(numbers) == len(set(numbers))
    assert (syscall_table.numbers(machine)["openat2"], syscall_table.numbers(machine)["seccomp"]) in {
        (437, 317),
        (437, 277),
    }
