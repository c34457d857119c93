"""Whose copied files are."""

from __future__ import annotations

import pytest

from dockmagic.builder import chown
from dockmagic.errors import UsageError

PASSWD = "root:x:0:0::/root:/bin/sh\nbroken\nbob:x:1000:50::/home/bob:/bin/sh\nodd:x:-1:0::/:\n"
GROUP = "root:x:0:\nstaff:x:50:bob\n"


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("7", (7, 7)),
        ("7:8", (7, 8)),
        ("bob", (1000, 50)),
        ("bob:staff", (1000, 50)),
        ("bob:7", (1000, 7)),
        ("7:staff", (7, 50)),
        ("root", (0, 0)),
        (":staff", (0, 50)),
        ("65535:65535", (65535, 65535)),
    ],
)
def test_names_and_numbers_are_owners(text, owner):
    assert chown.owner(text, PASSWD, GROUP) == owner


@pytest.mark.parametrize("text", ["nobody", "odd", "bob:nobody", "bob:", "65536", "4294967295", "9" * 5000, "-1", "٣"])
def test_what_is_no_owner_is_refused(text):
    with pytest.raises(UsageError, match="--chown"):
        chown.owner(text, PASSWD, GROUP)


@pytest.mark.parametrize(("text", "needed"), [("7", False), ("7:8", False), ("bob", True), ("7:staff", True)])
def test_numbers_need_no_file(text, needed):
    assert chown.needs_files(text) is needed
