"""Metadata, the ledger, marks of overlayfs, removal and the jobs' arguments."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.errors import NotFoundError, StoreCorruptError, UsageError
from dockmagic.layers import metadata, overlayfs, removal
from dockmagic.layers.jobs import JOBS
from dockmagic.layers.jobs.arguments import inside
from dockmagic.layers.ledger import Ledger
from dockmagic.oci.changeset import Entry
from tests.unit.layers.given import file, tar_of, unpacked
from tests.unit.layers.test_tar_form import entries

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other owners")


@given(st.lists(entries, max_size=5), st.booleans())
def test_metadata_that_is_written_is_read_again(rows, leans):
    truth = metadata.of("sha256:" + "a" * 64, rows, tar_size=5, leans=leans)
    assert metadata.parse(truth.to_bytes()) == truth
    assert truth.to_bytes().isascii()


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"{}", b"null", b'{"version":1}', b'{"version":1,"diff_id":"x","size":"a"}', b'{"version":2}'],
)
def test_damaged_metadata_is_told(data):
    with pytest.raises(StoreCorruptError, match="a layer's metadata is"):
        metadata.parse(data)


def test_a_flipped_row_is_told():
    value = json.loads(metadata.of("x", [Entry(path="a", type="file")], tar_size=1).to_bytes())
    value["entries"] = [["a", "file"]]
    with pytest.raises(StoreCorruptError, match="damaged"):
        metadata.parse(json.dumps(value).encode())


def test_numbers_count_hard_links_and_directories_once_or_never():
    rows = [
        Entry(path="d", type="dir"),
        Entry(path="d", type="opaque"),
        Entry(path="d/f", type="file", size=5),
        Entry(path="d/g", type="hardlink", linkname="d/f"),
        Entry(path="w", type="whiteout"),
    ]
    assert (metadata.total_size(rows), metadata.file_count(rows)) == (5, 3)


def test_the_ledger_forgets_what_was_replaced_and_keeps_whiteouts():
    ledger = Ledger()
    rows = [Entry(path=path, type="dir") for path in ("a", "a/b", "a/b/c", "ab")]
    for row in [*rows, Entry(path="a/x", type="whiteout")]:
        ledger.add(row)
    ledger.forget("a")
    ledger.forget("nothing")
    assert [e.path for e in ledger.entries()] == ["ab", "a/x"]
    ledger.add(rows[0])
    ledger.forget("a")
    assert [e.path for e in ledger.entries()] == ["ab", "a/x"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"5:6", (5, 6)),
        (b"0:0", (0, 0)),
        (b"65535:65535", (65535, 65535)),
        (None, None),
        (b"", None),
        (b"5", None),
        (b":", None),
        (b"-1:0", None),
        (b"65536:0", None),
        (b"1:2:3", None),
        (b"123456:123456", None),
        (b"a:b", None),
    ],
)
def test_an_owner_that_makes_no_sense_says_nothing(value, expected):
    assert overlayfs.parse_owner(value) == expected


@ROOT
def test_both_forms_of_whiteouts_are_known(tmp_path):
    parent = os.open(tmp_path, os.O_RDONLY)
    overlayfs.make_whiteout("device", parent)
    (tmp_path / "file").touch()
    os.setxattr(tmp_path / "file", overlayfs.WHITEOUT, b"")
    (tmp_path / "null").touch()
    os.mknod(tmp_path / "real", stat.S_IFCHR | 0o600, os.makedev(1, 3))

    def whiteouts():
        return {p.name for p in tmp_path.iterdir() if overlayfs.is_whiteout(str(p), p.lstat())}

    assert whiteouts() == {"device"}
    os.setxattr(parent, overlayfs.OPAQUE, b"x")
    assert whiteouts() == {"device", "file"}
    assert not overlayfs.is_opaque(str(tmp_path))
    overlayfs.make_opaque(parent)
    os.close(parent)
    assert overlayfs.is_opaque(str(tmp_path))


@ROOT
def test_where_no_device_can_be_made_a_whiteout_is_a_marked_file(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "mknod", refuse)
    parent = os.open(tmp_path, os.O_RDONLY)
    overlayfs.make_whiteout("gone", parent)
    assert overlayfs.is_whiteout(str(tmp_path / "gone"), (tmp_path / "gone").lstat())
    overlayfs.make_opaque(parent)
    overlayfs.make_whiteout("too", parent)
    os.close(parent)
    assert overlayfs.is_opaque(str(tmp_path))


def test_an_attribute_of_what_is_gone_is_an_error(tmp_path):
    assert overlayfs.attribute(str(tmp_path), "user.nothing") is None
    with pytest.raises(FileNotFoundError):
        overlayfs.attribute(str(tmp_path / "gone"), "user.nothing")


def test_removing_takes_everything_and_nothing_else(tmp_path):
    (tmp_path / "t/.dm-removed-1").mkdir(parents=True)
    (tmp_path / "t/.dm-removed-1/f").touch()
    (tmp_path / "t/a/b/c").mkdir(parents=True)
    (tmp_path / "t/a/b/c/f").touch()
    (tmp_path / "t/a/b/d").mkdir()
    (tmp_path / "keep").touch()
    (tmp_path / "t/l").symlink_to(tmp_path)
    (tmp_path / "t/a/b").chmod(0)
    removal.remove(str(tmp_path / "t"))
    removal.remove(str(tmp_path / "t"))
    assert [p.name for p in tmp_path.iterdir()] == ["keep"]
    removal.remove(str(tmp_path / "keep"))
    assert list(tmp_path.iterdir()) == []


@ROOT
def test_what_is_mounted_in_a_tree_stays(tmp_path):
    (tmp_path / "t/a/m").mkdir(parents=True)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/f").touch()
    script = (
        "import sys; from dockmagic.layers import removal\n"
        "try: removal.remove(sys.argv[1])\n"
        "except OSError as error: sys.exit(0 if error.errno == 16 else 1)\n"
        "sys.exit(2)"
    )
    shell = 'mount -t tmpfs tmpfs "$1/t/a/m" && touch "$1/t/a/m/f" && "$2" -c "$3" "$1/t" && test -e "$1/t/a/m/f"'
    command = ["unshare", "-m", "sh", "-ec", shell, "sh", str(tmp_path), sys.executable, script]
    subprocess.run(command, check=True)


@pytest.mark.parametrize("path", ["", "/etc", "..", "a/../..", "a\0b"])
def test_a_path_that_leaves_the_schemes_root_is_refused(path):
    with pytest.raises(UsageError, match="leaves the scheme's root"):
        inside(path)


def test_every_job_says_what_it_does():
    assert all(job.__doc__ for job in JOBS.values())


@ROOT
def test_jobs_look_into_a_stack(owner):
    unpacked(owner, tar_of(Entry(path="d", type="dir", mode=0o700), file("d/f", b"hello", mode=0o640)), "low")
    unpacked(owner, tar_of(Entry(path="l", type="symlink", linkname="d/f"), file("d/g", b"g")), "top")
    stack = {"lowers": ["snapshots/top", "snapshots/low"]}
    assert owner.call("read", {**stack, "path": "/l"}) == {"content": "aGVsbG8="}
    assert owner.call("list", {**stack, "path": "d"}) == {"names": ["f", "g"]}
    assert owner.call("stat", {**stack, "path": "l"}) == {"path": "/d/f", "kind": "-", "mode": 0o640, "size": 5}
    assert owner.call("stat", {**stack, "path": "l", "follow": False})["kind"] == "l"
    assert owner.call("stat", {**stack, "path": "gone"}) is None
    for path in ("gone", "l", "d/f/x"):
        with pytest.raises(NotFoundError, match="no such directory"):
            owner.call("list", {**stack, "path": path})
    for path in ("gone", "d"):
        with pytest.raises(NotFoundError, match="no such file"):
            owner.call("read", {**stack, "path": path})
    with pytest.raises(NotFoundError, match="too large"):
        owner.call("read", {**stack, "path": "d/f", "limit": 4})


@ROOT
def test_how_a_writable_layer_stands_changes_with_it(owner, roots):
    unpacked(owner, tar_of(file("d/f", b"hello"), Entry(path="gone", type="whiteout")))
    before = owner.call("listing", {"upper": "snapshots/a"})["entries"]
    assert [(path, kind, size) for path, kind, size, _ in sorted(before)] == [
        ("/d", "dir", None),
        ("/d/f", "-", 5),
        ("/gone", "whiteout", None),
    ]
    (roots / "snapshots/a/d/f").write_bytes(b"HELLO")
    after = owner.call("listing", {"upper": "snapshots/a"})["entries"]
    assert {row[0] for row in before if row not in after} == {"/d/f"}


@ROOT
def test_a_rename_onto_the_same_content_removes_the_second(owner, roots):
    owner.call("mkdir", {"paths": ["tmp/deep/one", "tmp/two"]})
    assert (roots / "tmp/deep").stat().st_mode & 0o777 == 0o711
    assert owner.call("rename", {"src": "tmp/deep/one", "dst": "snapshots/x"}) == {"existed": False}
    assert owner.call("rename", {"src": "tmp/two", "dst": "snapshots/x"}) == {"existed": True}
    assert not (roots / "tmp/two").exists()
    owner.call("remove", {"path": "snapshots/x"})
    owner.call("remove", {"path": "snapshots/x"})
    assert not (roots / "snapshots/x").exists()


def test_two_who_remove_one_tree_at_once_both_find_it_gone(tmp_path):
    for round_ in range(5):
        top = tmp_path / f"t{round_}"
        for number in range(60):
            (top / f"a{number}/b/c/d").mkdir(parents=True)
            (top / f"a{number}/b/f").write_text("x")
        errors = []

        def work(path=str(top), errors=errors):
            try:
                removal.remove(path)
            except OSError as error:
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        with suppress(FileNotFoundError):
            top.rename(tmp_path / "aside")  # as a sweep does it
        removal.remove(str(tmp_path / "aside"))
        for thread in threads:
            thread.join()
        assert errors == []
        assert list(tmp_path.iterdir()) == []
