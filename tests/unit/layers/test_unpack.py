from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import stat
import tarfile

import pytest

from dockmagic.errors import ArchiveError
from dockmagic.layers.inprocess import InProcessOwner
from dockmagic.oci.changeset import Entry
from tests.unit.layers.given import file, merged, packed, tar_of, unpacked

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other owners")


@ROOT
def test_a_layer_is_extracted_with_owners_modes_and_times(owner, roots):
    data = tar_of(
        Entry(path="d", type="dir", mode=0o1777, mtime=5),
        file("d/f", b"hello", mode=0o4755, uid=12, gid=13, mtime=77),
        Entry(path="d/l", type="symlink", mode=0o777, linkname="/etc/passwd", uid=12, gid=13),
        Entry(path="d/h", type="hardlink", linkname="d/f"),
        Entry(path="dev", type="char", devmajor=1, devminor=3),
    )
    numbers, truth = unpacked(owner, data)
    assert numbers["diff_id"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert (numbers["size"], numbers["files"], numbers["tar_size"]) == (5, 4, len(data))
    tree = roots / "snapshots" / "a"
    status = (tree / "d/f").stat()
    assert (status.st_size, status.st_mtime, status.st_nlink, status.st_mode & 0o7777) == (5, 77, 2, 0o4755)
    assert (tree / "d").stat().st_mtime == 5
    if owner.scheme.startswith("range"):
        assert (status.st_uid, status.st_gid) == (12, 13)
    else:
        assert os.getxattr(tree / "d/f", "user.dockmagic.owner") == b"12:13"
    assert not (tree / "dev").exists()
    assert [(e.path, e.uid) for e in truth.entries][:2] == [("d", 0), ("d/f", 12)]
    assert packed(owner, "snapshots/a", truth)


@ROOT
def test_a_compressed_layer_has_the_diff_id_of_what_is_inside(owner):
    data = tar_of(file("f"))
    numbers, _ = unpacked(owner, gzip.compress(data))
    assert numbers["diff_id"] == f"sha256:{hashlib.sha256(data).hexdigest()}"


@ROOT
def test_whiteouts_hide_what_is_below(owner, roots):
    unpacked(owner, tar_of(file("a/x", b"x"), file("a/y", b"y"), file("b/z", b"z")), "low")
    unpacked(
        owner, tar_of(Entry(path="a/x", type="whiteout"), Entry(path="b", type="opaque"), file("b/n", b"n")), "top"
    )
    assert merged(roots, "snapshots/top", "snapshots/low") == {"a": "dir", "a/y": "y", "b": "dir", "b/n": "n"}


@ROOT
def test_an_absolute_link_in_the_way_leads_within_the_layer(owner, roots, tmp_path):
    data = tar_of(Entry(path="real", type="dir"), Entry(path="link", type="symlink", linkname="/real"), file("link/f"))
    _, truth = unpacked(owner, data)
    assert (roots / "snapshots/a/real/f").read_text() == "x"
    assert truth.entries[-1].path == "real/f"


HOSTILE = {
    "dot-dot": tar_of(file("../x")),
    "dot-dot-inside": tar_of(file("a/../../x")),
    "link-out": tar_of(Entry(path="l", type="symlink", linkname="../../.."), file("l/canary/x")),
    "absolute-link-out": tar_of(Entry(path="l", type="symlink", linkname="/OUTSIDE"), file("l/x")),
    "hardlink-out": tar_of(Entry(path="h", type="hardlink", linkname="../../canary")),
    "hardlink-through-link": tar_of(
        Entry(path="l", type="symlink", linkname="/OUTSIDE"), Entry(path="h", type="hardlink", linkname="l/f")
    ),
    "whiteout-of-parent": tar_of(Entry(path="a", type="dir"), Entry(path="..", type="whiteout")),
}


@ROOT
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_or_contained(name, owner, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_text("canary")
    data = HOSTILE[name].replace(b"/OUTSIDE" + bytes(len(str(outside)) - 8), str(outside).encode())
    before = sorted(str(p) for p in tmp_path.rglob("*") if "roots" not in p.parts)
    with contextlib.suppress(ArchiveError):
        unpacked(owner, data)
        assert name == "link-out", "only what stays within the layer may pass"
    assert sorted(str(p) for p in tmp_path.rglob("*") if "roots" not in p.parts) == before
    assert (outside / "f").read_text() == "canary"
    assert (outside / "f").stat().st_nlink == 1


@pytest.mark.parametrize(
    "data",
    [
        b"no tar" * 100,
        tar_of(file("f", b"y" * 2000))[:1500],
        b"\x1f\x8b\x08" + b"broken" * 50,
        tar_of(file("f"))[:100],
        tar_of(Entry(path="x", type="hardlink", linkname="missing")),
    ],
)
def test_damage_is_an_error_and_leaves_nothing(data, owner, roots):
    with pytest.raises(ArchiveError):
        unpacked(owner, data)
    assert list((roots / "snapshots").iterdir()) == []


@ROOT
def test_a_later_entry_replaces_an_earlier_one(owner, roots):
    data = tar_of(
        file("a", b"file"),
        Entry(path="a", type="dir"),
        file("a/b", b"b"),
        Entry(path="a", type="symlink", linkname="/"),
        file("a", b"again"),
    )
    _, truth = unpacked(owner, data)
    assert merged(roots, "snapshots/a") == {"a": "again"}
    assert [(e.path, e.type) for e in truth.entries] == [("a", "file")]


@ROOT
def test_what_tarfile_writes_is_read(owner, roots):
    out = io.BytesIO()
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=form) as tar:
            for name in ("./", "n" * 150, "d/" * 60 + "f", "ü", "big"):
                info = tarfile.TarInfo(name)
                info.type = tarfile.DIRTYPE if name == "./" else tarfile.REGTYPE
                info.uid = 3_000_000 if name == "big" else 0
                info.size = 3 if name != "./" else 0
                tar.addfile(info, io.BytesIO(b"abc"))
        _, truth = unpacked(owner, out.getvalue(), f"f{form}")
        assert {"n" * 150, "ü", "big"} <= {e.path for e in truth.entries}
        assert max(e.uid for e in truth.entries) == 3_000_000


@ROOT
def test_setuid_bits_survive_the_change_of_owner(roots):
    unpacked(InProcessOwner(roots), tar_of(file("s", mode=0o6755, uid=7, gid=8)))
    assert stat.S_IMODE((roots / "snapshots/a/s").stat().st_mode) == 0o6755
