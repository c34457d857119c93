from __future__ import annotations

import pytest

from dockmagic.sandbox.ids import Scheme, candidates, parse_granted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("stud:100000:65536\n", 100000),
        ("1001:300000:65536\n", 300000),
        ("other:1:65536\nstud:100:10\nstud:200000:65535\n", 200000),
        ("stud:100000:65534\n", 0),
        ("stud:x:65536\nstud:1:y\nstud:2\n", 0),
    ],
)
def test_the_first_large_enough_range_counts(text, expected):
    assert parse_granted(text, 1001, "stud", 65535) == expected


def test_the_inner_map_has_as_many_lines_as_the_outer():
    def inner(kind):
        return Scheme(name="x", kind=kind, uid_base=1, gid_base=1, owner=(1, 1)).inner_map

    assert inner("root") == "0 0 65536\n"
    assert inner("subordinate") == "0 0 1\n1 1 65535\n"
    assert inner("single") == "0 0 1\n"


def test_there_is_always_a_candidate():
    assert candidates()
