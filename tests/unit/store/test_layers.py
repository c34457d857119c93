from __future__ import annotations

import errno
import gzip
import io
import os
import shutil
import stat

import pytest

from dockmagic.errors import ArchiveError, NotFoundError, StoreCorruptError, StoreError
from dockmagic.oci.descriptor import Descriptor
from tests.unit.store.making import EPOCH, adopt, build_upper, open_store, sha256, tar_of

TAR = tar_of({"bin": {"type": b"5", "mode": 0o755}, "bin/sh": b"shell" * 1000, "etc": {"type": b"5"}, "etc/x": b"x"})


def packed(store, diff_id):
    read, write = os.pipe()
    with os.fdopen(read, "rb") as file:
        store.layers.pack(diff_id, write)
        os.close(write)
        return file.read()


@pytest.mark.parametrize("source", [TAR, gzip.compress(TAR)], ids=["plain", "gzip"])
def test_a_tar_becomes_a_layer_that_keeps_its_blob(store, source):
    layer = store.layers.add_tar(io.BytesIO(source))
    assert layer.diff_id == sha256(TAR)
    assert (layer.size, layer.files, layer.tar_size) == (5001, 2, len(TAR))
    assert (layer.blob.digest, layer.blob.size) == (sha256(source), len(source))
    assert layer.blob.media_type.endswith("gzip" if source is not TAR else "tar")
    assert store.layers.get(layer.diff_id) == layer
    assert packed(store, layer.diff_id) == TAR
    tree = store.path / "roots/range-0" / store.layers.snapshot(layer.diff_id)
    assert (tree / "bin/sh").read_bytes() == b"shell" * 1000
    assert store.check() == []


def test_the_same_tar_again_is_the_same_layer(store):
    first = store.layers.add_tar(TAR)
    assert store.layers.add_tar(TAR) == first
    assert store.layers.add_tar(gzip.compress(TAR)).diff_id == first.diff_id
    assert store.check() == []


def test_a_host_made_layer_is_known_as_such(store):
    assert store.layers.add_tar(TAR, host_made=True).host_made
    assert store.layers.get(sha256(TAR)).host_made


def test_a_built_layer_is_packed_with_the_bytes_of_its_diff_id(store):
    layer = adopt(store, {"a/b": b"b" * 2000, "c": b""})
    assert layer.blob is None
    assert (layer.size, layer.files) == (2000, 2)
    tar = packed(store, layer.diff_id)
    assert (sha256(tar), len(tar)) == (layer.diff_id, layer.tar_size)
    assert store.check() == []


def test_the_same_files_give_the_same_layer_in_every_store(store, tmp_path):
    first = adopt(store, {"a/b": b"b"})
    assert adopt(store, {"a/b": b"b"}) == first
    assert adopt(open_store(tmp_path / "other"), {"a/b": b"b"}) == first
    assert store.check() == []


def test_nothing_changed_is_no_layer(store):
    assert adopt(store, {}) is None
    assert store.check() == []


def test_a_built_layer_that_comes_back_in_an_archive_gets_its_blob(store):
    built = adopt(store, {"a": b"a"})
    loaded = store.layers.add_tar(packed(store, built.diff_id))
    assert loaded.diff_id == built.diff_id
    assert loaded.blob.digest == built.diff_id
    assert loaded.tree_digest == built.diff_id
    assert store.check() == []


@pytest.mark.parametrize(
    "content",
    [b"", b"no tar at all", b"<html>404</html>" * 100, TAR[:2000], gzip.compress(TAR)[:-20], b"\x1f\x8b\x08broken"],
    ids=range(6),
)
def test_what_is_no_whole_tar_is_refused_and_leaves_nothing(store, content):
    with pytest.raises(ArchiveError):
        store.layers.add_tar(content)
    assert store.check() == []
    assert list(store.path.glob("roots/range-0/*/*")) == []
    assert list((store.path / "blobs/sha256").iterdir()) == []


def test_another_tar_than_the_config_says_is_refused(store):
    with pytest.raises(ArchiveError, match="config says"):
        store.layers.add_tar(TAR, diff_id="sha256:" + "1" * 64)
    store.layers.add_tar(TAR)
    with pytest.raises(ArchiveError, match="config says"):
        store.layers.add_tar(TAR, diff_id="sha256:" + "1" * 64)
    with pytest.raises(ArchiveError, match="differs from its digest"):
        store.layers.add_tar(TAR, expected=Descriptor(media_type="x", digest="sha256:" + "1" * 64, size=len(TAR)))
    assert store.check() == []


