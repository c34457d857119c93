"""Tokens: what is asked of whom, and what comes back. Distribution's token and OAuth2 specifications. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from dockmagic.errors import DeniedError, RegistryError
from dockmagic.registry import origin as origins
from dockmagic.registry.challenge import Challenge
from dockmagic.registry.origin import Origin

LIMIT = 1 << 20
CLIENT = "dockmagic"
# What a token is worth that does not say how long; the specification's number of seconds.
_USUAL_SECONDS = 60.0
_LABELS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a user signs in with.

    Attributes:
        password: empty where there is an ``identity``.
        identity: a refresh token, which a helper or docker keeps in place of a password.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The ``Authorization`` header of basic authentication; RFC 7617."""
        return f"Basic {base64.b64encode(f'{self.username}:{self.password}'.encode()).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request for a token."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token; ``seconds`` is how long it holds."""

    value: str = field(repr=False)
    seconds: float


def scope(path: str, actions: Sequence[str]) -> str:
    """``repository:team/bread:pull,push``."""
    return f"repository:{path}:{','.join(actions)}"


def is_allowed(realm: str, registry: Origin, *, insecure: bool, trusted: Collection[str] = ()) -> bool:
    """Whether a token may be asked for at that address at all.

    The registry's own server is always one, others only where no reserved address is meant; plain HTTP only where the
    registry itself is spoken to so.
    """
    try:
        there = origins.of(realm)
    except RegistryError:
        return False
    if there.scheme != "https" and not insecure:
        return False
    return there.address == registry.address or _is_named(there, trusted) or not origins.is_reserved(there.host)


def may_have_credentials(realm: str, registry: Origin, trusted: Collection[str] = ()) -> bool:
    """Whether a user's credentials may go to that address.

    They may go to the registry's own server, to one whose name is above or below it in the same domain on the usual
    port (``registry.gitlab.com`` and ``gitlab.com``), and to what the user or our table names.
    """
    there = origins.of(realm)
    if there.address == registry.address or _is_named(there, trusted):
        return True
    if there.scheme != "https" or there.port != origins.of(f"https://{origins.bracketed(there.host)}").port:
        return False
    return _is_below(there.host, registry.host) or _is_below(registry.host, there.host)


def _is_named(there: Origin, trusted: Collection[str]) -> bool:
    return there.host in trusted or there.address in trusted


def _is_below(name: str, above: str) -> bool:
    is_name = not above.replace(".", "").isdigit() and ":" not in above
    return is_name and len(above.split(".")) >= _LABELS and name.endswith(f".{above}")


def request(challenge: Challenge, scopes: Sequence[str], credential: Credential | None) -> Request:
    """What to ask of the realm.

    Args:
        challenge: the registry's.
        scopes: what the token shall allow; our own words, never more than is needed.
        credential: who asks, None for nobody.

    Raises:
        RegistryError: the challenge names no realm.
    """
    realm = challenge.parameters.get("realm", "")
    if not realm:
        raise RegistryError("a registry asks for a token and does not say where it is to be had")
    service = challenge.parameters.get("service", "")
    if credential is not None and credential.identity:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": credential.identity,
            "service": service,
            "scope": " ".join(scopes),
            "client_id": CLIENT,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return Request(method="POST", url=realm, headers=headers, body=urlencode(form).encode())
    parts = urlsplit(realm)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *((("service", service),) if service else ())]
    query += [("scope", wanted) for wanted in scopes]
    headers = {}
    if credential is not None:
        query += [("account", credential.username)]
        headers["Authorization"] = credential.basic
    return Request(method="GET", url=urlunsplit(parts._replace(query=urlencode(query))), headers=headers)


def parse(body: bytes) -> Token:
    """The token in an answer.

    Raises:
        RegistryError: there is none.
    """
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    value = (found.get("token") or found.get("access_token")) if isinstance(found, dict) else None
    # It becomes a header: nothing in it may end the line.
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        raise RegistryError("what gives a registry's tokens answers with something else")
    seconds = found.get("expires_in")
    known = isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0
    return Token(value=value, seconds=float(seconds) if known else _USUAL_SECONDS)


def refused_realm(realm: str) -> RegistryError:
    """The realm may not be asked."""
    return RegistryError("a registry sends the sign-in to an address that it may not name", detail=_host(realm))


def foreign_realm(realm: str) -> DeniedError:
    """The realm may not have the credentials."""
    return DeniedError(
        "the registry wants your password to be sent to another server; it was not",
        hint="if that is right, name the server in token-hosts of registries.toml",
        detail=_host(realm),
    )


def _host(realm: str) -> str:
    try:
        return origins.of(realm).url
    except RegistryError:
        return "no http or https URL"
