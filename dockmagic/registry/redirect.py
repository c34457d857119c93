"""Whom a registry may send us to. Pure.

A registry may answer with an address elsewhere: a blob's store, an upload's place, a layer that only its maker may hand out.
Content is checked by its digest, so a stranger can give it; but nobody may use us to reach what only this machine can
reach, and credentials go to their own registry alone.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urljoin, urlsplit, urlunsplit

from dockmagic.errors import RegistryError
from dockmagic.registry import origin as origins
from dockmagic.registry.origin import Origin


def target(home: Origin, url: str, location: str, trusted: Collection[str] = ()) -> str:
    """The URL that a ``Location`` header means.

    Args:
        home: the registry that was asked first.
        url: of the request that was answered so.
        location: the header.
        trusted: ``host`` or ``host:port`` that the user allows in any case.

    Raises:
        RegistryError: it leads where nobody may send us.
    """
    try:
        found = urljoin(url, location)
        there = origins.of(found)
    except ValueError:
        raise RegistryError("a registry names an address that is no http or https URL") from None
    if not is_allowed(home, there, trusted):
        raise RegistryError(
            "a registry sends us to an address of this machine or of a private network",
            hint="if that is right, name it in redirect-hosts of registries.toml",
            detail=f"{home.url} -> {there.url}",
        )
    return urlunsplit(urlsplit(found)._replace(fragment=""))


def is_allowed(home: Origin, there: Origin, trusted: Collection[str] = ()) -> bool:
    """Whether the registry at ``home`` may send us there."""
    if there.address == home.address or there.host in trusted or there.address in trusted:
        return True
    return not origins.is_reserved(there.host)


def is_foreign_allowed(url: str, *, insecure: bool, trusted: Collection[str] = ()) -> bool:
    """Whether a layer may be fetched from a URL of its descriptor.

    Args:
        url: as the manifest has it.
        insecure: the registry is one that is spoken to by plain HTTP.
        trusted: as for :func:`target`.
    """
    try:
        there = origins.of(url)
    except RegistryError:
        return False
    if there.scheme != "https" and not insecure:
        return False
    return there.host in trusted or there.address in trusted or not origins.is_reserved(there.host)
