from __future__ import annotations

import io
import os
import stat
import tarfile

import pytest

from dockmagic.errors import ArchiveError, ConflictError
from dockmagic.layers.spreading import require_room, spread
from dockmagic.oci.changeset import Entry


def tar_of(*members):
    """A tar of (name, type, more): content of a file, the target of a link."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, more, *mode in members:
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.uid, info.mtime = kind, mode[0] if mode else 0o644, 7, 1000
            if kind == tarfile.REGTYPE:
                info.size = len(more)
                tar.addfile(info, io.BytesIO(more))
            else:
                info.linkname = more
                tar.addfile(info)
    out.seek(0)
    return out


DIR, FILE, LINK, HARD, FIFO, CHAR = (
    tarfile.DIRTYPE,
    tarfile.REGTYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.FIFOTYPE,
    tarfile.CHRTYPE,
)


def test_files_become_the_callers_with_modes_times_and_links(tmp_path):
    tar = tar_of(
        ("d", DIR, "", 0o555),
        ("d/f", FILE, b"hi", 0o6755),
        ("d/g", HARD, "d/f"),
        ("d/l", LINK, "../../etc/passwd"),
        ("d/p", FIFO, "", 0o600),
        ("d/tty", CHAR, ""),
    )
    assert spread(str(tmp_path / "new/out"), tar) == ("/d/tty",)
    d = tmp_path / "new/out/d"
    f = (d / "f").stat()
    assert (f.st_uid, stat.S_IMODE(f.st_mode), f.st_mtime, f.st_nlink) == (os.getuid(), 0o755, 1000, 2)
    assert str((d / "l").readlink()) == "../../etc/passwd"
    assert (d / "p").is_fifo()
    assert (stat.S_IMODE(d.stat().st_mode), d.stat().st_mtime) == (0o555, 1000)
    assert sorted(p.name for p in d.iterdir()) == ["f", "g", "l", "p"]


def test_what_stands_there_stays_and_files_of_the_same_name_are_replaced(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d/kept").write_text("mine")
    (tmp_path / "d/f").write_text("old, and longer")
    (tmp_path / "outside").write_text("safe")
    (tmp_path / "d/l").symlink_to(tmp_path / "outside")
    members = (("d", DIR, "", 0o555), ("d/f", FILE, b"new"), ("d/l", FILE, b"file"))
    for _ in range(2):  # also over what it left itself, a directory without write permission among it
        spread(str(tmp_path), tar_of(*members))
    assert {p.name: p.read_text() for p in (tmp_path / "d").iterdir()} == {"kept": "mine", "f": "new", "l": "file"}
    assert (tmp_path / "outside").read_text() == "safe"


@pytest.mark.parametrize(
    ("stands", "entry"),
    [
        ("directory", ("x", FILE, b"")),
        ("directory", ("x", LINK, "y")),
        ("file", ("x", DIR, "")),
        ("link", ("x", DIR, "")),
    ],
)
def test_nothing_of_another_kind_makes_way(tmp_path, stands, entry):
    target = tmp_path / "out"
    (target / "elsewhere").mkdir(parents=True)
    {
        "directory": lambda p: (p.mkdir(), (p / "kept").write_text("mine")),
        "file": lambda p: p.write_text("mine"),
        "link": lambda p: p.symlink_to("elsewhere"),
    }[stands](target / "x")
    kind = "dir" if entry[1] == DIR else "symlink" if entry[1] == LINK else "file"
    with pytest.raises(ConflictError, match="something of another kind stands there"):
        require_room(str(target), [Entry(path="x", type=kind), Entry(path="x/f", type="file")])
    with pytest.raises(ConflictError, match="nothing is removed"):
        spread(str(target), tar_of(entry))
    assert [p.name for p in (target / "elsewhere").iterdir()] == []
    assert not list(target.rglob(".tmp.*"))


def test_nothing_is_written_through_a_link_that_comes_in_between(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/x").symlink_to(tmp_path / "outside")
    with pytest.raises((ArchiveError, ConflictError)):
        spread(str(tmp_path / "out"), tar_of(("x/f", FILE, b"evil")))
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_tar_that_breaks_off_leaves_no_half_file(tmp_path):
    cut = io.BytesIO(tar_of(("f", FILE, b"x" * 5000)).getvalue()[:2000])
    with pytest.raises(ArchiveError, match="ends within"):
        spread(str(tmp_path), cut)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "f").write_text("")
    with pytest.raises(ArchiveError, match="cannot be written"):
        spread(str(tmp_path / "f/out"), tar_of(("x", FILE, b"")))
