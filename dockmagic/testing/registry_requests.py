"""What was asked of a :class:`dockmagic.testing.FakeRegistry`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_PATH = re.compile(r"/v2/(.+?)/(?:(manifests|blobs)/([^/]+)|(blobs/uploads)/([^/]*)|(tags)/list)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it came.

    Attributes:
        method: ``"GET"``.
        path: with its query.
        headers: names in lower case.
        body: its content.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a path means; ``kind`` is ``"ping"``, ``"manifests"``, ``"blobs"``, ``"uploads"``, ``"tags"`` or ""."""

    kind: str = ""
    repository: str = ""
    reference: str = ""


def parse(path: str) -> Place:
    """What a path of the API means, without its query."""
    if path in {"/v2/", "/v2"}:
        return Place(kind="ping")
    found = _PATH.fullmatch(path)
    if found is None:
        return Place()
    repository, kind, reference, uploads, name, tags = found.groups()
    if kind:
        return Place(kind=kind, repository=repository, reference=reference)
    return Place(kind="uploads" if uploads else "tags" if tags else "", repository=repository, reference=name or "")
