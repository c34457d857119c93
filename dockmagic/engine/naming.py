"""Names of containers: docker's grammar, and default names that derive from the content."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Container, Sequence

from dockmagic.errors import UsageError

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_MAXIMUM = 128


def new_id() -> str:
    """A random container id: 64 hex digits, as docker's."""
    return secrets.token_hex(32)


def checked(name: str) -> str:
    """``name`` when docker would take it.

    Raises:
        UsageError: it is not ``[a-zA-Z0-9][a-zA-Z0-9_.-]+`` or longer than 128.
    """
    if not _NAME.fullmatch(name) or len(name) > _MAXIMUM:
        raise UsageError(
            f'invalid container name "{name}"',
            hint="a name is a letter or digit, then at least one of: letters, digits, _ . -",
        )
    return name


def default_name(reference: str, content: Sequence[str], living: Container[str]) -> str:
    """A name that is the same for the same cell on every machine: the image's last word and 8 digits of a digest.

    ``-2``, ``-3`` follow only while the earlier one lives.
    """
    digest = hashlib.sha256("\0".join([reference, *content]).encode("utf-8", "surrogateescape")).hexdigest()
    word = re.sub(r"[^a-zA-Z0-9]+", "-", reference.rsplit("/", 1)[-1].split("@", 1)[0]).strip("-") or "container"
    if word == "sha256" or re.fullmatch(r"sha256-?[0-9a-f]+", word):
        word = "image"
    base = f"{word}-{digest[:8]}"
    number = 1
    name = base
    while name in living:
        number += 1
        name = f"{base}-{number}"
    return name


def hostname(name: str) -> str:
    """A host name made of a container's name: at most 63 characters of letters, digits and ``-``."""
    return re.sub(r"[^a-zA-Z0-9-]", "-", name)[:63].strip("-") or "container"
