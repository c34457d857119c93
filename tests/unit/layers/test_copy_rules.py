"""Where COPY's files land: the destination's slash, links of the image, files and directories in the way."""

from __future__ import annotations

import os
import tempfile

import pytest

from dockmagic.errors import NotFoundError, UsageError
from dockmagic.oci.changeset import Entry
from tests.unit.layers.given import file, merged, sealed, shipment_of, tar_of, unpacked

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other owners")

IMAGE = tar_of(
    Entry(path="etc", type="dir"),
    file("etc/conf", b"old", mode=0o600, uid=3, gid=4),
    Entry(path="data", type="dir", mode=0o1770, uid=5, gid=6),
    Entry(path="mnt", type="dir"),
    Entry(path="mnt/deep", type="dir"),
    Entry(path="absolute", type="symlink", linkname="/mnt/deep"),
    Entry(path="mnt/relative", type="symlink", linkname="../data"),
    Entry(path="up", type="symlink", linkname="../../../../data"),
    Entry(path="dangling", type="symlink", linkname="/no/where"),
    Entry(path="circle", type="symlink", linkname="circle"),
)
FILE = [file("new", b"new", mode=0o640, uid=7, gid=8)]
TREE = [
    Entry(path="sub", type="dir", mode=0o711),
    file("sub/one", b"1"),
    file("two", b"2"),
    Entry(path="l", type="symlink", linkname="two"),
]


@pytest.fixture
def image(owner):
    unpacked(owner, IMAGE, "image")
    owner.call("mkdir", {"paths": ["tmp/up"]})
    return {"upper": "tmp/up", "lowers": ["snapshots/image"], "chown": None, "chmod": ""}


def copy(owner, image, rows, dest, *, single_file=False, **arguments):
    with tempfile.TemporaryFile() as sent:
        sent.write(shipment_of(*rows))
        sent.seek(0)
        given = {"dest": dest, "dest_is_dir": dest.endswith("/"), "single_file": single_file} | image | arguments
        return owner.call("copy", given, [sent.fileno()])


def landed(roots):
    """What the new layer holds, directories apart."""
    found = merged(roots, "tmp/up")
    return {path: word for path, word in found.items() if word != "dir"}


@pytest.mark.parametrize(
    ("dest", "expected"),
    [
        ("/fresh", "fresh"),
        ("/fresh/", "fresh/new"),
        ("/not/there/yet", "not/there/yet"),
        ("/data", "data/new"),
        ("/data/", "data/new"),
        ("/data/name", "data/name"),
        ("/etc/conf", "etc/conf"),
        ("/absolute", "mnt/deep/new"),
        ("/absolute/", "mnt/deep/new"),
        ("/absolute/name", "mnt/deep/name"),
        ("/mnt/relative/", "data/new"),
        ("/mnt/relative/name", "data/name"),
        ("/up/name", "data/name"),
        ("/dangling/", "no/where/new"),
        ("/dangling/name", "no/where/name"),
        ("/../../name", "name"),
        ("/data/../name", "name"),
        ("//data//./name", "data/name"),
        ("/", "new"),
    ],
)
def test_a_file_lands_where_the_destination_says(dest, expected, owner, roots, image):
    copy(owner, image, FILE, dest, single_file=True)
    assert landed(roots) == {expected: "new"}
    _, truth = sealed(owner, "tmp/up", ["snapshots/image"])
    (entry,) = [e for e in truth.entries if e.type == "file"]
    assert (entry.path, entry.mode, entry.uid, entry.gid) == (expected, 0o640, 7, 8)


@pytest.mark.parametrize(
    ("dest", "prefix"),
    [
        ("/fresh", "fresh/"),
        ("/fresh/", "fresh/"),
        ("/data", "data/"),
        ("/absolute", "mnt/deep/"),
        ("/up/x", "data/x/"),
        ("/", ""),
    ],
)
def test_a_directorys_content_lands_in_the_destination(dest, prefix, owner, roots, image):
    copy(owner, image, TREE, dest)
    assert landed(roots) == {f"{prefix}sub/one": "1", f"{prefix}two": "2", f"{prefix}l": "-> two"}


