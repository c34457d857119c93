from __future__ import annotations

import io
import os
import tarfile

import pytest

from dockmagic.builder.hostimage.source import chunks, opened
from dockmagic.builder.hostimage.tree import Tree, merged, tar
from dockmagic.errors import DockmagicError


def source_of(path):
    with opened(str(path)) as (_, source):
        return source


def test_the_tar_is_sorted_and_has_one_time_one_owner_and_the_given_modes(tmp_path):
    (tmp_path / "f").write_bytes(b"x" * 1000)
    (tmp_path / "f").chmod(0o4711)
    tree = Tree()
    tree.file("usr/bin/f", source_of(tmp_path / "f"), 0o755)
    tree.text("etc/a", "hi\n")
    tree.link("bin", "usr/bin")
    tree.directory("tmp", 0o1777)
    with tarfile.open(fileobj=io.BytesIO(b"".join(tar(tree.pieces, 7)))) as file:
        members = file.getmembers()
    assert [(m.name, m.mode) for m in members] == [
        ("bin", 0o777), ("etc", 0o755), ("etc/a", 0o644), ("tmp", 0o1777), ("usr", 0o755), ("usr/bin", 0o755),
        ("usr/bin/f", 0o755),
    ]  # fmt: skip
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in members} == {(7, 0, 0, "", "")}
    assert members[-1].size == 1000


def test_a_file_of_two_names_is_a_link_to_the_first(tmp_path):
    (tmp_path / "f").write_text("x")
    os.link(tmp_path / "f", tmp_path / "g")
    tree = Tree()
    for place, name in (("usr/bin/f", "f"), ("usr/bin/g", "g"), ("usr/lib/h", "g"), ("usr/bin/f", "g")):
        tree.file(place, source_of(tmp_path / name), 0o755)
    assert tree.pieces["usr/bin/f"].source is not None
    assert tree.pieces["usr/bin/g"].entry.linkname == "f"
    assert tree.pieces["usr/lib/h"].entry.linkname == "/usr/bin/f"


def test_two_files_of_one_path_are_an_error_also_when_one_is_in_the_layer_below(tmp_path):
    for name in "fg":
        (tmp_path / name).write_text(name)
    below = Tree()
    below.file("lib/x", source_of(tmp_path / "f"), 0o644)
    for tree in (below, Tree(below.pieces)):
        with pytest.raises(DockmagicError, match="one path") as caught:
            tree.file("lib/x", source_of(tmp_path / "g"), 0o644)
        assert str(tmp_path / "f") in caught.value.detail
        assert str(tmp_path) not in str(caught.value)


def test_what_the_layer_below_has_is_not_repeated(tmp_path):
    (tmp_path / "f").write_text("x")
    below = Tree()
    below.file("lib/x", source_of(tmp_path / "f"), 0o644)
    above = Tree(below.pieces)
    above.file("lib/x", source_of(tmp_path / "f"), 0o644)
    above.file("lib/y", source_of(tmp_path / "f"), 0o644)
    assert {path: piece.entry.type for path, piece in above.pieces.items()} == {"lib": "dir", "lib/y": "symlink"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/bin/sh", "usr/bin/sh"),
        ("/lib64/ld.so", "usr/lib64/ld.so"),
        ("/usr/lib/x", "usr/lib/x"),
        ("/library/x", "library/x"),
    ],
)
def test_every_image_has_one_usr(path, expected):
    assert merged(path) == expected


@pytest.mark.parametrize("change", ["grow", "shrink", "touch", "replace"])
def test_a_file_that_changes_before_it_is_copied_is_an_error(tmp_path, change):
    path = tmp_path / "f"
    path.write_bytes(b"x" * 100)
    source = source_of(path)
    if change == "replace":
        (tmp_path / "g").write_bytes(b"x" * 100)
        (tmp_path / "g").rename(path)
    elif change == "touch":
        os.utime(path, ns=(0, 0))
    else:
        path.write_bytes(b"x" * {"grow": 101, "shrink": 99}[change])
    with pytest.raises(DockmagicError, match="changed while it was copied"):
        b"".join(chunks(source))


def test_a_file_that_changes_while_it_is_copied_is_an_error(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"x" * (3 << 20))
    reading = chunks(source_of(path))
    next(reading)
    os.truncate(path, 5)
    with pytest.raises(DockmagicError, match="changed while it was copied") as caught:
        b"".join(reading)
    assert str(path) in caught.value.detail
    assert str(path) not in str(caught.value)


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo"])
def test_what_cannot_be_read_is_an_error(tmp_path, kind):
    path = tmp_path / "f"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    with pytest.raises(DockmagicError, match="cannot be read"), opened(str(path)):
        pass


def test_an_empty_file_is_copied(tmp_path):
    (tmp_path / "f").touch()
    assert b"".join(chunks(source_of(tmp_path / "f"))) == b""
