"""Which proxy a server is asked through: ``https_proxy``, ``http_proxy``, ``all_proxy`` and ``no_proxy``, as curl reads them."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from dockmagic.errors import UsageError
from dockmagic.registry import origin as origins
from dockmagic.registry.origin import Origin


def of(there: Origin) -> str:
    """The proxy's URL for a server, "" for none; this machine is never asked through one.

    Raises:
        UsageError: it is of a kind that is not supported.
    """
    if origins.is_loopback(there.host) or _bypassed(there):
        return ""
    known = urllib.request.getproxies_environment()
    found = known.get(there.scheme) or known.get("all") or ""
    if found and "://" not in found:
        found = f"http://{found}"
    if found and urlsplit(found).scheme not in {"http", "https"}:
        raise UsageError("a proxy of this kind is not supported", hint="use one of http:// or https://")
    return found


def _bypassed(there: Origin) -> bool:
    """Whether ``no_proxy`` names a server; the standard library's reading, which is the one of every tool in Python."""
    bypass: Callable[[str], bool] = urllib.request.proxy_bypass_environment  # type: ignore[attr-defined]
    return bool(bypass(there.netloc))


def credentials(url: str) -> str:
    """``user:password`` of a proxy's URL, "" for none."""
    parts = urlsplit(url)
    if parts.username is None:
        return ""
    return f"{unquote(parts.username)}:{unquote(parts.password or '')}"