def test_directories_on_the_way_keep_what_they_are(owner, image):
    copy(owner, image, FILE, "/data/", single_file=True)
    _, truth = sealed(owner, "tmp/up", ["snapshots/image"])
    (directory,) = [e for e in truth.entries if e.type == "dir"]
    assert (directory.path, directory.mode, directory.uid, directory.gid) == ("data", 0o1770, 5, 6)


@pytest.mark.parametrize("dest", ["/etc/conf/", "/etc/conf/name", "/circle/", "/circle/name"])
def test_what_is_no_directory_cannot_receive(dest, owner, image):
    with pytest.raises(UsageError, match=r"not a directory|too many links"):
        copy(owner, image, FILE, dest, single_file=True)


def test_chown_is_for_everything_that_is_copied(owner, image):
    copy(owner, image, TREE, "/fresh", chown=[11, 12])
    _, truth = sealed(owner, "tmp/up", ["snapshots/image"])
    assert {(e.uid, e.gid) for e in truth.entries if e.path.startswith("fresh/") and e.type != "symlink"} == {(11, 12)}


def test_owners_that_only_a_table_holds_are_given_back(owner, image):
    answer = copy(owner, image, TREE, "/fresh", chown=[11, 12])
    _, truth = sealed(owner, "tmp/up", ["snapshots/image"], owners=answer["owners"])
    assert {(e.uid, e.gid) for e in truth.entries if e.path.startswith("fresh/")} == {(11, 12)}
    assert (answer["owners"] != {}) == owner.scheme.startswith("single")


def test_files_of_another_image_are_copied_as_they_are(owner, roots, image):
    unpacked(owner, tar_of(*TREE, file("own", b"own", uid=9, gid=10)), "other")
    sources = [{"lowers": ["snapshots/other"], "path": path} for path in ("/", "/own")]
    given = {"dest": "/fresh", "dest_is_dir": True, "single_file": False, "sources": sources, **image}
    owner.call("copy", given)
    assert landed(roots) == {"fresh/sub/one": "1", "fresh/two": "2", "fresh/l": "-> two", "fresh/own": "own"}
    with pytest.raises(NotFoundError, match="no such file in the image"):
        owner.call("copy", {**given, "sources": [{"lowers": ["snapshots/other"], "path": "/gone"}]})


def test_the_same_copy_twice_gives_one_layer(owner, image):
    digests = set()
    for upper in ("tmp/up", "tmp/again"):
        if upper != "tmp/up":
            owner.call("mkdir", {"paths": [upper]})
        copy(owner, image, [*FILE, *TREE], "/absolute/x", upper=upper)
        digests.add(sealed(owner, upper, ["snapshots/image"])[0]["diff_id"])
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/w/x", "/w/x"), ("/absolute/x", "/mnt/deep/x"), ("/dangling", "/no/where"), ("/data", "/data")],
)
def test_a_working_directory_is_made_where_links_lead(path, expected, owner, image):
    assert owner.call("makedirs", {**image, "path": path}) == {"path": expected}
    with pytest.raises(UsageError, match="not a directory"):
        owner.call("makedirs", {**image, "path": "/etc/conf/x"})


def test_what_lands_twice_is_what_came_last(owner, roots):
    owner.call("mkdir", {"paths": ["tmp/up"]})
    given = {"upper": "tmp/up", "lowers": [], "chown": None, "chmod": ""}
    rows = [
        Entry(path="d", type="dir", mode=0o2755),
        file("d/a", b"first"),
        Entry(path="e", type="dir"),
        file("e/a", b"first", uid=7, gid=8),
    ]
    copy(owner, given, rows, "/")
    later = [
        file("d/a", b"last", mode=0o600),
        file("e", b"a file now"),
        Entry(path="f", type="dir"),
        file("f/x", b"1"),
        file("f/x", b"2"),
        file("f", b"gone"),
        Entry(path="f", type="dir"),
        file("f/y", b"3"),
    ]
    copy(owner, given, later, "/")
    assert merged(roots, "tmp/up") == {
        "d": "dir", "d/a": "last", "e": "a file now", "f": "dir", "f/y": "3",
    }  # fmt: skip
    _, truth = sealed(owner, "tmp/up")
    assert {entry.path: (entry.mode, entry.uid) for entry in truth.entries if entry.type == "file"} == {
        "d/a": (0o600, 0), "e": (0o644, 0), "f/y": (0o644, 0),
    }  # fmt: skip
