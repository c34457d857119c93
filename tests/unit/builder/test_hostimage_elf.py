from __future__ import annotations

import contextlib
import os
import random
from pathlib import Path

import pytest

from dockmagic.builder.hostimage.elf import ElfError, read
from tests.unit.builder.hostimage_making import elf


@pytest.fixture
def reading(tmp_path):
    def of(content):
        path = tmp_path / "file"
        path.write_bytes(content)
        fd = os.open(path, os.O_RDONLY)
        try:
            return read(fd)
        finally:
            os.close(fd)

    return of


@pytest.mark.parametrize("kind", [(2, 1, 62), (1, 1, 3), (2, 2, 22), (1, 2, 20)])
def test_every_class_and_byte_order_is_read(reading, kind):
    found = reading(
        elf(needed=("libb.so.1", "liba.so.2"), runpath="$ORIGIN/../lib:/x", interpreter="/lib/ld.so", kind=kind)
    )
    assert found.kind == kind
    assert found.needed == ("libb.so.1", "liba.so.2")
    assert found.runpath == ("$ORIGIN/../lib", "/x")
    assert found.interpreter == "/lib/ld.so"


def test_rpath_counts_only_without_runpath(reading):
    assert reading(elf(rpath="/a:/b")).rpath == ("/a", "/b")
    both = reading(elf(rpath="/a", runpath="/b"))
    assert (both.rpath, both.runpath) == ((), ("/b",))


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fEL", b"text"])
def test_what_is_no_elf_file_is_none(reading, content):
    assert reading(content) is None


def test_a_damaged_file_is_an_elf_error_whatever_is_damaged(reading):
    whole = elf(needed=("liba.so.1",), runpath="/x", interpreter="/lib/ld.so")
    for size in range(4, len(whole)):
        try:
            reading(whole[:size])
        except ElfError:
            continue
        pytest.fail(f"the first {size} bytes were read as a whole file")
    chance = random.Random(1)
    for _ in range(2000):
        changed = bytearray(whole)
        for _ in range(4):
            changed[chance.randrange(4, len(changed))] = chance.randrange(256)
        with contextlib.suppress(ElfError):
            reading(bytes(changed))


def test_a_part_of_impossible_size_is_not_allocated(reading):
    whole = bytearray(elf(needed=("liba.so.1",)))
    whole[64 + 56 + 32 : 64 + 56 + 40] = (1 << 60).to_bytes(8, "little")
    with pytest.raises(ElfError, match="bytes"):
        reading(bytes(whole))


def test_this_machines_shell_names_its_loader(reading):
    fd = os.open("/bin/sh", os.O_RDONLY)
    try:
        found = read(fd)
    finally:
        os.close(fd)
    assert Path(found.interpreter).exists()
    assert any(name.startswith("libc.") for name in found.needed)
