"""Sealing what a real overlayfs left behind, and `apply(diff(x)) == x`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from dockmagic.errors import UsageError
from dockmagic.layers.inprocess import InProcessOwner
from tests.unit.layers.given import file, merged, packed, sealed, tar_of, unpacked

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts an overlay here")

BASE = tar_of(
    *[file(f"{d}/{n}", f"{d}{n}".encode()) for d in ("a", "b", "c") for n in "123"], file("top", b"top", mode=0o600)
)

SCRIPTS = {
    "add": "mkdir -p n/m && echo x > n/m/f && ln n/m/f n/g && ln -s /etc n/l && mkfifo n/p",
    "names-of-one-file": "ln -s x s && ln s t && mkfifo p && ln p a/q && ln b/1 c/one",
    "change": "echo more >> a/1 && chmod 700 b && chmod 755 top",
    "delete": "rm a/1 && rm -r b",
    "replace-directory": "rm -r a && mkdir a && echo new > a/new",
    "directory-to-file": "rm -r a && echo file > a",
    "file-to-directory": "rm top && mkdir top && echo x > top/x",
    "link-to-lower": "ln a/1 a/link && echo y > a/y",
    "owner": "chown 33:44 a/2 && chown -h 1:1 a && ln -s x s && chown -h 5:6 s",
    "rename": "mv a/1 c/one && mv top a/",
    "odd-names": "touch \"$(printf 'x\\ny')\" 'sp ace' \"$(printf 'bad\\377')\" && mkdir '.hidden'",
}


def overlay(roots: Path, script: str, lower: str = "low", upper: str = "up") -> None:
    for name in (upper, f"{upper}.work", f"{upper}.merged"):
        (roots / "tmp" / name).mkdir(parents=True)
    commands = (
        f"mount -t overlay overlay -o userxattr,lowerdir=snapshots/{lower},upperdir=tmp/{upper},"
        f"workdir=tmp/{upper}.work tmp/{upper}.merged && cd tmp/{upper}.merged && umask 022 && {script}"
    )
    subprocess.run(["unshare", "-m", "sh", "-ec", commands], cwd=roots, check=True)


@pytest.fixture
def owner(roots):
    return InProcessOwner(roots)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_sealed_layer_applied_elsewhere_gives_the_same_tree(name, owner, roots):
    unpacked(owner, BASE, "low")
    overlay(roots, SCRIPTS[name])
    expected = merged(roots, "tmp/up", "snapshots/low")
    numbers, truth = sealed(owner, "tmp/up", ["snapshots/low"])
    assert merged(roots, "tmp/up", "snapshots/low") == expected
    tar = packed(owner, "tmp/up", truth)
    again, elsewhere = unpacked(owner, tar, "again")
    assert again["diff_id"] == numbers["diff_id"]
    assert (again["size"], again["files"], again["tar_size"]) == (
        numbers["size"],
        numbers["files"],
        numbers["tar_size"],
    )
    assert elsewhere.entries == truth.entries
    assert merged(roots, "snapshots/again", "snapshots/low") == expected


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_same_work_twice_gives_one_digest(name, owner, roots):
    unpacked(owner, BASE, "low")
    digests = set()
    for upper in ("one", "two"):
        overlay(roots, SCRIPTS[name], upper=upper)
        digests.add(sealed(owner, f"tmp/{upper}", ["snapshots/low"])[0]["diff_id"])
    assert len(digests) == 1


@pytest.mark.parametrize(
    "script",
    ["true", "touch a/new && rm a/new", "touch a", "chmod 700 b && chmod 755 b", "mkdir x && rmdir x", "cat a/1"],
)
def test_nothing_changed_is_an_empty_layer(script, owner, roots):
    unpacked(owner, BASE, "low")
    overlay(roots, script)
    numbers, truth = sealed(owner, "tmp/up", ["snapshots/low"])
    assert numbers["empty"]
    assert truth.entries == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("add", {"/n": "A", "/n/m": "A", "/n/m/f": "A", "/n/g": "A", "/n/l": "A", "/n/p": "A"}),
        ("change", {"/a/1": "C", "/b": "C", "/top": "C"}),
        ("delete", {"/a/1": "D", "/b": "D"}),
        ("replace-directory", {"/a/1": "D", "/a/2": "D", "/a/3": "D", "/a/new": "A"}),
        ("directory-to-file", {"/a": "C"}),
        ("file-to-directory", {"/top": "C", "/top/x": "A"}),
        ("rename", {"/a/1": "D", "/a/top": "A", "/c/one": "A", "/top": "D"}),
    ],
)
def test_changes_are_dockers(name, expected, owner, roots):
    unpacked(owner, BASE, "low")
    overlay(roots, SCRIPTS[name])
    found = owner.call("changes", {"upper": "tmp/up", "lowers": ["snapshots/low"], "ignore": []})
    assert {path: kind for path, kind, *_ in found["paths"]} == expected


def test_every_time_in_a_sealed_tree_is_the_epoch(owner, roots):
    unpacked(owner, BASE, "low")
    overlay(roots, SCRIPTS["add"])
    sealed(owner, "tmp/up", ["snapshots/low"])
    tree = roots / "tmp" / "up"
    assert {p.lstat().st_mtime for p in [tree, *tree.rglob("*")]} == {315532800.0}


def test_a_duplicate_seals_to_the_same_digest(owner, roots):
    unpacked(owner, BASE, "low")
    overlay(roots, f"{SCRIPTS['add']} && {SCRIPTS['delete']} && {SCRIPTS['owner'].replace('a/2', 'a/3')}")
    owner.call("duplicate", {"src": "tmp/up", "dst": "tmp/copy"})
    first = sealed(owner, "tmp/up", ["snapshots/low"])[0]
    assert sealed(owner, "tmp/copy", ["snapshots/low"])[0] == first


def test_a_deep_tree_is_removed_and_links_are_not_followed(owner, roots, tmp_path):
    (tmp_path / "canary").mkdir()
    (tmp_path / "canary" / "f").touch()
    owner.call("mkdir", {"paths": ["tmp/t"]})
    script = "i=0; while [ $i -lt 1500 ]; do mkdir d; touch d/f; cd d; i=$((i+1)); done"
    subprocess.run(["sh", "-ec", script], cwd=roots / "tmp/t", check=True)
    (roots / "tmp/t/link").symlink_to(tmp_path / "canary")
    owner.call("remove", {"path": "tmp/t"})
    assert not (roots / "tmp/t").exists()
    assert (tmp_path / "canary" / "f").exists()


def test_names_of_one_link_or_pipe_stay_names_of_one(owner, roots):
    unpacked(owner, BASE, "low")
    overlay(roots, SCRIPTS["names-of-one-file"])
    _, truth = sealed(owner, "tmp/up", ["snapshots/low"])
    unpacked(owner, packed(owner, "tmp/up", truth), "again")
    links = {e.path: e.linkname for e in truth.entries if e.type == "hardlink"}
    assert links == {"c/one": "b/1", "p": "a/q", "t": "s"}
    for name, first in links.items():
        assert (roots / "snapshots/again" / name).lstat().st_ino == (roots / "snapshots/again" / first).lstat().st_ino


@pytest.mark.parametrize("script", ["touch a/.wh.x", "mkdir .wh.d", "ln -s x .wh..wh..opq"])
def test_a_name_that_would_mean_a_deletion_is_told(script, owner, roots):
    unpacked(owner, BASE, "low")
    overlay(roots, script)
    with pytest.raises(UsageError, match=r"names that begin with \.wh\."):
        sealed(owner, "tmp/up", ["snapshots/low"])


def test_a_sealed_tree_bears_only_marks_that_mean_something(owner, roots):
    unpacked(owner, BASE, "low")
    overlay(roots, "rm -r a && mkdir -p a/b && echo x >> top && mv c/1 c/9")
    sealed(owner, "tmp/up", ["snapshots/low"])
    tree = roots / "tmp/up"
    marks = {
        f"{p.relative_to(tree)} {name}": os.getxattr(p, name, follow_symlinks=False)
        for p in [tree, *tree.rglob("*")]
        for name in os.listxattr(p, follow_symlinks=False)
    }
    assert marks == {"a user.overlay.opaque": b"y"}


def test_a_directory_made_again_in_one_that_was_made_again_stays(owner, roots):
    unpacked(owner, tar_of(file("a/b/c"), file("a/b/d"), file("a/x/y")), "low")
    overlay(roots, "rm -r a && mkdir -p a/b && echo d > a/b/d")
    found = owner.call("changes", {"upper": "tmp/up", "lowers": ["snapshots/low"], "ignore": []})
    assert [(path, kind) for path, kind, *_ in found["paths"]] == [("/a/b/c", "D"), ("/a/b/d", "C"), ("/a/x", "D")]
    _, truth = sealed(owner, "tmp/up", ["snapshots/low"])
    assert [(e.path, e.type) for e in truth.entries] == [
        ("a", "dir"),
        ("a", "opaque"),
        ("a/b", "dir"),
        ("a/b/d", "file"),
    ]
    assert merged(roots, "tmp/up", "snapshots/low") == {"a": "dir", "a/b": "dir", "a/b/d": "d\n"}
