from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.errors import ArchiveError
from dockmagic.oci import descriptor, mediatype
from dockmagic.oci import digest as digests
from dockmagic.oci.descriptor import Descriptor

DIGEST = "sha256:" + "ab" * 32
PLAIN = {"mediaType": mediatype.LAYER, "digest": DIGEST, "size": 7}


def test_a_descriptor_is_read_with_everything_that_is_used():
    whole = {
        **PLAIN,
        "urls": ["https://example.org/x"],
        "annotations": {"a": "b"},
        "platform": {"os": "linux", "architecture": "amd64"},
    }
    assert descriptor.parse(whole).to_dict() == whole


def test_what_says_nothing_is_left_out():
    found = descriptor.parse({**PLAIN, "annotations": {}, "urls": [], "data": "AA==", "platform": None})
    assert found.to_dict() == PLAIN


@pytest.mark.parametrize("size", [-1, 1 << 63, True, "7", 7.0, None, 1e3])
def test_a_size_is_a_number_of_bytes(size):
    with pytest.raises(ArchiveError, match="number of bytes"):
        descriptor.parse({**PLAIN, "size": size})


@pytest.mark.parametrize("missing", PLAIN)
def test_each_field_is_needed(missing):
    with pytest.raises(ArchiveError, match="a descriptor"):
        descriptor.parse({name: value for name, value in PLAIN.items() if name != missing})


@pytest.mark.parametrize("value", [None, [], "x", 1])
def test_a_descriptor_is_an_object(value):
    with pytest.raises(ArchiveError, match="not a JSON object"):
        descriptor.parse(value)


@pytest.mark.parametrize("media_type", ["", "invalid", "a/.b", ".a/b", "a/b/c", "a b/c", 5, "a/" + "b" * 128])
@pytest.mark.parametrize("name", ["mediaType", "artifactType"])
def test_a_media_type_has_two_parts(name, media_type):
    with pytest.raises(ArchiveError, match=f"no {name}"):
        descriptor.parse({**PLAIN, name: media_type})


@pytest.mark.parametrize("digest", ["sha256:" + "A" * 64, "md5", "sha256:../x", "md5:../x", "../x:a", "a+:b"])
def test_a_digest_is_of_a_known_form(digest):
    with pytest.raises(ArchiveError, match="not a digest"):
        descriptor.parse({**PLAIN, "digest": digest})


def test_a_digest_of_an_unknown_algorithm_is_read_and_nothing_is_looked_for_by_it():
    found = descriptor.parse({**PLAIN, "digest": "sha256+b64:" + "a" * 43})
    with pytest.raises(ArchiveError, match="not a digest"):
        digests.checked(found.digest)


@pytest.mark.parametrize("urls", ["https://example.org", ["value"], [5], {"a": 1}])
def test_urls_are_a_list_of_urls(urls):
    with pytest.raises(ArchiveError, match="URLs"):
        descriptor.parse({**PLAIN, "urls": urls})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"annotations": ["a"]}, "annotations is not a JSON object"),
        ({"annotations": {"a": 1}}, "annotations has a value that is not a string"),
        ({"data": 5}, "data is not a string"),
        ({"data": "aGVsbG8"}, "data is not base64"),
        ({"data": "aGVs bG8="}, "data is not base64"),
        ({"platform": "linux/amd64"}, "a platform is not a JSON object"),
        ({"platform": {"os": "linux"}}, "architecture is missing"),
        ({"platform": {"architecture": "amd64"}}, "os is missing"),
        ({"platform": {"os": "linux", "architecture": 386}}, "architecture is not a string"),
        ({"platform": {"os": "linux", "architecture": "arm", "variant": 7}}, "variant is not a string"),
        ({"platform": {"os": "linux", "architecture": "arm", "os.features": "x"}}, "os.features is not a list"),
    ],
)
def test_a_field_of_a_wrong_type_is_named(fields, says):
    with pytest.raises(ArchiveError, match=says):
        descriptor.parse({**PLAIN, **fields})


@given(
    st.builds(
        Descriptor,
        media_type=st.sampled_from(sorted(mediatype.LAYERS | mediatype.CONFIGS)),
        digest=st.binary(min_size=32, max_size=32).map(lambda b: f"sha256:{b.hex()}"),
        size=st.integers(0, (1 << 63) - 1),
        annotations=st.dictionaries(st.text(), st.text(), max_size=3),
    )
)
def test_what_is_written_is_read_again(value):
    assert descriptor.parse(value.to_dict()) == value
