from __future__ import annotations

import hashlib
import io
import resource
import subprocess
import sys

import pytest

from dockmagic.errors import ArchiveError, DockmagicError, NotFoundError, StoreCorruptError
from dockmagic.oci.descriptor import Descriptor

CONTENT = b"content" * 1000
DIGEST = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
EXPECTED = Descriptor(media_type="text/plain", digest=DIGEST, size=len(CONTENT))


class Trickle(io.RawIOBase):
    """A stream that gives one byte at a time and counts them."""

    def __init__(self, content):
        self.left = content
        self.given = 0

    def read(self, size=-1):
        byte, self.left = self.left[:1], self.left[1:]
        self.given += len(byte)
        return byte


@pytest.fixture
def blobs(rooms):
    return rooms.blobs


def names(rooms):
    return [p.name for p in rooms.layout.blobs.iterdir()], [p.name for p in rooms.layout.tmp.iterdir()]


@pytest.mark.parametrize("expected", [None, EXPECTED])
@pytest.mark.parametrize("source", [lambda: CONTENT, lambda: io.BytesIO(CONTENT), lambda: Trickle(CONTENT)])
def test_content_is_there_by_its_digest(rooms, source, expected):
    found = rooms.blobs.put(source(), expected)
    assert (found.digest, found.size) == (DIGEST, len(CONTENT))
    assert rooms.blobs.has(DIGEST)
    assert rooms.blobs.read(DIGEST) == CONTENT
    assert names(rooms) == ([DIGEST[7:]], [])


def test_content_that_is_there_already_is_success(rooms):
    rooms.blobs.put(CONTENT)
    rooms.blobs.put(CONTENT, EXPECTED)
    assert rooms.blobs.read(DIGEST) == CONTENT


def test_putting_again_heals_damaged_content(rooms):
    rooms.blobs.put(CONTENT)
    damage(rooms.layout.blob(DIGEST))
    rooms.blobs.put(CONTENT)
    assert rooms.blobs.read(DIGEST) == CONTENT


@pytest.mark.parametrize(
    "content", [b"", CONTENT[:-1], CONTENT + b"x", CONTENT[:-1] + b"X", b"<html>404</html>"], ids=len
)
def test_content_that_is_not_as_expected_is_refused_and_leaves_nothing(rooms, content):
    with pytest.raises(ArchiveError, match="differs from its digest"):
        rooms.blobs.put(io.BytesIO(content), EXPECTED)
    assert names(rooms) == ([], [])


def test_no_more_is_read_than_expected(blobs):
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size=-1):
            self.given += size
            return b"x" * size

    source = Endless()
    with pytest.raises(ArchiveError):
        blobs.put(source, EXPECTED)
    assert source.given <= 4 << 20


def test_a_source_that_fails_leaves_nothing(rooms):
    class Broken(io.RawIOBase):
        def read(self, size=-1):
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        rooms.blobs.put(Broken(), EXPECTED)
    assert names(rooms) == ([], [])


def test_damage_is_found_by_reading(rooms):
    rooms.blobs.put(CONTENT)
    damage(rooms.layout.blob(DIGEST))
    with pytest.raises(StoreCorruptError, match=DIGEST):
        rooms.blobs.read(DIGEST)
    with pytest.raises(StoreCorruptError, match=DIGEST):
        rooms.blobs.verify(DIGEST)


def test_missing_content_is_not_found(blobs):
    assert not blobs.has(DIGEST)
    with pytest.raises(NotFoundError):
        blobs.read(DIGEST)


@pytest.mark.parametrize(
    "digest",
    ["sha256:../../../etc/passwd", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "md5:" + "a" * 32, "a" * 64, "",
     "sha512:" + "a" * 64, "sha256:" + "a" * 64 + "\n"],
)  # fmt: skip
def test_what_is_no_digest_never_becomes_a_path(blobs, digest):
    for call in (blobs.has, blobs.open, blobs.read):
        with pytest.raises(DockmagicError):
            call(digest)


def test_files_are_for_the_user_alone_and_not_written_again(rooms):
    rooms.blobs.put(CONTENT)
    assert rooms.layout.blob(DIGEST).stat().st_mode & 0o777 == 0o400


def test_a_limit_of_file_sizes_is_told(rooms, tmp_path):
    script = """
import sys
from pathlib import Path
from dockmagic.errors import StoreError
from dockmagic.store.blobs import Blobs
from dockmagic.store.database import Database
from dockmagic.store.layout import Layout
layout = Layout(home=Path(sys.argv[1]), scheme="range-0")
try:
    Blobs(layout, Database(layout.database)).put(bytes(1 << 20))
except StoreError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )
    assert "may not grow" in done.stdout, done.stderr
    assert str(tmp_path) not in done.stdout
    assert names(rooms) == ([], [])


def damage(path):
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)
