from __future__ import annotations

import pytest

from dockmagic.sandbox.accounts import Refused, groups, look_up, users

PASSWD = """root:x:0:0:root:/root:/bin/sh
broken line
bob:x:1000:1001::/home/bob:/bin/sh
far:x:4294967296:0::/:/bin/sh
minus:x:-1:0::/:/bin/sh
12:x:5:6::/twelve:
short:x:7:8::/short
"""
GROUP = "root:x:0:\nbob:x:1001:\nwheel:x:10:root,bob\nstaff:x:50:bob\nodd:x:0x5:bob\n"


def found(wanted):
    account = look_up(wanted, PASSWD, GROUP)
    return account.uid, account.gid, account.groups, account.home


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("", (0, 0, [10], "/root")),
        ("root", (0, 0, [10], "/root")),
        ("bob", (1000, 1001, [10, 50], "/home/bob")),
        ("1000", (1000, 1001, [10, 50], "/home/bob")),
        ("bob:", (1000, 1001, [10, 50], "/home/bob")),
        ("bob:staff", (1000, 50, [], "/home/bob")),
        ("bob:77", (1000, 77, [], "/home/bob")),
        ("33", (33, 0, [], "/")),
        ("33:34", (33, 34, [], "/")),
        ("65535", (65535, 0, [], "/")),
        ("12", (12, 0, [], "/")),
        ("short", (7, 8, [], "/short")),
        (":staff", (0, 50, [], "/root")),
    ],
)
def test_users_as_docker_finds_them(wanted, expected):
    assert found(wanted) == expected


@pytest.mark.parametrize(
    "wanted",
    ["eve", "far", "minus", "bob:none", "65536", "4294967295", "-1", "0x0", "1 ", "٣", "²", "9" * 5000],
)
def test_what_is_no_user_is_refused(wanted):
    with pytest.raises(Refused):
        look_up(wanted, PASSWD, GROUP)


def test_without_files_root_is_still_root():
    account = look_up("", "", "")

    assert (account.uid, account.gid, account.groups, account.home) == (0, 0, [], "/")


def test_unsound_lines_are_left_out():
    assert [name for name, *_ in users(PASSWD)] == ["root", "bob", "12", "short"]
    assert [name for name, *_ in groups(GROUP)] == ["root", "bob", "wheel", "staff"]
