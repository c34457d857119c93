"""Compressed streams: whole ones, cut ones, several in a row, and those that would fill the memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os

import pytest
import zstandard

from dockmagic.errors import ArchiveError
from dockmagic.layers.arrivals import is_archive
from dockmagic.layers.compression import Decompressed

DATA = os.urandom(3 << 20) + bytes(1 << 20)
PACKERS = [gzip.compress, bz2.compress, lzma.compress, zstandard.compress]


def read(data):
    stream = Decompressed(io.BufferedReader(io.BytesIO(data)))
    found = b""
    while piece := stream.read(1 << 16):
        found += piece
    return found


@pytest.mark.parametrize("pack", PACKERS)
def test_every_compression_is_found_by_its_first_bytes(pack):
    assert read(pack(DATA)) == DATA
    assert read(pack(b"")) == b""


@pytest.mark.parametrize("pack", PACKERS)
def test_streams_in_a_row_are_one(pack):
    assert read(pack(b"a") + pack(b"b")) == b"ab"


@pytest.mark.parametrize("pack", PACKERS[:3])
def test_a_cut_stream_is_told(pack):
    with pytest.raises(ArchiveError, match="damaged"):
        read(pack(DATA)[: 1 << 20])


@pytest.mark.parametrize("pack", PACKERS[:3])
def test_a_flipped_stream_is_told(pack):
    data = bytearray(pack(DATA))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(ArchiveError, match="damaged"):
        read(bytes(data))


def test_xz_may_not_take_any_memory():
    huge = lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 29}])
    with pytest.raises(ArchiveError, match="damaged"):
        read(huge)


@pytest.mark.parametrize("data", [b"", b"x", bytes(1024), b"BZh", b"\xfd7zXZ\0", b"\x1f\x8b", b"hello" * 500])
def test_what_is_no_archive_is_none(data):
    assert not is_archive(io.BufferedReader(io.BytesIO(data)))
