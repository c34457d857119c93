from __future__ import annotations

import os

import pytest

from dockmagic.sandbox import syscall_table
from dockmagic.syscalls import call, files, mounts, privileges


def test_numbers_are_those_of_the_filters_table():
    for index, machine in enumerate(call.MACHINES):
        numbers = syscall_table.numbers(machine)
        for name, pair in call._NUMBERS.items():
            assert numbers[name] == pair[index], (machine, name)


def test_an_error_names_the_call_and_the_path(tmp_path):
    with pytest.raises(FileNotFoundError, match="openat2: No such file") as caught:
        files.openat2(str(tmp_path / "none"), os.O_RDONLY)

    assert caught.value.filename == str(tmp_path / "none")


def test_resolution_stays_in_the_root(tmp_path):
    (tmp_path / "up").symlink_to("../../../etc")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/mine").write_text("mine")
    top = os.open(tmp_path, os.O_PATH)
    inside = files.openat2("up/mine", os.O_RDONLY, resolve=files.RESOLVE_IN_ROOT, dir_fd=top)

    assert os.read(inside, 10) == b"mine"
    assert not os.get_inheritable(inside)
    with pytest.raises(OSError, match="openat2"):
        files.openat2("up/mine", os.O_RDONLY, resolve=files.RESOLVE_BENEATH, dir_fd=top)
    os.close(inside)
    os.close(top)


def test_rename_without_replacing(tmp_path):
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    with pytest.raises(FileExistsError):
        files.renameat2(str(tmp_path / "a"), str(tmp_path / "b"), flags=files.RENAME_NOREPLACE)
    files.renameat2(str(tmp_path / "a"), str(tmp_path / "b"), flags=files.RENAME_EXCHANGE)

    assert (tmp_path / "a").read_text() == "b"


def test_mount_refuses_options_that_the_kernel_would_cut(tmp_path):
    with pytest.raises(OSError, match=r"4,095"):
        mounts.mount("none", str(tmp_path), "overlay", 0, "x" * 4095)


def test_capabilities_are_bits():
    assert privileges.mask(["CHOWN", "cap_setfcap"]) == 1 | 1 << 31
    assert len(privileges.CAPABILITIES) == 41
    with pytest.raises(ValueError, match="NOTHING"):
        privileges.mask(["NOTHING"])
