from __future__ import annotations

import pytest

from dockmagic.sandbox.ids import Scheme, candidates, parse_granted, room


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


@pytest.mark.parametrize(
    ("id_map", "expected"),
    [
        ("         0       1000          1\n         1     100000      65536\n", 2),
        ("0 100000 65536\n", 1),
        ("0 100000 65535\n", 0),
        ("0 1000 1\n", 0),
        ("0 1000 1\n1 100000 65534\n65535 300000 200000\n", 200000),
        ("5 1000 65535\n", 5),
        ("", 0),
    ],
)
def test_root_of_a_namespace_has_the_last_ids_of_one_line_of_its_map(id_map, expected):
    assert room(id_map) == expected


def test_there_is_always_a_candidate():
    assert candidates()
