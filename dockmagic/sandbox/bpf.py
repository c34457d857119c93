"""An assembler for the classic BPF programs that seccomp(2) takes.

A piece of program is a tuple of instructions that ends in a return on every path, so pieces nest: a test takes the
piece for "yes" and the piece for "no". Jumps only go forward and never out of a piece; a jump over more than the 255
instructions that a conditional jump reaches is made by an unconditional one.

Words are 32 bits; ``struct seccomp_data`` (linux/seccomp.h) is little endian on every machine that we build for. The kernel
takes at most 4,096 instructions.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

Instruction = tuple[int, int, int, int]
Code = tuple[Instruction, ...]
# Operation, value, and where to go on "yes" and on "no": "on" to the next step, or out, as the test "holds" or "fails".
Step = tuple[int, int, str, str]
Test = tuple[Step, ...]

# linux/bpf_common.h
_LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP = 0x05  # BPF_JMP | BPF_JA
_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_IF_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K

_FARTHEST = 255
_MAX_LENGTH = 4096
_WORD = 0xFFFFFFFF
_ALL = 0xFFFFFFFFFFFFFFFF

# Offsets into struct seccomp_data.
NUMBER = 0
ARCH = 4

# linux/seccomp.h
KILL_PROCESS = 0x80000000
KILL_THREAD = 0x00000000
TRAP = 0x00030000
LOG = 0x7FFC0000
ALLOW = 0x7FFF0000
NOTIFY = 0x7FC00000
_ERRNO = 0x00050000


def low(argument: int) -> int:
    """Offset of the low 32 bits of an argument (0 to 5): all that the kernel reads of an ``int``."""
    return 16 + 8 * argument


def high(argument: int) -> int:
    """Offset of the high 32 bits of an argument (0 to 5)."""
    return low(argument) + 4


def fail(number: int) -> int:
    """The action that makes the call fail with this errno, without its being run."""
    return _ERRNO | number


def end(action: int) -> Code:
    """Leave the filter with an action."""
    return ((_RETURN, 0, 0, action),)


def when_equal(offset: int, values: Iterable[int], then: Code, otherwise: Code) -> Code:
    """``then`` if the word at ``offset`` is one of ``values``."""
    code = otherwise
    for value in values:
        code = _branch(_IF_EQUAL, value, then, code)
    return (_load(offset), *code)


def when_any_bit(offset: int, mask: int, then: Code, otherwise: Code) -> Code:
    """``then`` if the word at ``offset`` has any bit of ``mask``."""
    return (_load(offset), *_branch(_IF_ANY_BIT, mask, then, otherwise))


def when_argument_equal(argument: int, value: int, then: Code, otherwise: Code) -> Code:
    """``then`` if all 64 bits of an argument equal ``value``, for arguments that the kernel reads as a ``long``."""
    upper = when_equal(high(argument), (value >> 32,), then, otherwise)
    return when_equal(low(argument), (value & 0xFFFFFFFF,), upper, otherwise)


def first_of(rules: Iterable[tuple[Iterable[Test], Code]], default: Code) -> Code:
    """The piece of the first rule all of whose tests hold, each given once: the program grows with the sum of the rules.

    Args:
        rules: tests, and a piece of one instruction.
        default: where none holds.
    """
    return (*(instruction for tests, then in rules for instruction in _rule(tuple(tests), then)), *default)


def equals(argument: int, value: int) -> Test:
    """All 64 bits of an argument equal ``value``."""
    return masked(argument, _ALL, value)


def differs(argument: int, value: int) -> Test:
    """They do not."""
    lower, upper = _halves(value)
    return (
        (_LOAD_WORD, low(argument), "on", "on"),
        (_IF_EQUAL, lower, "on", "holds"),
        (_LOAD_WORD, high(argument), "on", "on"),
        (_IF_EQUAL, upper, "fails", "holds"),
    )


def masked(argument: int, mask: int, value: int) -> Test:
    """The bits of ``mask`` of an argument equal ``value``."""
    steps: list[Step] = []
    for offset, bits, wanted in zip((low(argument), high(argument)), _halves(mask), _halves(value), strict=True):
        steps += [(_LOAD_WORD, offset, "on", "on"), (_AND, bits, "on", "on"), (_IF_EQUAL, wanted, "on", "fails")]
    return tuple(steps)


def at_least(argument: int, value: int) -> Test:
    """An argument is at least ``value``, without signs."""
    return _order(argument, value, "holds", "fails")


def below(argument: int, value: int) -> Test:
    """It is less."""
    return _order(argument, value, "fails", "holds")


def above(argument: int, value: int) -> Test:
    """It is more."""
    return _order(argument, value + 1, "holds", "fails")


def at_most(argument: int, value: int) -> Test:
    """It is not more."""
    return _order(argument, value + 1, "fails", "holds")


def by_number(pieces: Mapping[int, Code], default: Code) -> Code:
    """Choose by the call's number: a binary tree over the ranges of numbers that share a piece.

    The kernel itself runs the tree once for every number at installation and then lets calls through without running
    it where the number alone decides on ALLOW.
    """
    starts: list[tuple[int, Code]] = [(0, pieces.get(0, default))]
    for number in sorted({n + step for n in pieces for step in (0, 1)} - {0}):
        code = pieces.get(number, default)
        if code != starts[-1][1]:
            starts.append((number, code))
    return (_load(NUMBER), *_tree(starts))


def only_native(arch: int, native: Code, foreign: Code) -> Code:
    """``native`` for calls of one ABI (``AUDIT_ARCH_*``), ``foreign`` for those of any other."""
    return when_equal(ARCH, (arch,), native, foreign)


def pack(code: Code) -> bytes:
    """The program as an array of ``struct sock_filter``.

    Raises:
        ValueError: it is longer than the kernel takes.
    """
    if len(code) > _MAX_LENGTH:
        message = f"a filter of {len(code)} instructions is longer than the kernel's {_MAX_LENGTH}"
        raise ValueError(message)
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)


def _load(offset: int) -> Instruction:
    return (_LOAD_WORD, 0, 0, offset)


def _rule(tests: tuple[Test, ...], then: Code) -> Code:
    """Tests that jump over ``then`` where one fails."""
    code: list[Instruction] = []
    length = sum(len(test) for test in tests) + len(then)
    end_of_test = 0
    for test in tests:
        end_of_test += len(test)
        for operation, value, yes, no in test:
            after = len(code) + 1
            distances = {"on": 0, "holds": end_of_test - after, "fails": length - after}
            code.append((operation, distances[yes], distances[no], value))
    return (*code, *then)


def _order(argument: int, value: int, yes: str, no: str) -> Test:
    """``yes`` for an argument that is at least ``value``, which may be one more than there is."""
    if value > _ALL:
        return ((_IF_EQUAL, 0, no, no),)
    lower, upper = _halves(value)
    above: tuple[Step, ...] = ((_IF_AT_LEAST, upper + 1, yes, "on"),) if upper < _WORD else ()
    return (
        (_LOAD_WORD, high(argument), "on", "on"),
        *above,
        (_IF_EQUAL, upper, "on", no),
        (_LOAD_WORD, low(argument), "on", "on"),
        (_IF_AT_LEAST, lower, yes, no),
    )


def _halves(value: int) -> tuple[int, int]:
    return value & _WORD, value >> 32


def _branch(test: int, value: int, then: Code, otherwise: Code) -> Code:
    """A test of the loaded word, then its two pieces."""
    if len(then) <= _FARTHEST:
        return ((test, 0, len(then), value), *then, *otherwise)
    return ((test, 1, 0, value), (_JUMP, 0, 0, len(then)), *then, *otherwise)


def _tree(starts: list[tuple[int, Code]]) -> Code:
    """A search among ranges, each given by its first number and its piece."""
    if len(starts) == 1:
        return starts[0][1]
    middle = len(starts) // 2
    return _branch(_IF_AT_LEAST, starts[middle][0], _tree(starts[middle:]), _tree(starts[:middle]))
