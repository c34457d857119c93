"""A registry's addresses: from an image's name to the URLs of the distribution specification. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from dockmagic.errors import UsageError
from dockmagic.oci.reference import DEFAULT_DOMAIN, DOMAIN
from dockmagic.registry import origin as origins
from dockmagic.registry.origin import Origin

HUB = DEFAULT_DOMAIN
# Docker Hub's registry and its tokens are at other names than its images.
_HUB_HOST = "registry-1.docker.io"
HUB_TOKEN_HOSTS = ("auth.docker.io",)
_SERVER = re.compile(rf"(?:(https?)://)?({DOMAIN.pattern})/?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server that speaks the registry API.

    Attributes:
        name: the domain as it stands in images' names; settings and credentials are found by it.
        origin: where it answers.
        token_hosts: further hosts that credentials may go to for a token.
        redirect_hosts: hosts that it may send us to though they are reserved.
    """

    name: str
    origin: Origin
    token_hosts: Sequence[str] = field(default=())
    redirect_hosts: Sequence[str] = field(default=())

    @property
    def insecure(self) -> bool:
        """It is spoken to by plain HTTP."""
        return self.origin.scheme == "http"

    @property
    def ping(self) -> str:
        """The URL that says whether this is a registry."""
        return f"{self.origin.url}/v2/"

    def manifest(self, path: str, reference: str) -> str:
        """A manifest by tag or digest."""
        return f"{self.origin.url}/v2/{path}/manifests/{reference}"

    def blob(self, path: str, digest: str) -> str:
        """A blob."""
        return f"{self.origin.url}/v2/{path}/blobs/{digest}"

    def uploads(self, path: str, *, mount: str = "", source: str = "") -> str:
        """Where an upload begins, or a blob of repository ``source`` is mounted."""
        query = f"?{urlencode({'mount': mount, 'from': source})}" if mount else ""
        return f"{self.origin.url}/v2/{path}/blobs/uploads/{query}"

    def tags(self, path: str, count: int) -> str:
        """The first page of a repository's tags."""
        return f"{self.origin.url}/v2/{path}/tags/list?n={count}"


def of(
    domain: str,
    *,
    http: bool | None = None,
    token_hosts: Sequence[str] = (),
    redirect_hosts: Sequence[str] = (),
) -> Endpoint:
    """The endpoint of a domain.

    Args:
        domain: as in an image's name, with a port where there is one; a mirror may begin with ``http://`` or ``https://``.
        http: speak plain HTTP; None for only on this machine.
        token_hosts: see :class:`Endpoint`.
        redirect_hosts: see :class:`Endpoint`.

    Raises:
        UsageError: it is no domain.
    """
    found = _SERVER.fullmatch(domain)
    if found is None:
        raise UsageError(
            f'"{domain[:80]}" is no registry', hint="a registry is e.g. registry.example or localhost:5000"
        )
    said, name = found.groups()
    host = _HUB_HOST if name == HUB else name
    bare = origins.of(f"https://{host}").host
    plain = http if http is not None else (said == "http" if said else origins.is_loopback(bare))
    return Endpoint(
        name=name,
        origin=origins.of(f"{'http' if plain else 'https'}://{host}"),
        token_hosts=(*(HUB_TOKEN_HOSTS if name == HUB else ()), *token_hosts),
        redirect_hosts=tuple(redirect_hosts),
    )


def with_digest(url: str, digest: str) -> str:
    """An upload's URL with the digest that ends it."""
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, f"digest={quote(digest, safe='')}") if part)
    return urlunsplit(parts._replace(query=query))


def referrers_tag(digest: str) -> str:
    """The tag under which a registry without the referrers API lists what refers to a digest.

    Distribution specification, "Referrers Tag Schema": each part is cut and what a tag may not hold becomes ``-``.
    """
    algorithm, _, encoded = digest.partition(":")
    return re.sub(r"[^A-Za-z0-9._-]", "-", f"{algorithm[:32]}-{encoded[:64]}")
