"""Where a URL leads: scheme, host and port; and which hosts nobody may send us to. RFC 3986, RFC 6454. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from dockmagic.errors import RegistryError

_PORTS = {"http": 80, "https": 443}
_CONTROLS = frozenset({*range(0x20), 0x7F})


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A server as the same-origin rule sees it.

    Attributes:
        scheme: ``"http"`` or ``"https"``.
        host: in lower case; an IPv6 address without its brackets.
        port: as said, or the scheme's own.
    """

    scheme: str
    host: str
    port: int

    @property
    def address(self) -> str:
        """``host:port``, always with the port."""
        return f"{bracketed(self.host)}:{self.port}"

    @property
    def netloc(self) -> str:
        """``host``, with the port where it is not the scheme's own."""
        return bracketed(self.host) if self.port == _PORTS[self.scheme] else self.address

    @property
    def url(self) -> str:
        """``scheme://netloc``."""
        return f"{self.scheme}://{self.netloc}"


def of(url: str) -> Origin:
    """The origin of an absolute http or https URL.

    Raises:
        RegistryError: it is no such URL, or it has a user's name in it.
    """
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError:
        raise _bad(url) from None
    strange = parts.username is not None or any(character.isspace() or ord(character) in _CONTROLS for character in url)
    if scheme not in _PORTS or not host or strange:
        raise _bad(url)
    return Origin(scheme=scheme, host=host, port=_PORTS[scheme] if port is None else port)


def _bad(url: str) -> RegistryError:
    scheme = url.partition(":")[0][:20]
    return RegistryError("a registry names an address that is no http or https URL", detail=f"its scheme: {scheme!r}")


def bracketed(host: str) -> str:
    """A host as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Whether a host's name or address means this machine."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and address.is_loopback


def is_reserved(host: str) -> bool:
    """Whether an address is of this machine, a private network, the link, or nobody: where no stranger may send us.

    Names are not resolved; only addresses, and the names of this machine, are known.
    """
    name = host.strip("[]").rstrip(".").lower()
    address = _address(name)
    if address is None:
        return is_loopback(name)
    return not address.is_global or address.is_multicast


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return _legacy(name)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _legacy(name: str) -> ipaddress.IPv4Address | None:
    """Other spellings that resolvers take for an IPv4 address, see inet_aton(3): ``127.1``, ``0x7f.1``, ``2130706433``."""
    parts = name.split(".")
    if len(parts) > 4:  # noqa: PLR2004 - of an IPv4 address
        return None
    try:
        numbers = [int(part, 16 if part.startswith("0x") else 8 if part.startswith("0") and part != "0" else 10)
                   for part in parts]  # fmt: skip
    except ValueError:
        return None
    *heads, last = numbers
    if any(not 0 <= head <= 0xFF for head in heads) or not 0 <= last < 1 << 8 * (4 - len(heads)):  # noqa: PLR2004 - bytes
        return None
    value = last
    for place, head in enumerate(heads):
        value |= head << 8 * (3 - place)
    return ipaddress.IPv4Address(value)
