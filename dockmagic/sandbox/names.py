"""What names mean in a container: the text of its /etc/hosts and /etc/resolv.conf for each kind of network. Pure.

Standard library only, and no ``typing``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# The world that a private network shows, the same on every machine and with either program (slirp4netns's own numbers).
NETWORK, LENGTH = "10.0.2.0", 24
ADDRESS, GATEWAY, RESOLVER = "10.0.2.100", "10.0.2.2", "10.0.2.3"
INTERFACE = "eth0"

# What a private network never reaches: the host's loopback (where a socket that is bound to the interface would send), and the addresses
# at which clouds tell a machine's secrets.
UNREACHABLE = (
    ("127.0.0.0", 8),
    ("169.254.0.0", 16),
    ("100.100.100.200", 32),
    ("168.63.129.16", 32),
    ("192.0.0.192", 32),
)

_LOOPBACK = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"


def hosts(network: str, hostname: str, host_text: str, added: Iterable[Sequence[str]]) -> str:
    """The content of /etc/hosts.

    Args:
        network: ``"none"``, ``"private"`` or ``"host"``.
        hostname: the container's.
        host_text: the host's own /etc/hosts, for ``"host"``.
        added: (address, name) of further lines.
    """
    text = (host_text or _LOOPBACK) if network == "host" else _LOOPBACK
    if network == "private":
        text += f"{ADDRESS}\t{hostname}\n"
    if text and not text.endswith("\n"):
        text += "\n"
    return text + "".join(f"{address}\t{name}\n" for address, name in added)


def resolver(
    network: str, host_text: str, servers: Sequence[str], search: Sequence[str], options: Sequence[str]
) -> str:
    """The content of /etc/resolv.conf; see resolv.conf(5).

    What is not given is the host's, but for the name server of a private network, which forwards to that of the host. Without a network
    there is what is given and nothing else.

    Args:
        network: ``"none"``, ``"private"`` or ``"host"``.
        host_text: the host's own /etc/resolv.conf.
        servers: addresses of name servers.
        search: domains; ``(".",)`` is none.
        options: as the file has them.
    """
    if network == "host" and not (servers or search or options):
        return host_text
    found = _parsed(host_text if network != "none" else "")
    if network == "private":
        found["nameserver"] = [RESOLVER]
    servers = servers or found["nameserver"]
    domains = [] if list(search) == ["."] else search or found["search"]
    options = options or found["options"]
    lines = [f"nameserver {address}" for address in servers]
    lines += [f"search {' '.join(domains)}"] if domains else []
    lines += [f"options {' '.join(options)}"] if options else []
    return "".join(f"{line}\n" for line in lines)


def _parsed(text: str) -> dict[str, list[str]]:
    """The words of the lines that count; of ``search`` the last line, of the others all."""
    found: dict[str, list[str]] = {"nameserver": [], "search": [], "options": []}
    for line in text.splitlines():
        keyword, *words = line.split() or [""]
        if keyword in {"search", "domain"}:
            found["search"] = [word for word in words if word != "."]
        elif keyword in found:
            found[keyword] += words
    return found
