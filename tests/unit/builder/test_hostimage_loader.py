from __future__ import annotations

import os

import pytest

from dockmagic.builder.hostimage import elf as elves
from dockmagic.builder.hostimage.loader import Loaded, Loader, configured
from tests.unit.builder.hostimage_making import KIND, elf


class Machine:
    """Directories of libraries below a temporary one."""

    def __init__(self, top):
        self.top = top
        self.loader = Loader(KIND, configured=[f"{top}/conf"], defaults=[f"{top}/default"])

    def put(self, name, **what):
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(elf(**what))
        return self.loaded(path)

    def loaded(self, path):
        fd = os.open(path, os.O_RDONLY)
        try:
            return Loaded(path=str(path), elf=elves.read(fd))
        finally:
            os.close(fd)

    def find(self, name, by):
        found = self.loader.find(name, by)
        return os.path.relpath(found.path, self.top) if found else None


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_configured_directories_come_before_the_default_ones(machine):
    user = machine.put("bin/p")
    machine.put("default/liba.so")
    assert machine.find("liba.so", user) == "default/liba.so"
    machine.loader = Machine(machine.top).loader
    machine.put("conf/liba.so")
    assert machine.find("liba.so", user) == "conf/liba.so"
    assert machine.find("libb.so", user) is None


def test_a_library_of_another_machine_or_class_is_passed_over(machine):
    user = machine.put("bin/p")
    machine.put("conf/liba.so", kind=(1, 1, 3))
    (machine.top / "default").mkdir()
    (machine.top / "conf/libb.so").write_text("GROUP ( libb.so.1 )")
    machine.put("default/liba.so")
    machine.put("default/libb.so")
    assert machine.find("liba.so", user) == "default/liba.so"
    assert machine.find("libb.so", user) == "default/libb.so"


def test_a_damaged_library_is_passed_over(machine):
    user = machine.put("bin/p")
    machine.put("conf/liba.so")
    (machine.top / "conf/liba.so").write_bytes(elf()[:70])
    machine.put("default/liba.so")
    assert machine.find("liba.so", user) == "default/liba.so"


def test_the_files_own_directories_come_first(machine):
    machine.put("default/liba.so")
    machine.put("own/liba.so")
    assert machine.find("liba.so", machine.put("bin/p", runpath=f"{machine.top}/own")) == "own/liba.so"
    assert machine.find("liba.so", machine.put("bin/q", rpath=f"{machine.top}/own")) == "own/liba.so"


@pytest.mark.parametrize("token", ["$ORIGIN", "${ORIGIN}"])
def test_origin_is_the_directory_of_the_file_and_marks_what_moves_with_it(machine, token):
    machine.put("prefix/lib/liba.so")
    user = machine.put("prefix/bin/p", runpath=f"{token}/../lib")
    found = machine.loader.find("liba.so", user)
    assert (found.path, found.relative) == (f"{machine.top}/prefix/lib/liba.so", True)
    fixed = machine.put("prefix/bin/q", runpath=f"{machine.top}/prefix/lib")
    assert not machine.loader.find("liba.so", fixed).relative


def test_rpath_is_inherited_and_runpath_is_not(machine):
    machine.put("own/liba.so", needed=("libb.so",))
    machine.put("own/libb.so")
    by_rpath = machine.put("bin/p", rpath=f"{machine.top}/own")
    by_runpath = machine.put("bin/q", runpath=f"{machine.top}/own")
    assert machine.find("libb.so", machine.loader.find("liba.so", by_rpath)) == "own/libb.so"
    assert machine.find("libb.so", machine.loader.find("liba.so", by_runpath)) is None


def test_an_inherited_rpath_passes_through_a_library_with_runpath_but_is_not_used_by_it(machine):
    machine.put("own/liba.so", runpath=f"{machine.top}/other")
    machine.put("own/libb.so")
    machine.put("other/libc.so")
    program = machine.put("bin/p", rpath=f"{machine.top}/own")
    middle = machine.loader.find("liba.so", program)
    assert machine.find("libb.so", middle) is None
    assert machine.find("libb.so", machine.loader.find("libc.so", middle)) == "own/libb.so"


def test_a_name_with_a_slash_is_a_path(machine):
    machine.put("anywhere/liba.so")
    user = machine.put("bin/p")
    assert machine.find(f"{machine.top}/anywhere/liba.so", user) == "anywhere/liba.so"


def test_ld_so_conf_is_read_with_what_it_includes_in_order(tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "ld.so.conf").write_text("/first # why\ninclude conf.d/*.conf\nhwcap 1 nosegneg\n/last=libc6 /and\n")
    (tmp_path / "conf.d/b.conf").write_text("/b\n")
    (tmp_path / "conf.d/a.conf").write_text("# nothing\n\n/a1:/a2\n")
    (tmp_path / "conf.d/other").write_text("/no\n")
    assert configured(tmp_path / "ld.so.conf") == ("/first", "/a1", "/a2", "/b", "/last", "/and")


def test_a_configuration_that_includes_itself_or_is_missing_ends(tmp_path):
    (tmp_path / "ld.so.conf").write_text(f"/a\ninclude {tmp_path}/ld.so.conf\n")
    assert set(configured(tmp_path / "ld.so.conf")) == {"/a"}
    assert configured(tmp_path / "none") == ()
