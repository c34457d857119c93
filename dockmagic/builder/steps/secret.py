"""Values of secrets, and those of them that sign in where ADD and named contexts fetch from.

The names are those of Docker's manual, "Build secrets": ``HTTP_AUTH_HEADER_<host>`` and ``HTTP_AUTH_TOKEN_<host>`` for a URL, ``GIT_AUTH_HEADER``
and ``GIT_AUTH_TOKEN``, also with ``.<host>``, for a repository. What they say goes to that host alone, never to where it redirects.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from dockmagic.builder.request import Secret
from dockmagic.errors import UsageError

_LIMIT = 500 * 1024


def content_of(name: str, secret: Secret) -> bytes:
    """A secret's value.

    Raises:
        UsageError: it cannot be read, or is larger than 500 kB.
    """
    if secret.source is None:
        value = os.environ.get(secret.variable)
        if value is None:
            raise UsageError(f"--secret id={name}: the variable {secret.variable} is not set")
        return value.encode("utf-8", "surrogateescape")
    try:
        with secret.source.expanduser().open("rb") as file:
            content = file.read(_LIMIT + 1)
    except OSError as error:
        raise UsageError(
            f"--secret id={name}: its file cannot be read: {error.strerror}", detail=str(secret.source)
        ) from None
    if len(content) > _LIMIT:
        raise UsageError(f"--secret id={name}: larger than 500 kB", hint="a secret is a key or a password")
    return content


def of_url(url: str, secrets: Mapping[str, Secret]) -> str:
    """The ``Authorization`` that a URL's host gets, "" for none.

    Raises:
        UsageError: the secret cannot be read, or is no line of text.
    """
    host = urlsplit(url).netloc.rpartition("@")[2]
    header = _line(f"HTTP_AUTH_HEADER_{host}", secrets)
    token = _line(f"HTTP_AUTH_TOKEN_{host}", secrets)
    return header or (f"Bearer {token}" if token else "")


def of_repository(remote: str, secrets: Mapping[str, Secret]) -> str:
    """The ``Authorization`` that a repository's host gets, "" for none.

    Raises:
        UsageError: as :func:`of_url`.
    """
    parts = urlsplit(remote)
    if parts.scheme not in {"http", "https"}:
        return ""
    host = parts.netloc.rpartition("@")[2]
    for suffix in (f".{host}", ""):
        header = _line(f"GIT_AUTH_HEADER{suffix}", secrets)
        token = _line(f"GIT_AUTH_TOKEN{suffix}", secrets)
        if header or token:
            return header or f"basic {base64.b64encode(f'x-access-token:{token}'.encode()).decode('ascii')}"
    return ""


def _line(name: str, secrets: Mapping[str, Secret]) -> str:
    secret = secrets.get(name)
    if secret is None:
        return ""
    text = content_of(name, secret).decode("latin-1").strip()
    if not text.isprintable():
        raise UsageError(f"--secret id={name}: it is no line of text")
    return text
