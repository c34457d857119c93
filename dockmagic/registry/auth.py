"""Signing requests: basic authentication and tokens, for one registry, as its challenge says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from dockmagic.errors import DeniedError, RegistryError
from dockmagic.registry import redirect, retry, token
from dockmagic.registry.answer import message
from dockmagic.registry.challenge import Challenge
from dockmagic.registry.endpoint import Endpoint
from dockmagic.registry.token import Credential, Token
from dockmagic.registry.transport import Answer, BrokenOffError, Transport

_OK = 200
_REFUSED = frozenset({400, 401, 403})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 6


def denied(name: str, status: int, detail: str, *, known: bool) -> DeniedError:
    """The registry wants a sign-in; ``known``: one was tried."""
    what = "does not take the password that is kept for it, or has no such repository"
    nobody = "gives that to nobody who is not signed in, or has no such repository"
    hint = f"%container login {name}"
    return DeniedError(f"{name} {what if known else nobody}", status=status, hint=hint, detail=detail)


class Tokens:
    """Tokens that still hold, of one process; by where they are from, for what and for whom."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[str, ...], tuple[str, float]] = {}

    def get(self, key: tuple[str, ...]) -> str:
        """A token, "" for none."""
        with self._lock:
            value, end = self._known.get(key, ("", 0.0))
        return value if time.monotonic() < end else ""

    def put(self, key: tuple[str, ...], given: Token) -> None:
        """Keep a token until shortly before its end."""
        with self._lock:
            self._known[key] = (given.value, time.monotonic() + given.seconds * 0.9)

    def drop(self, key: tuple[str, ...]) -> None:
        """Forget a token that does not hold."""
        with self._lock:
            self._known.pop(key, None)


class Signer:
    """``Authorization`` headers for one registry.

    Args:
        endpoint: the registry.
        transport: what asks for tokens.
        tokens: those that hold.
        credentials: gives the user's, when they are needed.
        policy: how often a token is asked for.
        ca: certificates to trust, for the registry's own server.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        transport: Transport,
        tokens: Tokens,
        credentials: Callable[[], Credential | None],
        policy: retry.Policy,
        *,
        ca: str = "",
    ) -> None:
        self._endpoint = endpoint
        self._transport = transport
        self._tokens = tokens
        self._credentials = credentials
        self._policy = policy
        self._ca = ca
        self._challenge: Challenge | None = None
        # Several layers begin at once: one of them asks for the token that all need.
        self._lock = threading.Lock()

    def header(self, scopes: Sequence[str]) -> str:
        """The header for a request, "" while the registry has not said what it wants."""
        return self._header(self._challenge, scopes) if self._challenge is not None else ""

    def renewed(self, challenges: Sequence[Challenge], scopes: Sequence[str], refused: str) -> str:
        """The header after a refusal, "" where nothing better can be sent.

        Args:
            challenges: of the refusal.
            scopes: what the request needs.
            refused: the header that was refused, "" for none.

        Raises:
            DeniedError: no token is given.
            RegistryError: tokens come from where they may not.
        """
        known = {challenge.scheme: challenge for challenge in reversed(challenges)}
        chosen = known.get("bearer") or known.get("basic")
        if chosen is None:
            return ""
        self._challenge = chosen
        if refused.startswith("Bearer "):
            self._tokens.drop(self._key(chosen, scopes, self._credentials()))
        found = self._header(chosen, scopes)
        return found if found != refused else ""

    @property
    def is_known(self) -> bool:
        """Whether there are credentials for the registry."""
        return self._credentials() is not None

    def _header(self, challenge: Challenge, scopes: Sequence[str]) -> str:
        credential = self._credentials()
        if challenge.scheme == "basic":
            return credential.basic if credential is not None and not credential.identity else ""
        key = self._key(challenge, scopes, credential)
        with self._lock:
            value = self._tokens.get(key)
            if not value:
                given = self._token(challenge, scopes, credential)
                self._tokens.put(key, given)
                value = given.value
        return f"Bearer {value}"

    def _key(self, challenge: Challenge, scopes: Sequence[str], credential: Credential | None) -> tuple[str, ...]:
        parameters = challenge.parameters
        who = (credential.username, credential.password, credential.identity) if credential else ("", "", "")
        where = (self._endpoint.origin.url, parameters.get("realm", ""), parameters.get("service", ""))
        return (*where, *who, *scopes)

    def _token(self, challenge: Challenge, scopes: Sequence[str], credential: Credential | None) -> Token:
        endpoint = self._endpoint
        realm = challenge.parameters.get("realm", "")
        wanted = token.request(challenge, scopes, credential)
        if not token.is_allowed(realm, endpoint.origin, insecure=endpoint.insecure, trusted=endpoint.token_hosts):
            raise token.refused_realm(realm)
        if credential is not None and not token.may_have_credentials(realm, endpoint.origin, endpoint.token_hosts):
            raise token.foreign_realm(realm)
        answer = self._led(wanted)
        if answer.status == _OK:
            return token.parse(answer.body)
        detail = message(answer.status, answer.body, method=wanted.method, url=wanted.url)
        if answer.status in _REFUSED:
            raise denied(endpoint.name, answer.status, detail, known=credential is not None)
        raise RegistryError(
            "what gives the registry's tokens fails", status=answer.status, hint="try again", detail=detail
        )

    def _led(self, wanted: token.Request) -> Answer:
        """The answer behind all redirects, which go where a realm may be; a password goes on only where the realm may have it."""
        endpoint = self._endpoint
        for _ in range(_MOST_REDIRECTS):
            answer = self._asked(wanted)
            location = answer.header("Location")
            if answer.status not in _REDIRECTS or not location or wanted.method != "GET":
                return answer
            url = redirect.target(endpoint.origin, wanted.url, location, endpoint.token_hosts)
            if not token.is_allowed(url, endpoint.origin, insecure=endpoint.insecure, trusted=endpoint.token_hosts):
                raise token.refused_realm(url)
            keeps = token.may_have_credentials(url, endpoint.origin, endpoint.token_hosts)
            wanted = replace(wanted, url=url, headers=wanted.headers if keeps else {})
        raise RegistryError("what gives the registry's tokens sends us from address to address without an end")

    def _asked(self, wanted: token.Request) -> Answer:
        """The answer of the token server, body read; asked again while that may help."""
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self._transport.request(
                    wanted.method, wanted.url, wanted.headers, body=wanted.body or None, ca=self._ca
                )
                if not retry.is_retried(answer.status):
                    if answer.status == _OK:
                        answer.read(token.LIMIT)
                    else:
                        answer.excerpt()
                    return answer
                asked = retry.retry_after(answer.header("Retry-After"), time.time())
                answer.excerpt()
                seconds = retry.pause(self._policy, attempt, asked=asked)
                if seconds is None:
                    return answer
            except BrokenOffError:
                found = retry.pause(self._policy, attempt)
                if found is None:
                    raise
                seconds = found
            self._transport.wait(seconds)
