"""Pages of a list: the ``Link`` header of RFC 8288, as registries write it. Pure."""

from __future__ import annotations

import re
from urllib.parse import urljoin

from dockmagic.errors import RegistryError
from dockmagic.registry import origin as origins

_LINK = re.compile(r"\s*<([^<>\s\x00-\x1f\x7f]+)>((?:\s*;\s*[^;,]+)*)\s*")
_REL = re.compile(r";\s*rel\s*=\s*\"?([^\";]+)\"?", re.IGNORECASE)


def following(url: str, header: str) -> str:
    """The URL of the next page, "" where this was the last.

    A link without ``rel`` is the next page: some registries write it so.

    Raises:
        RegistryError: it leads to another server.
    """
    for link in re.split(r",(?=\s*<)", header):
        found = _LINK.fullmatch(link)
        if found is None:
            continue
        rel = _REL.search(found.group(2))
        if rel is not None and "next" not in rel.group(1).lower().split():
            continue
        try:
            following_url = str(urljoin(url, found.group(1)))
        except ValueError:
            return ""
        if origins.of(following_url) != origins.of(url):
            raise RegistryError("a registry's list goes on at another server", detail=origins.of(following_url).url)
        return following_url
    return ""
