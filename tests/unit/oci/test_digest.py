from __future__ import annotations

import hashlib

import pytest

from dockmagic.errors import ArchiveError
from dockmagic.oci import digest

CONTENT = b"red bean"
GOOD = "sha256:" + "0a" * 32
WRONG = [
    "",
    "sha256",
    "sha256:",
    "a" * 64,
    "sha256:" + "a" * 63,
    "sha256:" + "a" * 65,
    "sha256:" + "A" * 64,
    "SHA256:" + "a" * 64,
    "sha256:" + "a" * 64 + "\n",
    " sha256:" + "a" * 64,
    "sha256:../../../etc/passwd",
    "sha256:" + "a" * 61 + "/..",
    "sha512:" + "a" * 64,
    "md5:" + "a" * 32,
    "sha256+b64:" + "a" * 64,
    "sha256:" + "a" * 63 + "\u0661",
]


@pytest.mark.parametrize("text", [GOOD, "sha512:" + "f" * 128])
def test_a_digest_is_taken_as_it_is(text):
    assert digest.checked(text) == text
    assert digest.is_digest(text)
    assert digest.encoded(text) == text.partition(":")[2]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_digest_never_becomes_part_of_a_path(text):
    assert not digest.is_digest(text)
    for verb in (digest.checked, digest.encoded):
        with pytest.raises(ArchiveError, match="not a digest"):
            verb(text)


def test_an_endless_text_is_not_repeated_in_the_error():
    with pytest.raises(ArchiveError) as caught:
        digest.checked("x" * 100_000)
    assert len(str(caught.value)) < 200


def test_bytes_and_chunks_of_them_have_one_digest():
    data = b"bread" * 1000
    expected = f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert digest.of(data) == expected
    assert digest.of_chunks([data[:7], b"", data[7:]]) == expected
    assert digest.of_chunks([]) == digest.of(b"")


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_bytes_match_their_digest_and_no_other(algorithm):
    own = f"{algorithm}:{hashlib.new(algorithm, CONTENT).hexdigest()}"
    assert digest.matches(own, CONTENT)
    assert not digest.matches(own, CONTENT + b"x")
    with pytest.raises(ArchiveError):
        digest.matches("md5:" + "0" * 32, CONTENT)


def test_content_that_the_store_cannot_name_is_told():
    digest.require_stored(digest.of(b"x"), digest.of(b"y"))
    with pytest.raises(ArchiveError, match="by sha512, and the store knows sha256 alone"):
        digest.require_stored(digest.of(b"x"), "sha512:" + "0" * 128)
    with pytest.raises(ArchiveError, match="not a digest"):
        digest.require_stored("sha256+b64:abc")
