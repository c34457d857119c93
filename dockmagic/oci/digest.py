"""Digests: ``algorithm:hex``, as the OCI image specification's descriptor section defines them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from dockmagic.errors import ArchiveError

# The grammar that any algorithm's digest has: readers shall let one of an algorithm that they do not know pass.
_GRAMMAR = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_FORMS = {"sha256": re.compile(r"[0-9a-f]{64}"), "sha512": re.compile(r"[0-9a-f]{128}")}
_STORED = "sha256"


def checked(text: str) -> str:
    """``text`` when it is a digest of a known algorithm; nothing else may become part of a path.

    Raises:
        ArchiveError: it is not.
    """
    algorithm, _, encoded = text.partition(":")
    form = _FORMS.get(algorithm)
    if form is None or not form.fullmatch(encoded):
        raise ArchiveError(f"not a digest: {text[:80]!r}")
    return text


def formed(text: str) -> str:
    """``text`` when it has a digest's form, of whatever algorithm; content is only ever asked for by a :func:`checked` one.

    Raises:
        ArchiveError: it has not.
    """
    if not _GRAMMAR.fullmatch(text):
        raise ArchiveError(f"not a digest: {text[:80]!r}")
    return checked(text) if text.partition(":")[0] in _FORMS else text


def require_stored(*digests: str) -> None:
    """Refuse content that is named by another algorithm than sha256, which alone names content in a store.

    Raises:
        ArchiveError: one is, or is no digest.
    """
    for text in digests:
        algorithm = checked(text).partition(":")[0]
        if algorithm != _STORED:
            raise ArchiveError(
                f"the image names its content by {algorithm}, and the store knows sha256 alone",
                hint="ask its maker for one with sha256, which every registry and tool takes",
                detail=text,
            )


def is_digest(text: str) -> bool:
    """Whether :func:`checked` would take it."""
    try:
        checked(text)
    except ArchiveError:
        return False
    return True


def encoded(digest: str) -> str:
    """The hexadecimal part of a checked digest: what names its file."""
    return checked(digest).partition(":")[2]


def of(data: bytes) -> str:
    """The sha256 digest of bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def matches(digest: str, data: bytes) -> bool:
    """Whether bytes have that digest, of any known algorithm.

    Raises:
        ArchiveError: it is no digest.
    """
    algorithm, _, encoded = checked(digest).partition(":")
    return hashlib.new(algorithm, data).hexdigest() == encoded


def of_chunks(chunks: Iterable[bytes], *, algorithm: str = "sha256") -> str:
    """The digest of a stream, by one of the algorithms that :func:`checked` knows."""
    state = hashlib.new(algorithm)
    for chunk in chunks:
        state.update(chunk)
    return f"{algorithm}:{state.hexdigest()}"