def test_a_lost_tree_is_made_again_from_the_blob(store):
    layer = store.layers.add_tar(gzip.compress(TAR))
    tree = store.path / "roots/range-0" / store.layers.snapshot(layer.diff_id)
    shutil.rmtree(tree)
    assert store.check() == []
    assert store.layers.snapshot(layer.diff_id) == f"snapshots/{layer.diff_id[7:]}"
    assert (tree / "etc/x").read_bytes() == b"x"
    assert store.check() == []


def test_another_scheme_gets_trees_of_its_own(store, home):
    loaded = store.layers.add_tar(TAR)
    built = adopt(store, {"a": b"built"})
    single = open_store(home, "single-0")
    assert single.check() == []
    for layer in (loaded, built):
        assert (home / "roots/single-0" / single.layers.snapshot(layer.diff_id)).is_dir()
    assert packed(single, built.diff_id) == packed(store, built.diff_id)
    assert single.check() == store.check() == []


def test_a_lost_tree_of_a_built_layer_is_told(store):
    layer = adopt(store, {"a": b"a"})
    shutil.rmtree(store.path / "roots/range-0" / store.layers.snapshot(layer.diff_id))
    with pytest.raises(StoreError, match=r"tree of the layer .* is missing"):
        store.layers.snapshot(layer.diff_id)


def test_damage_is_never_given_out(store):
    layer = store.layers.add_tar(gzip.compress(TAR))
    built = adopt(store, {"a": b"a" * 100})
    blob = store.path / "blobs/sha256" / layer.blob.digest[7:]
    blob.chmod(0o600)
    blob.write_bytes(gzip.compress(TAR.replace(b"shell", b"shall")))
    (store.path / "roots/range-0" / store.layers.snapshot(built.diff_id) / "a").write_bytes(b"b" * 100)
    for diff_id in (layer.diff_id, built.diff_id):
        with pytest.raises(StoreCorruptError):
            packed(store, diff_id)
    shutil.rmtree(store.path / "roots/range-0" / store.layers.snapshot(layer.diff_id))
    with pytest.raises(StoreCorruptError):
        store.layers.snapshot(layer.diff_id)


def test_an_unknown_layer_is_not_found(store):
    unknown = "sha256:" + "0" * 64
    assert not store.layers.has(unknown)
    for call in (store.layers.get, store.layers.snapshot):
        with pytest.raises(NotFoundError):
            call(unknown)


def test_changes_are_told_against_the_layers_below(store):
    base = store.layers.add_tar(TAR)
    top = store.layers.add_tar(
        tar_of({"etc": {"type": b"5"}, "etc/x": b"y", "etc/new": b"", "bin": {"type": b"5"}, "bin/.wh.sh": b""})
    )
    assert store.layers.changes(base.diff_id) == {"/bin": "A", "/bin/sh": "A", "/etc": "A", "/etc/x": "A"}
    told = store.layers.changes(top.diff_id, (base.diff_id,))
    assert {k: v for k, v in told.items() if k != "/bin"} == {"/etc/x": "C", "/etc/new": "A", "/bin/sh": "D"}
    assert sorted(store.layers.merged((base.diff_id, top.diff_id))) == ["/bin", "/etc", "/etc/new", "/etc/x"]


def test_two_stacks_are_compared_by_content(store):
    one = adopt(store, {"same": b"same", "other": b"1234", "gone": b""})
    two = adopt(store, {"same": b"same", "other": b"5678", "new": b""})
    assert store.layers.difference((one.diff_id,), (two.diff_id,)) == {"/other": "C", "/gone": "D", "/new": "A"}
    assert store.layers.difference((one.diff_id,), (one.diff_id,)) == {}


def test_names_of_one_file_are_compared_by_its_content(store):
    one = store.layers.add_tar(tar_of({"a": b"1234", "b": {"type": b"1", "linkname": "a"}, "c": b"same"}))
    two = store.layers.add_tar(tar_of({"a": b"5678", "b": {"type": b"1", "linkname": "a"}, "d": b"d"}))
    top = store.layers.add_tar(tar_of({"a": b"9"}))
    before, after = (one.diff_id,), (one.diff_id, two.diff_id)
    assert store.layers.difference(before, after) == {"/a": "C", "/b": "C", "/d": "A"}
    # the first name is hidden; the other one is what it was
    assert store.layers.difference(before, (one.diff_id, top.diff_id)) == {"/a": "C"}
    apart = store.layers.add_tar(tar_of({"a": b"1234", "b": b"1234", "c": b"same"}))
    assert store.layers.difference(before, (apart.diff_id,)) == {}


