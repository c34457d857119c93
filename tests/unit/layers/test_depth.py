"""Trees that are deeper than a path can name: told of as far as that goes, refused where nothing may be left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dockmagic.errors import UsageError
from dockmagic.layers import depth, usage
from dockmagic.layers.changes import changes, listing
from dockmagic.layers.duplicate import duplicate
from dockmagic.layers.flatten import flatten
from dockmagic.layers.removal import remove
from dockmagic.layers.scan import Owners, scan
from dockmagic.layers.seal import seal
from dockmagic.layers.stack import Stack
from dockmagic.layers.stamp import stamp
from dockmagic.sandbox.watch import Disk

NAME = "d" * 200
LEVELS = 40
SIZE = 3 << 20


@pytest.fixture
def upper(tmp_path, monkeypatch):
    """A file below forty directories, whose path has 8,000 bytes."""
    monkeypatch.chdir(tmp_path)
    top = Path("upper")
    top.mkdir()
    (top / "first").write_bytes(b"1")
    here = os.open(top, os.O_RDONLY)
    for _ in range(LEVELS):
        os.mkdir(NAME, dir_fd=here)
        inner = os.open(NAME, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    file = os.open("last", os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(file, bytes(SIZE))
    os.close(file)
    os.close(here)
    yield str(top)
    remove(str(top))


def test_what_lies_too_deep_is_left_out_and_its_directory_says_so(upper):
    told = changes(upper, [], owners=Owners(), ignore=frozenset())["paths"]
    last = max((path for path, *_ in told), key=len)
    assert [path for path, _, _, note in told if note == "deeper ones not listed"] == [last]
    assert depth.LONGEST - 256 < len(last) <= depth.LONGEST
    assert told[-1][0] == "/first"
    assert {path for path, *_ in listing(upper)} == {path for path, *_ in told}


def test_owners_and_sizes_are_seen_to_as_far_as_paths_go(upper):
    assert stamp(upper, [], (5, 6), {}) == {}
    assert os.getxattr(f"{upper}/first", "user.dockmagic.owner") == b"5:6"
    assert usage.usage(upper) == 1


def test_no_layer_and_no_archive_is_made_of_half_a_tree(upper):
    entries = [("upper", change.entry) for change in scan(upper, Stack([]), Owners(), frozenset())]
    for make in (
        lambda: seal(upper, [], owners=Owners(), epoch=0, ignore=frozenset()),
        lambda: duplicate(upper, "copy", {}),
        lambda: flatten([(upper, entry) for _, entry in entries], lambda _: None),
    ):
        with pytest.raises(UsageError, match="so deep a directory"):
            make()
    assert Path(upper, "first").read_bytes() == b"1"


def test_the_longest_path_that_a_layer_holds_is_the_same_everywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    top = Path("upper")
    parts = [NAME] * 19 + ["e" * (depth.LONGEST - 19 * (len(NAME) + 1))]
    longest = "/".join(parts)
    (top / longest).mkdir(parents=True)
    sealed = seal(str(top), [], owners=Owners(), epoch=0, ignore=frozenset())
    assert sealed.entries[-1].path == longest
    (top / longest / "e").touch()
    with pytest.raises(UsageError, match="longer than 4,000 bytes"):
        seal(str(top), [], owners=Owners(), epoch=0, ignore=frozenset())


def test_the_watch_over_a_disk_counts_at_any_depth(upper):
    assert Disk(upper, step=1).whole() >= SIZE
