"""What ``-p``, ``-P`` and ``--expose`` say, by docker's grammar, and the ports that a container has in the end. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from dockmagic.errors import UsageError
from dockmagic.sandbox.spec import Port

LOOPBACK = "127.0.0.1"
_LARGEST = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A port of a container that is reached through one of this machine.

    Attributes:
        container: its number there.
        protocol: ``"tcp"`` or ``"udp"``.
        address: of this machine.
        port: its number there.
    """

    container: int
    protocol: str
    address: str
    port: int

    @property
    def host(self) -> str:
        """``127.0.0.1:8080``, ``[::1]:8080``."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def published(text: str) -> tuple[Port, ...]:
    """``[ADDRESS:][HOST]:CONTAINER[/PROTOCOL]``, with ranges ``8000-8010``; without an address on this machine's loopback only.

    Raises:
        UsageError: it is none.
    """
    outside, colon, inside = text.rpartition(":")
    address, _, host = outside.rpartition(":")
    number, slash, protocol = inside.partition("/")
    first, last = _range(text, number)
    kind = _protocol(text, protocol if slash else "tcp")
    where = _address(text, address) if address else LOOPBACK
    if not (colon and host):
        return tuple(Port(container=port, address=where, protocol=kind) for port in range(first, last + 1))
    low, high = _range(text, host)
    if first == last:
        chosen = Port(container=first, address=where, host=low, last=high if high > low else 0, protocol=kind)
        return (chosen,)
    if high - low != last - first:
        raise UsageError(f'-p "{text}": the two ranges have different lengths', hint="-p 8000-8002:80-82")
    return tuple(
        Port(container=first + step, address=where, host=low + step, protocol=kind) for step in range(last - first + 1)
    )


def exposed(texts: Iterable[str]) -> tuple[Port, ...]:
    """A free port of the loopback for each ``PORT[-LAST][/PROTOCOL]`` of EXPOSE and ``--expose``; each once.

    Raises:
        UsageError: one is none.
    """
    found: dict[tuple[int, str], Port] = {}
    for text in texts:
        number, slash, protocol = text.partition("/")
        first, last = _range(text, number)
        kind = _protocol(text, protocol if slash else "tcp")
        found |= {(port, kind): Port(container=port, protocol=kind) for port in range(first, last + 1)}
    return tuple(found.values())


def as_json(ports: Sequence[Port]) -> list[dict[str, Any]]:
    """For a container's row."""
    return [asdict(port) for port in ports]


def stored(values: Iterable[Mapping[str, Any]]) -> tuple[Port, ...]:
    """What :func:`as_json` gave."""
    return tuple(Port(**value) for value in values)


def of_row(spec: Mapping[str, Any]) -> tuple[Published, ...]:
    """The ports that a container published when it started last."""
    return tuple(
        Published(container=port.container, protocol=port.protocol, address=port.address, port=port.host)
        for port in stored(spec.get("ports", ()))
    )


def _range(text: str, words: str) -> tuple[int, int]:
    first, dash, last = words.partition("-")
    found = [int(word) for word in ((first, last) if dash else (first, first)) if word.isascii() and word.isdigit()]
    if len(found) != 2 or not 1 <= found[0] <= found[1] <= _LARGEST:  # noqa: PLR2004 - a range has two ends
        raise UsageError(
            f'-p "{text}": "{words}" is no port', hint="[ADDRESS:][HOST]:CONTAINER[/udp], e.g. 8080:80 or 127.0.0.1::80"
        )
    return found[0], found[1]


def _protocol(text: str, word: str) -> Literal["tcp", "udp"]:
    match word.lower():
        case "tcp":
            return "tcp"
        case "udp":
            return "udp"
        case _:
            raise UsageError(f'-p "{text}": the protocol "{word}" cannot be published', hint="tcp or udp")


def _address(text: str, word: str) -> str:
    try:
        return str(ipaddress.ip_address(word.removeprefix("[").removesuffix("]")))
    except ValueError:
        raise UsageError(f'-p "{text}": "{word}" is no IP address', hint="127.0.0.1:8080:80; 0.0.0.0 is all") from None
