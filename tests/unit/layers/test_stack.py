"""Looking through a stack of trees, as the kernel shows them merged; digests and copies of what is found."""

from __future__ import annotations

import os
import shutil
import socket

import pytest

from dockmagic.errors import NotFoundError
from dockmagic.layers.stack import Stack
from dockmagic.oci.changeset import Entry
from tests.unit.layers.given import file, merged, sealed, tar_of, unpacked
from tests.unit.layers.overlay import Overlay

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other owners")


def link(path, target):
    return Entry(path=path, type="symlink", mode=0o777, linkname=target)


@pytest.fixture
def stack(owner, roots, monkeypatch):
    low = tar_of(
        Entry(path="d", type="dir"),
        file("d/x", b"low"),
        file("d/y", b"low"),
        file("e/f/g"),
        file("f", b"f"),
        file("gone/x"),
    )
    middle = tar_of(
        Entry(path="d/x", type="whiteout"), Entry(path="e/f", type="opaque"), Entry(path="gone", type="whiteout"),
        file("f/inside"), link("l", "/d"), link("r", "d/../d/y"), link("loop", "loop"), link("out", "../../../d/y"),
    )  # fmt: skip
    top = tar_of(file("d/z", b"top"), file("gone/new"), link("d/up", ".."))
    for name, data in (("low", low), ("middle", middle), ("top", top)):
        unpacked(owner, data, name)
    monkeypatch.chdir(roots)
    return Stack(["snapshots/top", "snapshots/middle", "snapshots/low"])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", ""),
        ("/", ""),
        ("d/y", "d/y"),
        ("/d//./y", "d/y"),
        ("d/x", None),
        ("l/y", "d/y"),
        ("l", "d"),
        ("r", "d/y"),
        ("out", "d/y"),
        ("d/up/d/up/d/z", "d/z"),
        ("d/../../..", ""),
        ("loop", None),
        ("loop/x", None),
        ("d/y/x", None),
        ("f", "f"),
        ("f/inside", "f/inside"),
        ("e/f/g", None),
        ("gone/x", None),
        ("gone/new", "gone/new"),
        ("nothing/at/all", None),
    ],
)
def test_a_path_is_what_the_merged_root_has(path, expected, stack):
    found = stack.lookup(path)
    assert (found and found.path) == expected


def test_a_link_that_is_not_followed_is_itself(stack):
    assert stack.lookup("l", follow=False).path == "l"
    assert stack.lookup("loop", follow=False).path == "loop"
    assert stack.lookup("l/y", follow=False).path == "d/y"


def test_the_kernel_sees_the_same(stack, owner, roots):
    overlay = Overlay(roots)
    lowers = ["snapshots/top", "snapshots/middle", "snapshots/low"]
    shown = overlay.ask(merged="tmp/shown", lowers=lowers, single=False)
    overlay.end()
    words = {
        p: "dir" if kind == "dir" else f"-> {c}" if kind == "link" else c for p, (kind, _, _, c, _) in shown.items()
    }
    assert merged(roots, *lowers) == words


def test_an_empty_stack_has_nothing_not_even_a_root():
    assert Stack([]).lookup("") is None
    assert Stack([]).lookup("a") is None


def test_only_a_small_regular_file_is_read(stack, roots):
    assert stack.read("l/y", limit=3) == b"low"
    os.mkfifo(roots / "snapshots/top/pipe")
    for path, limit in (("l/y", 2), ("d", 10), ("pipe", 10), ("gone/x", 10)):
        with pytest.raises(NotFoundError):
            stack.read(path, limit=limit)


def digest(owner, tar, path="/", name="t"):
    shutil.rmtree(owner._root / "snapshots" / name, ignore_errors=True)
    unpacked(owner, tar, name)
    return owner.call("digest", {"lowers": [f"snapshots/{name}"], "path": path})["digest"]


BASE = [Entry(path="d", type="dir", mode=0o755), file("d/a", b"aa"), link("d/l", "a")]


