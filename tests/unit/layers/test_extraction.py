"""Entries that meet others of their name, in this layer and in those below; and what sealing leaves out."""

from __future__ import annotations

import os
import stat
import tempfile

import pytest

from dockmagic.errors import ArchiveError, StoreCorruptError
from dockmagic.oci.changeset import Entry
from tests.unit.layers.given import file, merged, packed, sealed, tar_of, unpacked

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other owners")


def directory(path, **fields):
    return Entry(path=path, type="dir", **fields)


def link(path, target):
    return Entry(path=path, type="symlink", mode=0o777, linkname=target)


def gone(path):
    return Entry(path=path, type="whiteout")


LOW = tar_of(
    directory("d"),
    file("d/old", b"old"),
    file("f", b"old"),
    directory("real"),
    link("way", "/real"),
    link("dead", "/no"),
)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([gone("d"), directory("d"), file("d/new", b"new")], {"d": "dir", "d/new": "new"}),
        ([directory("d"), file("d/new", b"new"), gone("d")], {"d": "dir", "d/new": "new"}),
        ([gone("d"), gone("d")], {}),
        ([gone("d"), file("d", b"new")], {"d": "new"}),
        ([file("d", b"new"), directory("d")], {"d": "dir"}),
        ([file("d", b"new"), file("d/new", b"new")], {"d": "dir", "d/new": "new"}),
        ([directory("d"), file("d", b"new")], {"d": "new"}),
        ([directory("d"), Entry(path="d", type="fifo")], {"d": "special"}),
        ([gone("f"), link("f", "d/old")], {"f": "-> d/old"}),
        ([file("way/in", b"new")], {"real/in": "new", "way": "-> /real"}),
        ([directory("way"), file("way/in", b"new")], {"way": "dir", "way/in": "new"}),
        ([gone("way"), file("way/in", b"new")], {"way": "dir", "way/in": "new"}),
        ([gone("way/x")], {"way": "-> /real"}),
        ([file("dead/in", b"new")], {"no": "dir", "no/in": "new", "dead": "-> /no"}),
        (
            [Entry(path="d", type="opaque"), Entry(path="x", type="hardlink", linkname="f")],
            {"x": "old", "f": "old", "d": "dir"},
        ),
    ],
)
def test_a_layer_over_another_is_what_its_tar_says(rows, expected, owner, roots):
    unpacked(owner, LOW, "low")
    _, truth = unpacked(owner, tar_of(*rows), "top", lowers=["snapshots/low"], below=["sha256:low"])
    found = merged(roots, "snapshots/top", "snapshots/low")
    touched = {path.split("/")[0] for path in expected} | {e.path.split("/")[0] for e in truth.entries}
    assert {p: w for p, w in found.items() if p.split("/")[0] in touched - {"real"}} == {
        p: w for p, w in expected.items() if not p.startswith("real/")
    }
    assert expected.items() <= found.items()
    assert truth.below == (("sha256:low",) if truth.leans or truth.inherits else ())
    # packed and extracted again by itself, it is the same tree
    tar = packed_anyhow(owner, truth)
    assert unpacked(owner, tar, "again")[1].entries == truth.entries
    assert merged(roots, "snapshots/again", "snapshots/low") == found


def packed_anyhow(owner, truth):
    """The tar of the tree, whose digest is another one than that of the tar that it came in."""
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out:
        source.write(truth.to_bytes())
        source.seek(0)
        owner.call("pack", {"tree": "snapshots/top"}, [source.fileno(), out.fileno()])
        out.seek(0)
        return out.read()


@pytest.mark.parametrize(
    "rows",
    [
        [Entry(path="x", type="hardlink", linkname="d")],
        [Entry(path="x", type="hardlink", linkname="way/none")],
        [gone("f"), Entry(path="x", type="hardlink", linkname="f")],
        [Entry(path="d", type="opaque"), Entry(path="x", type="hardlink", linkname="d/old")],
        [file("d", b"new"), Entry(path="x", type="hardlink", linkname="d/old")],
    ],
)
def test_a_hard_link_to_what_the_layers_below_do_not_show_is_refused(rows, owner):
    unpacked(owner, LOW, "low")
    with pytest.raises(ArchiveError, match="a hard link to what is"):
        unpacked(owner, tar_of(*rows), "top", lowers=["snapshots/low"])


