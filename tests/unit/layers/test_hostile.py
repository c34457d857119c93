"""Hostile tars: whatever they hold, nothing outside of the layer's directory is read, made, changed or removed."""

from __future__ import annotations

import os
import struct

import pytest

from dockmagic.errors import ArchiveError
from dockmagic.layers.tar_writer import END, padding
from dockmagic.oci.changeset import Entry
from tests.unit.layers.given import file, merged, raw, tar_of, unpacked

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other owners")


def link(path, target):
    return Entry(path=path, type="symlink", mode=0o777, linkname=target)


def hard(path, target):
    return Entry(path=path, type="hardlink", linkname=target)


def directory(path, **fields):
    return Entry(path=path, type="dir", **fields)


def members(*blocks):
    return b"".join(blocks) + END


REFUSED = {
    "dot-dot": tar_of(file("../x")),
    "dot-dot-inside": tar_of(file("a/../../x")),
    "dot-dot-alone": tar_of(link("..", "/etc")),
    "hardlink-to-dot-dot": tar_of(hard("h", "../../canary/f")),
    "hardlink-through-absolute-link": tar_of(link("l", "CANARY"), hard("h", "l/f")),
    "hardlink-to-nothing": tar_of(hard("h", "missing")),
    "hardlink-to-directory": tar_of(directory("d"), hard("h", "d")),
    "hardlink-to-itself": tar_of(hard("h", "h")),
    "hardlink-to-root": tar_of(hard("h", ".")),
    "whiteout-of-dot": members(raw(b".wh..")),
    "whiteout-of-dot-dot": members(raw(b".wh...")),
    "whiteout-of-nothing": members(raw(b".wh.")),
    "below-links-in-circles": tar_of(link("a", "b"), link("b", "a"), file("a/f")),
    "negative-size": members(raw(b"f", size=b"\xff" * 12)),
    "huge-size": members(raw(b"f", size=b"\x80" + bytes(3) + b"\xff" * 8)),
    "huge-size-of-a-pax-header": members(raw(b"f", kind=b"x", size=b"77777777777\0")),
    "negative-size-of-a-long-name": members(raw(b"f", kind=b"L", size=b"\xff" * 12)),
    "size-that-is-no-number": members(raw(b"f", size=b"1_000\0      ")),
    "impossible-uid": members(raw(b"f", uid=b"\x80\0\0\0\xff\xff\xff\xff")),
    "impossible-time": members(raw(b"f", mtime=b"\x80" + bytes(2) + b"\xff" * 9)),
    "impossible-device": members(raw(b"f", kind=b"3", device=b"\x80\0\0\1\0\0\0\0")),
    "device-that-no-header-of-ours-holds": members(raw(b"f", kind=b"3", device=b"11111111")),
    "negative-device": members(raw(b"f", kind=b"4", device=b"\xff" * 8)),
    "nul-in-a-pax-path": members(raw(b"f", kind=b"x", content=b"12 path=a\0b\n"), raw(b"f")),
    "nul-in-a-link": members(raw(b"f", kind=b"x", content=b"16 linkpath=a\0b\n"), raw(b"f", kind=b"2", link=b"x")),
    "nul-in-an-attribute": members(raw(b"f", kind=b"x", content=b"24 SCHILY.xattr.u\0x=abc\n"), raw(b"f")),
    "endless-name": members(raw(b"f", kind=b"L", content=b"n" * 5000), raw(b"f")),
    "long-component": tar_of(file("n" * 300)),
    "long-component-of-a-parent": tar_of(file("n" * 300 + "/f")),
    "unknown-kind": members(raw(b"f", kind=b"V")),
    "sparse": members(raw(b"f", kind=b"x", content=b"22 GNU.sparse.major=1\n"), raw(b"f")),
    "many-extended-headers": members(*[raw(b"f", kind=b"x", content=b"8 a=bcd\n")] * 20, raw(b"f")),
    "many-global-records": members(
        *[raw(b"f", kind=b"g", content=b"".join(b"11 k%05d=\n" % (n + i) for i in range(50))) for n in (0, 50, 100)]
    ),
}

