from __future__ import annotations

import json

import pytest

from dockmagic.errors import UsageError
from dockmagic.sandbox import bpf, seccomp_profile, syscall_table
from tests.unit.sandbox import simulator

EPERM, ENOSYS = bpf.fail(1), bpf.fail(38)
BIG = 2**64 - 1


def asker(profile, machine="x86_64", release="6.1.0", capabilities=("CHOWN",)):
    program = seccomp_profile.compiled(json.dumps(profile), machine=machine, release=release, capabilities=capabilities)
    numbers = syscall_table.numbers(machine)
    return lambda call, *arguments: simulator.run(program, syscall_table.audit_arch(machine), numbers[call], arguments)


def profile(*entries, default="SCMP_ACT_ERRNO", **more):
    return {"defaultAction": default, "syscalls": list(entries), **more}


def allow(*names, **more):
    return {"names": list(names), "action": "SCMP_ACT_ALLOW", **more}


def test_what_no_rule_names_gets_the_default():
    ask = asker(profile(allow("read", "no_such_call"), defaultErrnoRet=38))
    assert (ask("read"), ask("write")) == (bpf.ALLOW, ENOSYS)


def test_other_machines_calls_are_left_to_our_own_filter():
    program = seccomp_profile.compiled(json.dumps(profile()), machine="x86_64", release="6.1", capabilities=())
    assert simulator.run(program, syscall_table.audit_arch("aarch64"), 1) == bpf.ALLOW


@pytest.mark.parametrize(
    ("operation", "value", "holds", "fails"),
    [
        ("EQ", 5, (5,), (4, 6, 5 + 2**32, BIG)),
        ("NE", 5, (4, 6, 5 + 2**32), (5,)),
        ("LT", 2**32, (0, 2**32 - 1), (2**32, BIG)),
        ("LE", 2**32, (0, 2**32), (2**32 + 1, BIG)),
        ("GT", 2**32 - 1, (2**32, BIG), (0, 2**32 - 1)),
        ("GE", 2**33 + 7, (2**33 + 7, 2**34, BIG), (0, 7, 2**33 + 6, 2**32 + 8)),
        ("GE", BIG, (BIG,), (BIG - 1, 0)),
        ("GT", BIG, (), (BIG, 0)),
        ("LE", BIG, (0, BIG), ()),
    ],
)
def test_comparisons_are_of_64_bits_without_signs(operation, value, holds, fails):
    ask = asker(profile(allow("read", args=[{"index": 2, "value": value, "op": f"SCMP_CMP_{operation}"}])))
    assert {ask("read", 0, 0, number) for number in holds} <= {bpf.ALLOW}
    assert {ask("read", 0, 0, number) for number in fails} <= {EPERM}


def test_a_mask_takes_its_bits_of_both_halves():
    condition = {"index": 0, "value": 0x1_0000_00F0, "valueTwo": 0x1_0000_0030, "op": "SCMP_CMP_MASKED_EQ"}
    ask = asker(profile(allow("read", args=[condition])))
    assert ask("read", 0xFFFF_0001_0000_0F3F) == bpf.ALLOW
    assert ask("read", 0x30) == EPERM


def test_conditions_on_several_arguments_hold_together_and_on_one_are_alternatives():
    both = [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 2, "op": "SCMP_CMP_EQ"}]
    ask = asker(profile(allow("read", args=both)))
    assert (ask("read", 1, 2), ask("read", 1, 3)) == (bpf.ALLOW, EPERM)
    either = [{"index": 0, "value": number, "op": "SCMP_CMP_EQ"} for number in (1, 2)]
    ask = asker(profile(allow("read", args=either)))
    assert (ask("read", 1), ask("read", 2), ask("read", 3)) == (bpf.ALLOW, bpf.ALLOW, EPERM)


def test_entries_hold_for_capabilities_machines_and_kernels():
    entries = (
        allow("mount", includes={"caps": ["CAP_SYS_ADMIN"]}),
        allow("chown", includes={"caps": ["CAP_CHOWN"]}),
        allow("read", excludes={"caps": ["CAP_CHOWN"]}),
        allow("write", includes={"arches": ["arm64"]}),
        allow("close", includes={"minKernel": "5.0"}),
        allow("dup", includes={"minKernel": "6.2"}),
    )
    ask = asker(profile(*entries))
    allowed = [name for name in ("mount", "chown", "read", "write", "close", "dup") if ask(name) == bpf.ALLOW]
    assert allowed == ["chown", "close"]
    assert asker(profile(*entries), machine="aarch64")("write") == bpf.ALLOW


def test_actions():
    names = {"KILL": bpf.KILL_THREAD, "KILL_PROCESS": bpf.KILL_PROCESS, "TRAP": bpf.TRAP, "LOG": bpf.LOG}
    for name, action in names.items():
        entry = {"names": ["read"], "action": f"SCMP_ACT_{name}"}
        assert asker(profile(entry, default="SCMP_ACT_ALLOW"))("read") == action
    entry = {"name": "read", "action": "SCMP_ACT_ERRNO", "errnoRet": 2}
    assert asker(profile(entry, default="SCMP_ACT_ALLOW"))("read") == bpf.fail(2)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '"x"', "null", '{"defaultAction": "SCMP_ACT_NOTIFY"}', "[" * 5000,
        json.dumps(profile({"names": ["read"], "action": "SCMP_ACT_TRACE"})),
        json.dumps(profile(allow("read", args=[{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]))),
        json.dumps(profile(allow("read", args=[{"index": 0, "value": -1, "op": "SCMP_CMP_EQ"}]))),
        json.dumps(profile(allow("read", args=[{"index": 0, "value": 1, "op": "SCMP_CMP_ABOUT"}]))),
        json.dumps(profile({"names": "read", "action": "SCMP_ACT_ALLOW", "errnoRet": "x", "args": 5})),
        json.dumps(profile({"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5000})),
    ],
    ids=range(13),
)  # fmt: skip
def test_what_is_no_profile_is_refused(text):
    with pytest.raises(UsageError, match="seccomp profile"):
        seccomp_profile.compiled(text, machine="x86_64", release="6.1.0", capabilities=())


def test_a_profile_that_is_too_long_for_the_kernel_is_refused():
    many = [{"index": 0, "value": number, "op": "SCMP_CMP_EQ"} for number in range(2000)]
    with pytest.raises(UsageError, match="4096"):
        seccomp_profile.compiled(
            json.dumps(profile(allow("read", args=many))), machine="x86_64", release="6.1", capabilities=()
        )
