from __future__ import annotations

import pytest

from dockmagic.sandbox.one_id import HINT, hint


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("su: cannot set groups: Operation not permitted\n", HINT),
        ("setpriv: setresuid failed: Invalid argument\n", HINT),
        ("E: setgroups 65534 failed - setgroups (1: Operation not permitted)\n", HINT),
        ("sudo: unable to change to root gid: Operation not permitted\n", HINT),
        ("cat: /nothing: No such file or directory\n", ""),
        ("", ""),
    ],
)
def test_who_wanted_to_be_another_user_is_told_why_that_fails(printed, expected):
    assert hint(printed) == expected