CONTAINED = {
    "absolute": (members(raw(b"/etc/f", content=b"in")), {"etc": "dir", "etc/f": "in"}),
    "link-up-and-out": (tar_of(link("l", "../../.."), file("l/canary/x", b"in")), {"canary/x": "in"}),
    "absolute-link-then-file-below": (tar_of(link("l", "CANARY"), file("l/f", b"in")), {"CANARY/f": "in"}),
    "absolute-link-kept": (tar_of(link("l", "/etc/passwd")), {"l": "-> /etc/passwd"}),
    "chain-of-links": (
        tar_of(directory("d"), link("a", "b"), link("b", "/c"), link("c", "./d/../d"), file("a/f", b"in")),
        {"d/f": "in", "a": "-> b"},
    ),
    "link-that-leads-nowhere": (tar_of(link("l", "/no/where"), file("l/f", b"in")), {"no/where/f": "in"}),
    "hardlink-to-dot-dot-inside": (tar_of(file("f", b"in"), hard("h", "../../f")), {"h": "in"}),
    "hardlink-to-a-link": (tar_of(link("l", "/etc/passwd"), hard("h", "l")), {"h": "-> /etc/passwd"}),
    "file-over-a-link": (tar_of(link("l", "CANARY/f"), file("l", b"in")), {"l": "in"}),
    "directory-link-file": (tar_of(directory("a"), file("a/b"), link("a", "/"), file("a", b"in")), {"a": "in"}),
    "link-then-directory": (tar_of(link("a", "CANARY"), directory("a"), file("a/f", b"in")), {"a/f": "in"}),
    "file-then-file-below": (tar_of(file("f"), file("f/g/h", b"in")), {"f": "dir", "f/g/h": "in"}),
    "device-then-file-below": (
        tar_of(Entry(path="d", type="char", devmajor=1, devminor=3), file("d/f", b"in")),
        {"d/f": "in"},
    ),
    "newline-and-backslash": (tar_of(file("a\nb\\c", b"in")), {"a\nb\\c": "in"}),
    "whiteout-through-a-link": (tar_of(link("l", "/d"), Entry(path="l/f", type="whiteout")), {"d": "dir"}),
    "name-in-a-whiteout-directory": (members(raw(b".wh.etc/f", content=b"in")), {".wh.etc/f": "in"}),
    "parent-of-three-dots": (members(raw(b".wh.../x", content=b"in")), {".wh.../x": "in"}),
    "aufs-own-things": (members(raw(b".wh..wh.plnk/x"), raw(b".wh..wh.aufs"), raw(b"f")), {"f": ""}),
    "gnu-name-beats-pax": (
        members(raw(b"l", kind=b"L", content=b"gnu\0"), raw(b"x", kind=b"x", content=b"12 path=pax\n"), raw(b"f")),
        {"gnu": ""},
    ),
    "pax-path-of-nothing": (members(raw(b"x", kind=b"x", content=b"8 path=\n"), raw(b"f")), {"f": ""}),
    "size-of-a-directory": (members(raw(b"d", kind=b"5", size=b"00000001000\0"), raw(b"f")), {"d": "dir", "f": ""}),
    "size-of-a-link": (
        members(raw(b"l", kind=b"2", link=b"f", size=b"00000001000\0"), raw(b"f", content=b"in")),
        {"f": "in"},
    ),
    "deep": (tar_of(file("/".join("d" * 900), b"in")), {}),
}


@pytest.fixture
def canary(tmp_path):
    """What lies beside the scheme's root, and must stand afterwards as before."""
    place = tmp_path / "canary"
    place.mkdir()
    (place / "f").write_text("canary")
    (place / "f").chmod(0o640)

    def standing():
        paths = [p for p in tmp_path.rglob("*") if "roots" not in p.parts]
        return {
            str(p): (p.lstat().st_mode, p.lstat().st_uid, p.lstat().st_nlink, p.is_file() and p.read_text())
            for p in paths
        }

    before = standing()
    yield place
    assert standing() == before


def placed(data, canary):
    """A tar in which CANARY is the absolute path; the name grows, so checksums do too."""
    if b"CANARY" not in data:
        return data
    blocks = [data[i : i + 512] for i in range(0, len(data), 512)]
    return b"".join(_replaced(block, str(canary).encode()) for block in blocks)


