from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.sandbox import bpf
from tests.unit.sandbox import simulator

ARCH = 0xC000003E


def call(code: bpf.Code, number: int = 0, *arguments: int) -> int:
    return simulator.run(bpf.pack(code), ARCH, number, arguments)


def test_an_action_is_returned_as_it_is():
    assert call(bpf.end(bpf.ALLOW)) == 0x7FFF0000
    assert call(bpf.end(bpf.fail(38))) == 0x00050026


@given(
    numbers=st.dictionaries(st.integers(0, 700), st.integers(0, 5), max_size=300),
    probes=st.lists(st.integers(0, 2**32 - 1), max_size=20),
)
def test_the_tree_finds_the_piece_of_every_number(numbers, probes):
    pieces = {number: bpf.end(bpf.fail(action)) for number, action in numbers.items()}
    program = bpf.pack(bpf.by_number(pieces, bpf.end(bpf.ALLOW)))

    for number in [*range(702), *probes]:
        expected = bpf.fail(numbers[number]) if number in numbers else bpf.ALLOW
        assert simulator.run(program, ARCH, number) == expected


def test_a_tree_of_pieces_too_long_for_a_conditional_jump_still_finds_them():
    pieces = {n: bpf.when_equal(bpf.low(0), range(60), bpf.end(n), bpf.end(5000 + n)) for n in range(0, 40, 2)}
    program = bpf.pack(bpf.by_number(pieces, bpf.end(bpf.ALLOW)))

    for number in range(42):
        even = number in pieces
        assert simulator.run(program, ARCH, number, (59,)) == (number if even else bpf.ALLOW)
        assert simulator.run(program, ARCH, number, (60,)) == (5000 + number if even else bpf.ALLOW)


def test_a_piece_of_just_the_farthest_jump_and_one_more():
    for length in (254, 255, 256, 257):
        filler = ((0x20, 0, 0, 0),) * (length - 1)
        code = bpf.when_equal(bpf.NUMBER, (7,), (*filler, *bpf.end(1)), bpf.end(2))
        assert call(code, 7) == 1
        assert call(code, 8) == 2


def test_a_low_word_is_compared_without_the_high_one():
    code = bpf.when_equal(bpf.low(1), (38,), bpf.end(1), bpf.end(2))

    assert call(code, 0, 0, 38) == call(code, 0, 0, 38 | 1 << 32) == 1
    assert call(code, 0, 38, 39) == 2


def test_a_long_argument_is_compared_in_both_words():
    code = bpf.when_argument_equal(2, 5 << 32 | 7, bpf.end(1), bpf.end(2))

    assert call(code, 0, 0, 0, 5 << 32 | 7) == 1
    assert call(code, 0, 0, 0, 7) == call(code, 0, 0, 0, 5 << 32) == call(code, 0, 0, 0, 0) == 2


def test_any_bit_of_a_mask_is_enough():
    code = bpf.when_any_bit(bpf.low(0), 0b110, bpf.end(1), bpf.end(2))

    assert [call(code, 0, flags) for flags in (0, 1, 2, 4, 6, 8, 1 << 33)] == [2, 2, 1, 1, 1, 2, 2]


def test_foreign_calls_take_the_foreign_piece():
    program = bpf.pack(bpf.only_native(ARCH, bpf.end(1), bpf.end(2)))

    assert simulator.run(program, ARCH, 0) == 1
    assert simulator.run(program, 0x40000003, 0) == 2


def test_a_program_that_the_kernel_would_refuse_is_not_packed():
    with pytest.raises(ValueError, match="4097 instructions"):
        bpf.pack(bpf.end(1) * 4097)


def test_the_simulator_notices_a_program_without_an_end():
    with pytest.raises(ValueError, match="ran off"):
        simulator.run(bpf.pack(((0x20, 0, 0, 0),)), ARCH, 0)
