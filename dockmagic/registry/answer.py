"""What a registry's refusal says: the error body of the distribution specification, or whatever else came. Pure."""

from __future__ import annotations

import http
import json
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_SHOWN = 500
# What else stands behind a ? may be a signature or a token.
_HARMLESS = frozenset({"scope", "service", "mount", "from", "digest", "n", "last"})


def redacted(url: str) -> str:
    """A URL that may be shown: without a user's name, and without the values of parameters that may be secrets."""
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return "(no URL)"
    query = urlencode([(key, value if key in _HARMLESS else "REDACTED") for key, value in pairs])
    return urlunsplit(parts._replace(query=query, netloc=parts.netloc.rpartition("@")[2], fragment=""))


def message(status: int, body: bytes, *, method: str = "", url: str = "") -> str:
    """One line of what was refused and why, for an error's detail.

    Args:
        status: the HTTP status.
        body: the beginning of the answer's body.
        method: of the request, "" to leave it out.
        url: of the request.
    """
    said = _said(status, body, method)
    return f"{method} {redacted(url)}: {said}" if method else said


def codes(body: bytes) -> tuple[str, ...]:
    """The error codes in a body, e.g. ``("MANIFEST_UNKNOWN",)``."""
    return tuple(str(error["code"]) for error in _errors(body) if isinstance(error.get("code"), str))


def _said(status: int, body: bytes, method: str) -> str:
    errors = _errors(body)
    if len(errors) == 1:
        return _diagnostic(errors[0])
    if errors:
        return f"multiple errors returned: {'; '.join(_diagnostic(error) for error in errors)}"[:_SHOWN]
    head = f"unexpected status code {status} {_phrase(status)}".rstrip()
    text = printable(body)
    if text:
        return f"{head}: {text}"
    return f"{head} (HEAD responses have no body, use GET for details)" if method == "HEAD" else head


def _errors(body: bytes) -> list[dict[str, Any]]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return []
    errors = found.get("errors") if isinstance(found, dict) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _diagnostic(error: dict[str, Any]) -> str:
    text = f"{error.get('code', '')}: {error.get('message', '')}"
    if error.get("detail") is not None:
        detail = error["detail"]
        text += f"; {detail if isinstance(detail, str) else json.dumps(detail)}"
    return printable(text.encode("utf-8", "replace"))


def printable(data: bytes) -> str:
    """Text of a stranger, short and without control characters."""
    text = data.decode("utf-8", "replace").strip()[:_SHOWN]
    return "".join(character if character.isprintable() else " " for character in text)


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""
