# what it does to trees is told in paths and by their inodes
# ruff: noqa: PTH101, PTH102, PTH104, PTH106, PTH108, PTH116
from __future__ import annotations

import os
from pathlib import Path

import pytest

from dockmagic.layers import overlayfs
from dockmagic.layers.private_copy import assemble, recorded, take_back
from dockmagic.layers.stack import Stack


def tree(lowers):
    stack = Stack([str(lower) for lower in lowers])
    found, pending = {}, [stack.lookup("")]
    while pending:
        for child in stack.listdir(pending.pop()):
            if child.is_dir:
                found[child.path] = oct(child.status.st_mode)
                pending.append(child)
            else:
                real = Path(child.real)
                found[child.path] = str(real.readlink()) if real.is_symlink() else real.read_text()
    return found


@pytest.fixture
def layers(tmp_path):
    for name in ("one", "two", "upper"):
        (tmp_path / name).mkdir()
    one, two = tmp_path / "one", tmp_path / "two"
    (one / "etc").mkdir()
    (one / "etc/a").write_text("a")
    (one / "etc/b").write_text("b")
    (one / "gone").mkdir()
    (one / "gone/x").write_text("x")
    (one / "link").symlink_to("etc/a")
    (one / "hard").write_text("hard")
    os.link(one / "hard", one / "hard2")
    (two / "etc").mkdir()
    (two / "etc/b").write_text("b2")
    (two / "new").write_text("new")
    (two / "kept").mkdir()
    (two / "kept/k").write_text("k")
    return [two, one], tmp_path / "upper", str(tmp_path / "root")


def changed(layers, change):
    """What the merged root is after a change, which must be what the copy was."""
    lowers, upper, root = layers
    names = [str(upper), *map(str, lowers)]
    assemble(names, root)
    record = recorded(root)
    change(root)
    wanted = tree([root])
    take_back(root, record, str(upper), [str(lower) for lower in lowers])
    assert tree([upper, *lowers]) == wanted
    assert not Path(root).exists()
    return {str(path.relative_to(upper)) for path in upper.rglob("*")}


def write(path, text):
    Path(path).write_text(text)


def test_the_copy_is_the_merged_root(layers):
    lowers, _, root = layers
    assemble([str(lower) for lower in lowers], root)
    assert tree([root]) == tree(lowers)
    assert os.stat(f"{root}/hard").st_ino == os.stat(f"{root}/hard2").st_ino != os.stat(lowers[1] / "hard").st_ino


def test_nothing_changed_leaves_nothing(layers):
    assert changed(layers, lambda root: None) == set()


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda r: write(f"{r}/etc/a", "other"), {"etc", "etc/a"}),
        (lambda r: write(f"{r}/etc/c", "new"), {"etc", "etc/c"}),
        (lambda r: os.unlink(f"{r}/etc/b"), {"etc", "etc/b"}),
        (lambda r: os.chmod(f"{r}/etc", 0o700), {"etc"}),
        (lambda r: os.chmod(f"{r}/etc/a", 0o600), {"etc", "etc/a"}),
        (lambda r: os.rename(f"{r}/etc", f"{r}/etc2"), {"etc", "etc2", "etc2/a", "etc2/b"}),
        (lambda r: (os.unlink(f"{r}/link"), os.mkdir(f"{r}/link")), {"link"}),
        (lambda r: os.rename(f"{r}/etc/a", f"{r}/etc/b"), {"etc", "etc/a", "etc/b"}),
        (lambda r: write(f"{r}/hard", "both"), {"hard", "hard2"}),
    ],
    ids=[
        "write",
        "create",
        "delete",
        "mode of a directory",
        "mode",
        "rename a directory",
        "replace",
        "rename",
        "hard link",
    ],
)
def test_a_change_is_brought_back(layers, change, names):
    assert changed(layers, change) == names


def test_a_directory_that_takes_the_place_of_another_hides_it(layers):
    def change(root):
        os.unlink(f"{root}/gone/x")
        os.rmdir(f"{root}/gone")
        os.mkdir(f"{root}/gone")
        write(f"{root}/gone/y", "y")

    # a file system that gives the same inode number again: the old entry is deleted in its place
    assert changed(layers, change) - {"gone/x"} == {"gone", "gone/y"}


def test_changes_add_up(layers):
    changed(layers, lambda r: (write(f"{r}/mine", "1"), os.unlink(f"{r}/new")))
    changed(layers, lambda r: (os.unlink(f"{r}/mine"), write(f"{r}/new", "again"), os.unlink(f"{r}/kept/k")))
    changed(layers, lambda r: (os.rmdir(f"{r}/kept"), write(f"{r}/kept", "a file now")))


def test_recorded_owners_move_along(layers):
    lowers, upper, _ = layers
    os.setxattr(lowers[1] / "etc/a", overlayfs.OWNER, b"33:34")
    changed(layers, lambda r: os.rename(f"{r}/etc/a", f"{r}/moved"))
    assert os.getxattr(upper / "moved", overlayfs.OWNER) == b"33:34"
