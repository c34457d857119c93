"""Sparse files, as GNU tar writes them."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile

import pytest
from hypothesis import given as generated
from hypothesis import strategies as st

from dockmagic.errors import ArchiveError
from dockmagic.layers import sparse
from dockmagic.layers.tar_reader import TarReader
from tests.unit.layers.given import unpacked

FORMS = {
    "gnu": ["--format=gnu"],
    "0.1": ["--format=pax", "--sparse-version=0.1"],
    "1.0": ["--format=pax", "--sparse-version=1.0"],
}


def make(path, parts, size):
    with path.open("wb") as file:
        for offset, data in parts:
            file.seek(offset)
            file.write(data)
        file.truncate(size)


def packed(directory, *options):
    words = ["tar", "-C", directory, "--sparse", "--hole-detection=raw", *options, "-cf", "-", "."]
    return subprocess.run(words, capture_output=True, check=True).stdout


def contents(tar):
    reader = TarReader(io.BytesIO(tar))
    return {entry.path: (entry.size, b"".join(reader.chunks())) for entry in reader if entry.type == "file"}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_with_its_holes_as_zeros(form, tmp_path):
    block = os.urandom(512)
    make(tmp_path / "many", [(number * 8192, block) for number in range(40)], 400_000)
    make(tmp_path / "end", [(1 << 20, b"x")], (1 << 20) + 1)
    make(tmp_path / "empty", [], 300_000)
    make(tmp_path / "plain", [(0, b"text")], 4)
    expected = {path.name: (path.stat().st_size, path.read_bytes()) for path in tmp_path.iterdir()}
    tar = packed(tmp_path, *FORMS[form])
    assert len(tar) < 150_000
    assert contents(tar) == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other owners")
def test_holes_stay_holes_on_the_disk(owner, roots, tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    make(given / "f", [(3 << 20, b"end")], 9 << 20)
    for number, options in enumerate(FORMS.values()):
        _, truth = unpacked(owner, packed(given, *options), f"top{number}")
        found = roots / f"snapshots/top{number}/f"
        assert found.read_bytes() == (given / "f").read_bytes()
        assert found.stat().st_blocks * 512 < 1 << 20
        assert truth.size == 9 << 20


def test_a_form_that_repeats_its_keys_is_refused(tmp_path):
    make(tmp_path / "f", [(1 << 20, b"x")], 2 << 20)
    with pytest.raises(ArchiveError, match="form that is not supported"):
        contents(packed(tmp_path, "--format=pax", "--sparse-version=0.0"))


@pytest.mark.parametrize(
    ("size", "numbers"),
    [(10, [0, 5, 4, 1]), (10, [0, 11]), (10, [11, 0]), (10, [5, -1]), (10, [0]), (10, [-1, 1]), (-1, [])],
)
def test_parts_that_cannot_be_are_refused(size, numbers):
    with pytest.raises(ArchiveError, match="sparse file"):
        sparse.checked(size, numbers)


def with_records(content, **records):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("f")
        info.size = len(content)
        info.pax_headers = {f"GNU.sparse.{key}": value for key, value in records.items()}
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (b"x", {"size": "10", "map": "0,2"}),
        (b"x", {"size": "10", "map": "0,x"}),
        (b"x", {"size": "", "map": "0,1"}),
        (b"x", {"size": str(1 << 50), "map": "0,1"}),
        (b"x", {"size": str(1 << 40), "map": "0,1"}),
        (b"", {"major": "1", "minor": "0", "realsize": "10"}),
        (b"9\n", {"major": "1", "minor": "0", "realsize": "10"}),
        (b"9" * 600, {"major": "1", "minor": "0", "realsize": "10"}),
        (b"99999999\n" + bytes(600), {"major": "1", "minor": "0", "realsize": "10"}),
        (b"1\n0\n2\n".ljust(512, b"\0") + b"x", {"major": "1", "minor": "0", "realsize": "10"}),
        (b"x", {"major": "2", "minor": "0"}),
    ],
)
def test_maps_that_lie_are_refused(content, records):
    with pytest.raises(ArchiveError):
        contents(with_records(content, **records))


@generated(st.lists(st.tuples(st.integers(0, 50), st.binary(max_size=20)), min_size=1, max_size=8), st.integers(0, 50))
def test_what_is_read_is_what_was_left_out_and_what_was_not(parts, rest):
    whole, stored, numbers = b"", b"", []
    for gap, data in parts:
        whole += bytes(gap)
        numbers += [len(whole), len(data)]
        whole += data
        stored += data
    whole += bytes(rest)
    source = io.BytesIO(stored)
    found = sparse.checked(len(whole), numbers)
    assert b"".join(found.expanded(source.read)) == whole
    assert (found.stored, found.holes) == (len(stored), len(whole) - len(stored))
    records = {"size": str(len(whole)), "map": ",".join(map(str, numbers))}
    assert contents(with_records(stored, **records)) == {"f": (len(whole), whole)}
