from __future__ import annotations

import gzip
import io
import sys

import pytest
import zstandard

from dockmagic.errors import ArchiveError
from dockmagic.layers.compression import Decompressed

DATA = b"bread " * 50_000


@pytest.fixture(params=["isal", "zlib"], autouse=True)
def reader(request, monkeypatch):
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)


def read(data, step=1 << 16):
    stream = Decompressed(io.BufferedReader(io.BytesIO(data)))
    parts = []
    while part := stream.read(step):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize(
    "data",
    [
        DATA,
        gzip.compress(DATA),
        gzip.compress(DATA[:100_000]) + gzip.compress(DATA[100_000:]),
        gzip.compress(DATA) + bytes(1000),
        zstandard.compress(DATA),
        zstandard.compress(DATA[:100_000]) + zstandard.compress(DATA[100_000:]),
    ],
    ids=["plain", "gzip", "gzip-members", "gzip-padded", "zstd", "zstd-frames"],
)
@pytest.mark.parametrize("step", [1000, 1 << 20])
def test_the_first_bytes_say_how_to_read(data, step):
    assert read(data, step) == DATA


@pytest.mark.parametrize("data", [b"", b"x", b"\x1f", b"tar"])
def test_what_is_not_compressed_is_as_it_is(data):
    assert read(data) == data


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(DATA)[:-1],
        gzip.compress(DATA)[:-9],
        gzip.compress(DATA)[:50],
        gzip.compress(DATA)[:11],
        gzip.compress(DATA)[:-5] + b"xxxxx",
        b"\x1f\x8b\x08" + b"broken" * 50,
        b"\x1f\x8b",
        gzip.compress(DATA) + b"junk",
        zstandard.compress(DATA)[:-1],
        zstandard.compress(DATA)[:20],
        zstandard.compress(DATA) + b"junk",
        b"\x28\xb5\x2f\xfd",
        b"\x28\xb5\x2f\xfd" + b"broken" * 50,
    ],
)
def test_damage_is_told(data):
    with pytest.raises(ArchiveError, match="damaged"):
        read(data)


def test_a_window_that_would_fill_the_memory_is_refused():
    parameters = zstandard.ZstdCompressionParameters(window_log=30, compression_level=1)
    made = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = made.compress(bytes(10)) + made.flush()
    with pytest.raises(ArchiveError, match="damaged"):
        read(data)


def test_a_missing_reader_names_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(ArchiveError, match="no reader") as caught:
        read(zstandard.compress(DATA))
    assert "dockmagic[fast]" in caught.value.hint


def test_a_source_that_fails_is_not_called_damaged():
    class Failing(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, buffer):
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        Decompressed(Failing()).read(10)
