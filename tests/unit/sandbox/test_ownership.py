from __future__ import annotations

import errno

import pytest

from dockmagic.sandbox.ownership import decode, parse_owner


@pytest.mark.parametrize(
    ("value", "owner"),
    [
        (b"0:0", (0, 0)),
        (b"1000:65535", (1000, 65535)),
        (b"65536:0", None),
        (b"-1:0", None),
        (b"1", None),
        (b"1:", None),
        (b":1", None),
        (b"1:2:3", None),
        (b" 1:2", None),
        (b"1:2\n", None),
        ("\N{ARABIC-INDIC DIGIT ONE}:2".encode(), None),
        (b"0" * 30 + b":0", None),
        (b"\xff:\xff", None),
        (b"", None),
    ],
)
def test_an_owner_is_two_small_decimal_numbers(value, owner):
    assert parse_owner(value) == owner


def test_calls_are_read_as_the_kernel_reads_them():
    high = 0xDEADBEEF << 32
    at = decode("fchownat", (high | 0xFFFFFF9C, 0x7000, high | 5, 2**64 - 1, high | 0x100, 0))

    assert (at.descriptor, at.address, at.uid, at.gid, at.follow, at.empty) == (
        None,
        0x7000,
        5,
        0xFFFFFFFF,
        False,
        False,
    )
    assert decode("chown", (0x7000, 1, 2, 99, 99, 99)).follow
    assert not decode("lchown", (0x7000, 1, 2, 99, 99, 99)).follow
    assert decode("fchown", (high | 3, 1, 2, 99, 99, 99)).descriptor == 3


def test_an_unknown_flag_is_refused():
    with pytest.raises(OSError) as caught:
        decode("fchownat", (3, 0x7000, 1, 2, 0x400, 0))

    assert caught.value.errno == errno.EINVAL