def _replaced(block, path):
    if b"CANARY" not in block:
        return block
    changed = block.replace(b"CANARY", path)
    # the field is padded with NULs: as many go as the path is longer
    end = changed.index(path) + len(path)
    rest = changed[end:].split(b"\0", 1)[0]
    cut = end + len(rest)
    changed = changed[:cut] + changed[cut + len(path) - 6 :]
    total = sum(changed[:148]) + 256 + sum(changed[156:])
    return changed[:148] + b"%06o\0 " % total + changed[156:]


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_lead_out_or_means_nothing_is_refused_and_leaves_nothing(name, owner, roots, canary):
    with pytest.raises(ArchiveError) as caught:
        unpacked(owner, placed(REFUSED[name], canary))
    assert str(roots) not in str(caught.value)
    assert list((roots / "snapshots").iterdir()) == []


@pytest.mark.parametrize("name", CONTAINED)
def test_what_is_odd_stays_within_the_layer(name, owner, roots, canary):
    data, expected = CONTAINED[name]
    _, truth = unpacked(owner, placed(data, canary))
    found = merged(roots, "snapshots/a") if name != "deep" else {}
    inside = str(canary).lstrip("/")
    for path, word in expected.items():
        assert found[path.replace("CANARY", inside)] == word
    # the truth names where things really stand
    for entry in truth.entries:
        if entry.type == "file":
            assert (roots / "snapshots/a" / entry.path).is_file()


@pytest.mark.parametrize("target", ["usr/f", "CANARY/f"])
def test_a_hard_link_to_a_lower_layers_link_does_not_follow_it(target, owner, roots, canary):
    target = target.replace("CANARY", str(canary))
    unpacked(owner, tar_of(link("l", target)), "low")
    _, truth = unpacked(owner, tar_of(hard("h", "l")), "top", lowers=["snapshots/low"])
    assert truth.leans
    assert str((roots / "snapshots/top/h").readlink()) == target


@pytest.mark.parametrize("mode", [0o4755, 0o6711])
def test_a_deleted_set_user_id_file_is_gone(mode, owner, roots):
    unpacked(owner, tar_of(file("su", mode=mode)), "low")
    unpacked(owner, tar_of(file("su", b"new", mode=0o600), Entry(path="su", type="whiteout")), "top")
    assert (roots / "snapshots/top/su").stat().st_mode & 0o7777 == 0o600
    unpacked(owner, tar_of(Entry(path="su", type="whiteout")), "gone")
    assert merged(roots, "snapshots/gone", "snapshots/low") == {}


def test_a_root_that_is_opaque_hides_everything_below_as_the_kernel_would_not(owner, roots):
    unpacked(owner, tar_of(file("a"), directory("d"), file("d/e")), "low")
    data = tar_of(Entry(path=".", type="opaque"), directory("d"), file("d/n", b"n"), file("b", b"b"))
    _, truth = unpacked(owner, data, "top", lowers=["snapshots/low"])
    assert truth.leans
    assert merged(roots, "snapshots/top", "snapshots/low") == {"d": "dir", "d/n": "n", "b": "b"}


def test_an_opaque_root_over_nothing_is_kept_in_the_truth(owner):
    _, truth = unpacked(owner, tar_of(Entry(path=".", type="opaque"), file("b")))
    assert [e.type for e in truth.entries] == ["opaque", "file"]
    assert not truth.leans


def test_replaced_entries_are_forgotten(owner, roots):
    names = [directory(f"d{i}") for i in range(2000)]
    _, truth = unpacked(owner, tar_of(*names, *[file(f"d{i}") for i in range(2000)], *names))
    assert {e.type for e in truth.entries} == {"dir", "opaque"}
    assert len(truth.entries) == 4000


def test_padding_and_numbers_of_gnu_are_read(owner):
    big = struct.pack(">BxxxQ", 0x80, 3)
    data = members(raw(b"f", size=big) + b"abc" + padding(3), raw(b"g", uid=b"\x80\0\0\0\0\x2d\xc6\xc0"))
    _, truth = unpacked(owner, data)
    assert [(e.path, e.size, e.uid) for e in truth.entries] == [("f", 3, 0), ("g", 0, 3_000_000)]
