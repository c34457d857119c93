"""Where groups of cgroup v2 are made, in a tree of ordinary files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dockmagic.sandbox.cgroups import _delegated


@pytest.fixture
def hierarchy(tmp_path):
    """Makes groups: path to what its children may have, what it may have itself, and who stands in it."""

    def make(**groups):
        path = tmp_path
        for name, (enabled, offered, standing) in groups.items():
            path = path / name
            path.mkdir()
            (path / "cgroup.subtree_control").write_text(enabled)
            (path / "cgroup.controllers").write_text(offered)
            (path / "cgroup.procs").write_text(standing)
        return str(tmp_path), str(path)

    return make


def test_a_process_stands_in_one_group_so_all_controllers_are_of_one_directory(hierarchy):
    """A desktop's app.slice has memory and pids, the user manager's own group has cpu too."""
    top, own = hierarchy(
        manager=("cpu memory pids", "cpu memory pids", ""),
        apps=("memory pids", "cpu memory pids", ""),
        scope=("", "memory pids", "7"),
    )
    assert _delegated(top, own) == dict.fromkeys(["cpu", "memory", "pids"], f"{top}/manager")


def test_the_nearest_of_equals_is_taken(hierarchy):
    top, own = hierarchy(far=("memory pids", "memory pids", ""), near=("pids memory", "memory pids", ""))
    assert _delegated(top, own) == dict.fromkeys(["pids", "memory"], f"{top}/far/near")


def test_controllers_that_nobody_needs_are_none(hierarchy):
    assert _delegated(*hierarchy(own=("io hugetlb", "io hugetlb", ""))) == {}


@pytest.mark.parametrize(
    ("delegate", "standing", "written"), [(b"1", "", "+pidsry"), (b"0", "", ""), (None, "", ""), (b"1", "7", "")]
)
def test_what_systemd_gave_away_is_opened_where_nobody_stands_in_it(hierarchy, delegate, standing, written):
    top, own = hierarchy(service=("", "io memory pids", standing), leaf=("", "", "7"))
    service = f"{top}/service"
    if delegate is not None:
        os.setxattr(service, "user.delegate", delegate)
    _delegated(top, own)
    # The kernel takes each word for itself; in a file the second stands over the first.
    assert Path(service, "cgroup.subtree_control").read_text() == written
