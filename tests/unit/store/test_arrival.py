"""A layer that is extracted while it comes, and one that is compressed to go."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import threading
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.errors import ArchiveError, RegistryError, StoreCorruptError
from dockmagic.oci import mediatype
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import Manifest
from dockmagic.store.gzipping import Gzipped
from tests.unit.store.making import adopt, config_of, image_of, sha256, tar_of

TAR = tar_of({"a": bytes(300_000), "b": b"x" * 100_000})
BLOB = gzip.compress(TAR, mtime=0)


def described(content, media_type=mediatype.LAYER_GZIP):
    return Descriptor(media_type=media_type, digest=sha256(content), size=len(content))


class Source:
    """A stream whose second part comes when it is let go, or an error in its place."""

    def __init__(self, content, error=None):
        self._parts = [content[:1000], content[1000:], b""]
        self._error = error
        self.go = threading.Event()

    def read(self, size, /):
        if len(self._parts) < 3:
            self.go.wait()
            if self._error is not None:
                raise self._error
        return self._parts.pop(0)


def arrive(store, source, expected, diff_id="", *, early=False):
    """Take a layer in as a pull does: one thread fills, this one extracts."""
    with store.layers.arriving(expected) as arrival:

        def fill():
            with contextlib.suppress(ArchiveError, RegistryError):
                arrival.fill(source)

        thread = threading.Thread(target=fill)
        thread.start()
        if isinstance(source, Source) and not early:
            source.go.set()
        elif isinstance(source, Source):
            threading.Timer(0.2, source.go.set).start()
        try:
            return store.layers.add_arriving(arrival, diff_id=diff_id or sha256(TAR), below=())
        finally:
            thread.join()


@pytest.mark.parametrize("early", [False, True])
def test_a_layer_is_taken_up_whether_it_is_here_or_still_coming(store, early):
    record = arrive(store, Source(BLOB), described(BLOB), early=early)
    assert (record.diff_id, record.blob) == (sha256(TAR), described(BLOB))
    assert store.blobs.read(sha256(BLOB)) == BLOB
    assert store.check() == []


def test_the_reason_why_it_does_not_come_is_told(store):
    with pytest.raises(RegistryError, match="gone"):
        arrive(store, Source(BLOB, RegistryError("gone")), described(BLOB), early=True)
    assert store.check() == []
    assert list((store.path / "tmp").iterdir()) == []


@pytest.mark.parametrize("content", [BLOB[:-1], BLOB + b"x", bytes(len(BLOB)), b""])
def test_what_is_something_else_is_refused_for_its_digest(store, content):
    with pytest.raises(ArchiveError, match="content differs from its digest"):
        arrive(store, io.BytesIO(content), described(BLOB))
    assert not store.layers.has(sha256(TAR))
    assert store.check() == []


def test_what_is_right_and_no_tar_is_refused(store):
    with pytest.raises(ArchiveError):
        arrive(store, io.BytesIO(b"no tar" * 1000), described(b"no tar" * 1000))
    assert store.check() == []


def test_another_layer_than_the_config_says_is_refused(store):
    with pytest.raises(ArchiveError, match="differs from what the image's config says"):
        arrive(store, io.BytesIO(BLOB), described(BLOB), diff_id=sha256(b""))
    assert store.check() == []


def test_a_layer_that_is_here_is_held_by_its_blob(store):
    assert store.layers.held(described(BLOB), diff_id=sha256(TAR)) is None
    arrive(store, io.BytesIO(BLOB), described(BLOB))
    assert store.layers.held(described(BLOB), diff_id=sha256(TAR)).diff_id == sha256(TAR)
    with pytest.raises(ArchiveError):
        store.layers.held(described(BLOB), diff_id=sha256(b""))


def test_only_what_a_layer_that_is_here_can_give_is_not_fetched(store):
    arrive(store, io.BytesIO(BLOB), described(BLOB))
    assert store.layers.held(described(gzip.compress(TAR, 1, mtime=0)), diff_id=sha256(TAR)) is None
    assert store.layers.held(described(TAR, mediatype.LAYER), diff_id=sha256(TAR)).blob == described(BLOB)
    plain = tar_of({"plain": b"1"})
    store.layers.add_tar(plain)
    assert store.layers.held(described(gzip.compress(plain)), diff_id=sha256(plain)) is None
    assert store.layers.held(described(plain, mediatype.LAYER), diff_id=sha256(plain)) is not None
    built = adopt(store, {"a": b"1"})
    assert store.layers.held(described(b"?"), diff_id=built.diff_id) is None


def image_with(store, blob, media_type, **config):
    """An image of one layer, whose manifest names that blob."""
    kept = store.blobs.put(json.dumps(config_of([TAR], **config)).encode())
    manifest = Manifest(config=kept, layers=(described(blob, media_type),))
    return store.images.add(kept.digest, store.blobs.put(manifest.to_bytes()).digest, [sha256(TAR)])


ZSTD = zstandard.compress(TAR)


def two_compressions(store):
    """Two images of one layer: by gzip, and by zstd."""
    arrive(store, io.BytesIO(BLOB), described(BLOB))
    first = image_with(store, BLOB, mediatype.LAYER_GZIP)
    arrive(store, Source(ZSTD), described(ZSTD, mediatype.LAYER_ZSTD))
    return first, image_with(store, ZSTD, mediatype.LAYER_ZSTD, author="z")


def test_a_layer_in_a_second_compression_is_one_tree_and_two_blobs(store):
    two_compressions(store)
    assert len(list((store.path / "roots/range-0/snapshots").iterdir())) == 1
    assert (store.blobs.read(sha256(BLOB)), store.blobs.read(sha256(ZSTD))) == (BLOB, ZSTD)
    assert store.layers.held(described(ZSTD, mediatype.LAYER_ZSTD), diff_id=sha256(TAR)).blob == described(BLOB)
    assert store.layers.footprints() == {sha256(TAR): 400_000 + len(BLOB) + len(ZSTD)}
    store.leases.sweep()
    assert store.check() == []


def test_a_compression_goes_with_the_last_image_whose_manifest_names_it(store):
    first, second = two_compressions(store)
    store.images.delete(second)
    store.leases.sweep()
    assert not store.blobs.has(sha256(ZSTD))
    assert store.blobs.has(sha256(BLOB))
    assert store.check() == []
    store.images.delete(first)
    store.leases.sweep()
    assert list((store.path / "blobs/sha256").iterdir()) == []


def test_a_second_compression_of_another_layer_is_refused_and_leaves_nothing(store):
    arrive(store, io.BytesIO(BLOB), described(BLOB))
    image_with(store, BLOB, mediatype.LAYER_GZIP)
    other = gzip.compress(tar_of({"c": b""}), mtime=0)
    with pytest.raises(ArchiveError, match="differs from what the image's config says"):
        arrive(store, io.BytesIO(other), described(other), diff_id=sha256(TAR))
    with pytest.raises(RegistryError, match="gone"):
        arrive(store, Source(ZSTD, RegistryError("gone")), described(ZSTD), early=True)
    assert store.blobs.has(sha256(BLOB))
    assert store.check() == []


@pytest.mark.parametrize("damaged", [BLOB, ZSTD], ids=["the first", "the second"])
def test_a_damaged_compression_is_named_and_the_other_one_stands_for_it(store, damaged):
    two_compressions(store)
    path = store.path / "blobs/sha256" / sha256(damaged)[7:]
    path.chmod(0o600)
    path.write_bytes(b"damaged")
    assert [problem.split(":")[0] for problem in store.check()] == [f"blobs/sha256/{path.name}"]
    assert store.repair() == []
    assert not path.exists()
    with store.layers.tar(sha256(TAR)) as stream:
        assert b"".join(iter(lambda: stream.read(1 << 20), b"")) == TAR


def test_a_built_layer_is_compressed_once_and_stays_what_it_is(store):
    layer = adopt(store, {"a": bytes(200_000)})
    image_of(store, [layer], name="x:1")
    first = store.layers.compressed(layer.diff_id)
    assert store.layers.compressed(layer.diff_id) == first
    assert sha256(gzip.decompress(store.blobs.read(first.digest))) == layer.diff_id
    assert first.media_type == mediatype.LAYER_GZIP
    assert store.check() == []


def test_a_compressed_blob_takes_the_place_of_the_uncompressed_one(store):
    record = store.layers.add_tar(TAR)
    image_of(store, [record], name="x:1")
    blob = store.layers.compressed(record.diff_id)
    assert store.layers.get(record.diff_id).blob == blob
    assert not store.blobs.has(record.diff_id)
    assert store.check() == []
    with store.layers.tar(record.diff_id) as stream:
        assert b"".join(iter(lambda: stream.read(1 << 20), b"")) == TAR


def test_the_same_layer_in_another_compression_leaves_nothing_over(store):
    for content in (TAR, BLOB, gzip.compress(TAR, 1, mtime=0)):
        image_of(store, [store.layers.add_tar(content)], name="x:1")
        assert store.check() == []
    assert store.layers.get(sha256(TAR)).blob.digest == sha256(BLOB)


def test_an_image_keeps_its_manifest_unless_the_newest_is_wanted(store):
    image_id = image_of(store, [store.layers.add_tar(BLOB)], name="x:1")
    before = store.images.get(image_id).manifest_digest
    other = store.blobs.put(b"another manifest")
    store.images.add(image_id, other.digest, [sha256(TAR)])
    assert store.images.get(image_id).manifest_digest == before
    store.images.add(image_id, other.digest, [sha256(TAR)], newest=True)
    assert store.images.get(image_id).manifest_digest == other.digest


@given(st.binary(max_size=5000), st.integers(1, 5000))
def test_what_is_compressed_is_the_same_however_it_is_read(content, size):
    stream = Gzipped(io.BytesIO(content))
    parts = b"".join(iter(lambda: stream.read(size), b""))
    assert gzip.decompress(parts) == content
    whole = Gzipped(io.BytesIO(content))
    assert parts == b"".join(iter(lambda: whole.read(1 << 20), b""))
    assert parts[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    assert zlib.decompress(parts, wbits=31) == content


def test_a_damaged_tree_is_not_compressed_into_a_blob(store):
    layer = adopt(store, {"a": b"1234"})
    image_of(store, [layer], name="x:1")
    file = next((store.path / "roots" / "range-0" / "snapshots").glob("*/a"))
    file.chmod(0o644)
    file.write_bytes(b"5678")
    with pytest.raises(StoreCorruptError):
        store.layers.compressed(layer.diff_id)
    assert store.layers.get(layer.diff_id).blob is None