DIRECTORY = {"type": b"5", "mode": 0o755}
LIB = tar_of(
    {"usr": DIRECTORY, "usr/lib": DIRECTORY, "usr/lib/one": b"1", "lib": {"type": b"2", "linkname": "usr/lib"}}
)
LEANING = tar_of({"lib/two": b"2", "three": {"type": b"1", "linkname": "lib/one"}})


def leaning(store):
    base = store.layers.add_tar(LIB)
    return base, store.layers.add_tar(LEANING, below=[base.diff_id])


def test_a_layer_that_leads_through_a_link_below_is_extracted_to_where_it_leads(store, home):
    base, top = leaning(store)
    tree = home / "roots/range-0" / store.layers.snapshot(top.diff_id)
    assert (tree / "usr/lib/two").read_bytes() == b"2"
    assert (tree / "three").read_bytes() == b"1"
    assert not (tree / "lib").exists()
    assert store.layers.changes(top.diff_id, [base.diff_id]) == {
        "/usr/lib/one": "C",
        "/usr/lib/two": "A",
        "/three": "A",
    }
    assert store.layers.add_tar(LEANING, below=[base.diff_id]) == top
    assert store.check() == []


def test_a_layer_that_leans_is_not_taken_for_what_it_is_over_other_layers(store):
    leaning(store)
    other = store.layers.add_tar(tar_of({"lib64/one": b"1", "lib": {"type": b"2", "linkname": "lib64"}}))
    for tar in (LEANING, gzip.compress(LEANING)):
        with pytest.raises(StoreError, match="over other layers already"):
            store.layers.add_tar(tar, below=[other.diff_id])
    assert store.check() == []


def test_a_leaning_layers_tree_is_made_again_over_the_same_layers(store, home):
    _, top = leaning(store)
    shutil.rmtree(home / "roots/range-0/snapshots")
    (home / "roots/range-0/snapshots").mkdir()
    assert (home / "roots/range-0" / store.layers.snapshot(top.diff_id) / "usr/lib/two").read_bytes() == b"2"
    elsewhere = open_store(home, "single-0")
    assert (home / "roots/single-0" / elsewhere.layers.snapshot(top.diff_id) / "three").read_bytes() == b"1"
    assert store.check() == []


def test_a_layer_that_does_not_lean_is_the_same_over_every_layer(store):
    one = store.layers.add_tar(tar_of({"x": b"x"}), below=[])
    base = store.layers.add_tar(LIB)
    assert store.layers.add_tar(tar_of({"x": b"x"}), below=[base.diff_id]) == one


def test_a_layer_that_takes_a_directorys_mode_from_below_stands_over_others_too(store, home):
    tar = tar_of({"tmp/x": b"x"})
    base = store.layers.add_tar(tar_of({"tmp": {"type": b"5", "mode": 0o1777}}))
    top = store.layers.add_tar(tar, below=[base.diff_id])
    other = store.layers.add_tar(tar_of({"tmp": {"type": b"5", "mode": 0o700}}))
    assert store.layers.add_tar(tar, below=[other.diff_id]) == top
    shutil.rmtree(home / "roots/range-0/snapshots")
    (home / "roots/range-0/snapshots").mkdir()
    made = home / "roots/range-0" / store.layers.snapshot(top.diff_id) / "tmp"
    assert stat.S_IMODE(made.stat().st_mode) == 0o1777
    assert store.check() == []


def test_timestamps_become_the_epoch(store):
    with store.scratch() as directory:
        layer = store.layers.adopt(build_upper(store, directory, {"a": b"a"}), lowers=(), epoch=EPOCH)
    assert [entry.mtime for entry in store.layers.entries(layer.diff_id)] == [EPOCH]


def test_a_file_system_without_attributes_is_told_where_owners_need_them(home, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    store = open_store(home, f"single-{os.geteuid()}")
    plain = store.layers.add_tar(tar_of({"a": b"a"}))
    monkeypatch.setattr(os, "setxattr", refuse)
    with pytest.raises(StoreError, match="keeps no extended attributes"):
        store.layers.add_tar(tar_of({"b": {"uid": 33}}))
    assert store.check() == []
    assert store.layers.get(plain.diff_id) == plain
