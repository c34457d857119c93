"""The ``WWW-Authenticate`` header; RFC 9110, section 11, and the token specification of distribution. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110's word for a word
_SCHEME = re.compile(rf"\s*({_TOKEN})(?=[\s,]|$)\s*")
_PARAMETER = re.compile(rf"\s*({_TOKEN})\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]*))\s*", re.DOTALL)
_COMMA = re.compile(r"\s*,\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One way to sign in that a server offers.

    Attributes:
        scheme: in lower case: ``"basic"``, ``"bearer"``.
        parameters: by name in lower case: ``realm``, ``service``, ``scope``, ``error``.
    """

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Every challenge of the headers, in order; what cannot be read ends its header."""
    return tuple(challenge for header in headers for challenge in _parse(header))


def _parse(header: str) -> Iterable[Challenge]:
    position = 0
    while (found := _SCHEME.match(header, position)) is not None:
        parameters: dict[str, str] = {}
        position = found.end()
        while (parameter := _PARAMETER.match(header, position)) is not None:
            name, quoted, plain = parameter.groups()
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
            parameters.setdefault(name.lower(), value)
            position = parameter.end()
            comma = _COMMA.match(header, position)
            if comma is None:
                break
            position = comma.end()
        yield Challenge(scheme=found.group(1).lower(), parameters=parameters)
        comma = _COMMA.match(header, position)
        position = comma.end() if comma is not None else position