@pytest.mark.parametrize(
    "rows",
    [
        [*BASE[:1], file("d/a", b"ab"), BASE[2]],
        [*BASE[:1], file("d/a", b"aa", mode=0o600), BASE[2]],
        [*BASE[:1], file("d/a", b"aa", uid=5), BASE[2]],
        [*BASE[:1], file("d/b", b"aa"), BASE[2]],
        [*BASE[:2], link("d/l", "b")],
        [*BASE, file("d/more")],
        [Entry(path="d", type="dir", mode=0o700), *BASE[1:]],
    ],
)
def test_whatever_a_copy_would_take_over_counts(rows, owner):
    assert digest(owner, tar_of(*rows)) != digest(owner, tar_of(*BASE))


def test_times_and_the_way_there_do_not_count(owner):
    later = [Entry(path="d", type="dir", mode=0o755, mtime=7), file("d/a", b"aa", mtime=9), BASE[2]]
    assert digest(owner, tar_of(*later)) == digest(owner, tar_of(*BASE))
    through = [*BASE, link("way", "d")]
    assert digest(owner, tar_of(*through), "/way") == digest(owner, tar_of(*BASE), "/d")
    with pytest.raises(NotFoundError, match="no such file"):
        digest(owner, tar_of(*BASE), "/gone")


def test_a_copy_of_a_writable_layer_is_the_same_layer(owner, roots):
    rows = [
        *BASE, Entry(path="d/h", type="hardlink", linkname="d/a"), Entry(path="p", type="fifo", mode=0o622, uid=3),
        Entry(path="w", type="whiteout"), Entry(path="o", type="opaque"), file("own", b"x", uid=4, gid=5, mode=0o4711),
    ]  # fmt: skip
    unpacked(owner, tar_of(file("w"), file("o/x")), "low")
    unpacked(owner, tar_of(*rows), "up")
    owner.call("rename", {"src": "snapshots/up", "dst": "tmp/up"})
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(roots / "tmp/up/s"))
    inode = str((roots / "tmp/up/d/l").lstat().st_ino)
    answer = owner.call("duplicate", {"src": "tmp/up", "dst": "tmp/copy", "owners": {inode: [8, 9], "1": [1, 1]}})
    assert answer == {"owners": {str((roots / "tmp/copy/d/l").lstat().st_ino): [8, 9]}}
    assert not (roots / "tmp/copy/s").exists()
    given = [sealed(owner, tree, ["snapshots/low"])[0] for tree in ("tmp/up", "tmp/copy")]
    assert given[0] == given[1]


def test_attributes_of_an_image_are_kept_and_overlayfs_own_are_not(owner, roots):
    names = {"user.mime": b"text", "user.overlay.opaque": b"y", "trusted.x": b"t", "user.dockmagic.owner": b"9:9"}
    _, truth = unpacked(owner, tar_of(Entry(path="f", type="dir", xattrs=names)))
    assert truth.entries[0].xattrs == names
    on_disk = {n: os.getxattr(roots / "snapshots/a/f", n) for n in os.listxattr(roots / "snapshots/a/f")}
    assert on_disk == {"user.mime": b"text", "user.overlay.overlay.opaque": b"y"}
    owner.call("rename", {"src": "snapshots/a", "dst": "tmp/up"})
    _, again = sealed(owner, "tmp/up")
    assert again.entries[0].xattrs == {"user.mime": b"text", "user.overlay.opaque": b"y"}


def test_an_owner_that_is_taken_back_is_roots_again(owner, roots):
    rows = [Entry(path="d", type="dir", uid=5, gid=5), Entry(path="d", type="dir")]
    unpacked(owner, tar_of(*rows))
    owner.call("rename", {"src": "snapshots/a", "dst": "tmp/up"})
    _, truth = sealed(owner, "tmp/up")
    assert [(e.uid, e.gid) for e in truth.entries] == [(0, 0)]
