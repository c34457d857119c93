from __future__ import annotations

import json

import pytest

from dockmagic.errors import ArchiveError
from dockmagic.oci import manifest, mediatype
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import MANIFEST_LIMIT, Index, Manifest

CONFIG = Descriptor(media_type=mediatype.CONFIG, digest="sha256:" + "1" * 64, size=3)
LAYER = Descriptor(media_type=mediatype.LAYER, digest="sha256:" + "2" * 64, size=4)
IMAGE = Manifest(config=CONFIG, layers=(LAYER, LAYER))


def changed(**fields):
    value = {**json.loads(IMAGE.to_bytes()), **fields}
    return json.dumps({k: v for k, v in value.items() if v is not None}).encode()


def index(**fields):
    return json.dumps({"schemaVersion": 2, "manifests": [LAYER.to_dict()], **fields}).encode()


def test_what_is_written_is_read_again():
    assert manifest.parse(IMAGE.to_bytes()) == IMAGE
    assert json.loads(IMAGE.to_bytes()).keys() == {"schemaVersion", "mediaType", "config", "layers"}


def test_the_same_manifest_is_always_the_same_bytes():
    again = Manifest(config=CONFIG, layers=(LAYER, LAYER), annotations={})
    assert again.to_bytes() == IMAGE.to_bytes()
    noted = Manifest(config=CONFIG, layers=(), annotations={"b": "1", "a": "2"})
    assert b'"annotations":{"a":"2","b":"1"}' in noted.to_bytes()


@pytest.mark.parametrize("media_type", [None, mediatype.MANIFEST, mediatype.DOCKER_MANIFEST])
def test_a_manifest_may_leave_its_media_type_out(media_type):
    found = manifest.parse(changed(mediaType=media_type))
    assert isinstance(found, Manifest)
    assert found.media_type == media_type or mediatype.MANIFEST


@pytest.mark.parametrize("media_type", ["", mediatype.INDEX, mediatype.DOCKER_LIST])
def test_an_index_is_told_by_its_manifests(media_type):
    found = manifest.parse(index(mediaType=media_type))
    assert found == Index(manifests=(LAYER,), media_type=media_type or mediatype.INDEX)


def test_an_index_may_hold_nothing():
    assert manifest.parse(index(manifests=[])) == Index(manifests=())


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no JSON object"),
        (b"null", "no JSON object"),
        (b"{}", "unknown schema version"),
        (changed(schemaVersion=1), "unknown schema version"),
        (changed(schemaVersion="2"), "unknown schema version"),
        (changed(manifests=[]), "also an index"),
        (index(config=CONFIG.to_dict()), "also an index"),
        (index(layers=[]), "also an index"),
        (changed(mediaType=mediatype.INDEX), "unknown media type"),
        (changed(mediaType="application/vnd.docker.distribution.manifest.v1+prettyjws"), "unknown media type"),
        (index(mediaType=mediatype.MANIFEST), "unknown media type"),
        (index(manifests={}), "no list"),
        (index(manifests=["x"]), "not a JSON object"),
        (changed(layers={}), "without layers"),
        (changed(layers=None), "without layers"),
        (changed(layers=[{}]), "mediaType"),
        (changed(config=None), "not a JSON object"),
        (changed(subject="nope"), "not a JSON object"),
        (index(subject={}), "mediaType"),
        (changed(annotations={"a": 1}), "annotations has a value that is not a string"),
        (index(annotations=["a"]), "annotations is not a JSON object"),
        (changed(artifactType="x"), "no artifactType"),
        (index(artifactType=5), "no artifactType"),
        (b" " * (MANIFEST_LIMIT + 1), "larger than 4 MiB"),
    ],
)
def test_what_is_no_manifest_is_refused(data, says):
    with pytest.raises(ArchiveError, match=says):
        manifest.parse(data)


@pytest.mark.parametrize("media_type", [5, [], {}])
def test_a_media_type_is_text(media_type):
    with pytest.raises(ArchiveError, match="media type"):
        manifest.parse(changed(mediaType=media_type))
    with pytest.raises(ArchiveError, match="media type"):
        manifest.parse(index(mediaType=media_type))


def test_a_subject_is_checked_and_not_used():
    assert manifest.parse(changed(subject=LAYER.to_dict())) == IMAGE
