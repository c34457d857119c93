"""Requests to one registry: signed, led on, asked again, and its refusals told as errors."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from dockmagic.errors import DeniedError, NotFoundError, RateLimitError, RegistryError
from dockmagic.registry import challenge, redirect, retry
from dockmagic.registry import origin as origins
from dockmagic.registry.answer import codes, message
from dockmagic.registry.auth import Signer, denied
from dockmagic.registry.endpoint import HUB, Endpoint
from dockmagic.registry.transport import Answer, Body, BrokenOffError, Transport

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REDIRECTS_WITH_BODY = frozenset({307, 308})
_MOST_REDIRECTS = 5
_BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN, _MISSING = 400, 401, 403, 404
# What servers of Go and nginx answer to plain HTTP at a port of TLS.
_WANTS_TLS = re.compile(rb"HTTP request (?:was sent )?to (?:an )?HTTPS", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request.

    Attributes:
        scopes: what a token for it must allow.
        body: opens what is sent; called again for each attempt.
        repeatable: it may be sent again after a failure.
        limit: the body is read with the head, at most so many bytes; None where it is a stream.
        what: what a 404 says is not there.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    body: Callable[[], bytes | Body] | None = None
    repeatable: bool = True
    limit: int | None = None
    what: str = "what was asked for"


class Client:
    """A registry.

    Attributes:
        endpoint: where it is.
        transport: connections to it.
        policy: how patient we are with it.
    """

    def __init__(
        self, endpoint: Endpoint, transport: Transport, signer: Signer, policy: retry.Policy, *, ca: str = ""
    ) -> None:
        self.endpoint = endpoint
        self.transport = transport
        self.policy = policy
        self._signer = signer
        self._ca = ca

    def send(self, call: Call, ok: Collection[int] = (200,)) -> Answer:
        """The answer to a request, of one of the statuses ``ok``.

        Raises:
            UnreachableError: the registry cannot be reached.
            DeniedError: 401, 403.
            NotFoundError: 404.
            RateLimitError: 429.
            RegistryError: anything else; also after all attempts.
        """
        attempt = 0
        while True:
            attempt += 1
            problem: Exception
            asked = None
            try:
                answer = self._led(call)
                if answer.status in ok:
                    if call.limit is not None:
                        answer.read(call.limit)
                    return answer
                asked = retry.retry_after(answer.header("Retry-After"), time.time())
                problem = self._problem(answer, call, asked or 0.0)
                again = retry.is_retried(answer.status, codes(answer.body))
            except BrokenOffError as error:
                problem, again = error, True
            seconds = None
            if again and call.repeatable and not self.transport.is_stopped:
                seconds = retry.pause(self.policy, attempt, asked=asked, chance=random.random())  # noqa: S311 - a pause
            if seconds is None:
                raise problem
            self.transport.wait(seconds)

    def elsewhere(self, call: Call, ok: Collection[int] = (200,)) -> Answer:
        """The answer to a request at another server; never with credentials.

        Raises:
            RegistryError: it is of another status than those ``ok``.
        """
        answer = self.transport.request(call.method, call.url, call.headers)
        if answer.status not in ok:
            raise self._problem(answer, call, 0.0)
        return answer

    def _led(self, call: Call) -> Answer:
        """The answer behind all redirects."""
        followed = _REDIRECTS if call.method in {"GET", "HEAD"} else _REDIRECTS_WITH_BODY
        url = call.url
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._signed(call, url)
            location = answer.header("Location")
            if answer.status not in followed or not location:
                return answer
            answer.excerpt()
            url = redirect.target(self.endpoint.origin, url, location, self.endpoint.redirect_hosts)
        raise RegistryError("a registry sends us from address to address without an end")

    def _signed(self, call: Call, url: str) -> Answer:
        """The answer at one URL; signed where that is the registry itself."""
        own = origins.of(url) == self.endpoint.origin
        header = self._signer.header(call.scopes) if own else ""
        answer = self._sent(call, url, header)
        if answer.status != _UNAUTHORIZED or not own:
            return answer
        answer.excerpt()
        renewed = self._signer.renewed(challenge.parse(answer.headers("WWW-Authenticate")), call.scopes, header)
        if not renewed:
            return answer
        return self._sent(call, url, renewed)

    def _sent(self, call: Call, url: str, header: str) -> Answer:
        headers = {**call.headers, **({"Authorization": header} if header else {})}
        body = call.body() if call.body is not None else None
        return self.transport.request(call.method, url, headers, body=body, ca=self._ca)

    def _problem(self, answer: Answer, call: Call, seconds: float) -> RegistryError | NotFoundError:
        """What a refusal means to the user."""
        body = answer.excerpt()
        detail, name, status = (
            message(answer.status, body, method=call.method, url=answer.url),
            self.endpoint.name,
            answer.status,
        )
        if status == _BAD_REQUEST and self.endpoint.insecure and _WANTS_TLS.search(body):
            hint = f'[registry."{name}"] in registries.toml: ca names the file of its certificates, or http = false'
            return RegistryError(
                f"{name} speaks TLS, and was asked by plain HTTP", status=status, hint=hint, detail=detail
            )
        if status == retry.TOO_MANY or "TOOMANYREQUESTS" in codes(body):
            return limited(name, detail, seconds)
        if status == _UNAUTHORIZED:
            return denied(name, status, detail, known=self._signer.is_known)
        if status == _FORBIDDEN:
            hint = f"sign in as somebody who may: %container login {name}"
            return DeniedError(f"{name} does not let you do that", status=status, hint=hint, detail=detail)
        if status == _MISSING:
            return NotFoundError(f"{name} does not have {call.what}", detail=detail)
        return RegistryError(f"{name} fails or is no registry", status=status, hint="try again later", detail=detail)


def limited(name: str, detail: str, seconds: float) -> RateLimitError:
    """The registry answers no more for a while."""
    if name == HUB:
        return RateLimitError(
            "Docker Hub's limit of pulls is reached: it counts them by user, or by address for those who are not signed in",
            seconds=seconds,
            hint=(
                "wait some hours, sign in with %container login, or name a mirror in registries.toml:"
                ' [registry."docker.io"] mirrors = ["…"]'
            ),
            detail=detail,
        )
    hint = "wait some minutes, or sign in with %container login"
    return RateLimitError(
        f"{name} answers no more for a while: too many requests", seconds=seconds, hint=hint, detail=detail
    )