def test_a_file_that_is_brought_up_keeps_owner_mode_time_and_attributes(owner):
    low = file("f", b"old", mode=0o4750, uid=5, gid=6, mtime=99, xattrs={"user.a": b"1"})
    unpacked(owner, tar_of(low), "low")
    _, truth = unpacked(owner, tar_of(Entry(path="x", type="hardlink", linkname="f")), "top", lowers=["snapshots/low"])
    assert truth.entries[0] == low[0]


def test_a_directory_that_the_tar_does_not_mention_is_as_the_layers_below_have_it(owner, roots):
    unpacked(owner, tar_of(directory("t", mode=0o1777, uid=5, gid=6), directory("plain")), "low")
    layers = ([file("t/x", b"x")], [gone("t/x")], [file("t/in/x", b"x"), file("plain/x", b"x")])
    for number, rows in enumerate(layers):
        name = f"top{number}"
        _, truth = unpacked(owner, tar_of(*rows), name, lowers=["snapshots/low"], below=["sha256:low"])
        found = (roots / "snapshots" / name / "t").stat()
        assert stat.S_IMODE(found.st_mode) == 0o1777
        assert next(entry for entry in truth.entries if entry.path == "t") == directory("t", mode=0o1777, uid=5, gid=6)
        assert (truth.leans, truth.inherits, truth.below) == (False, True, ("sha256:low",))
    _, truth = unpacked(owner, tar_of(file("plain/x", b"x")), "plain", lowers=["snapshots/low"])
    assert not truth.inherits
    _, truth = unpacked(owner, tar_of(gone("t"), file("t/x", b"x")), "anew", lowers=["snapshots/low"])
    assert directory("t") in truth.entries


@pytest.mark.parametrize("name", ["f/.wh.x", "f/.wh..wh..opq", "f/in/.wh.x", "g/.wh.x", "g/.wh..wh..opq"])
def test_a_whiteout_below_what_is_no_directory_deletes_nothing(name, owner, roots):
    unpacked(owner, tar_of(file("f", b"low")), "low")
    rows = [file("g", b"top"), file(name, b"")]
    _, truth = unpacked(owner, tar_of(*rows), "top", lowers=["snapshots/low"])
    assert merged(roots, "snapshots/top", "snapshots/low") == {"f": "low", "g": "top"}
    assert [entry.path for entry in truth.entries] == ["g"]


@pytest.mark.parametrize("end", [directory("a"), file("a", b"new"), link("a", "x"), gone("a")])
def test_names_of_a_file_outlive_its_first_name(end, owner, roots):
    links = [Entry(path=path, type="hardlink", linkname=to) for path, to in (("b", "a"), ("c", "b"), ("d", "a"))]
    _, truth = unpacked(owner, tar_of(file("a", b"old"), *links, end), "top")
    found = merged(roots, "snapshots/top")
    assert [found[name] for name in "bcd"] == ["old"] * 3
    told = {entry.path: entry for entry in truth.entries if entry.type != "whiteout"}
    first = "a" if end == gone("a") else "b"
    assert (told[first].type, told[first].size) == ("file", 3)
    assert {entry.linkname for entry in told.values() if entry.type == "hardlink"} == {first}
    assert unpacked(owner, packed_anyhow(owner, truth), "again")[1].entries == truth.entries


def test_a_layer_that_needs_nothing_below_does_not_lean(owner):
    unpacked(owner, LOW, "low")
    rows = [
        directory("real"),
        file("real/x"),
        file("new/deep/x"),
        gone("way"),
        Entry(path="h", type="hardlink", linkname="real/x"),
    ]
    assert not unpacked(owner, tar_of(*rows), "top", lowers=["snapshots/low"])[1].leans


def test_sealing_leaves_out_what_does_not_belong_to_the_image(owner, roots):
    rows = [directory("proc"), file("etc/hosts"), file("etc/kept"), directory("run"), file("run/kept"), gone("nothing")]
    unpacked(owner, tar_of(*rows))
    owner.call("rename", {"src": "snapshots/a", "dst": "tmp/up"})
    _, truth = sealed(owner, "tmp/up", ignore=["/proc", "/etc/hosts", "/run"])
    assert [e.path for e in truth.entries] == ["etc", "etc/kept", "run", "run/kept"]
    assert sorted(merged(roots, "tmp/up")) == ["etc", "etc/kept", "run", "run/kept"]


def test_a_tree_that_lost_bytes_is_not_packed(owner, roots):
    _, truth = unpacked(owner, tar_of(file("f", b"12345")))
    (roots / "snapshots/a/f").write_bytes(b"123")
    with pytest.raises(StoreCorruptError, match="shorter than its metadata says"):
        packed(owner, "snapshots/a", truth)
