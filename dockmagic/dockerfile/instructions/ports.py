"""What EXPOSE's words mean.

The grammar is that of ``docker run --publish``, ``[[ip:]host:]container[-last][/protocol]``: Docker accepts it in
EXPOSE and takes the container's ports from it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from dockmagic.dockerfile.instructions.quantities import parse_number
from dockmagic.dockerfile.quoting import quote
from dockmagic.errors import DockerfileError

MAX_PORT = 65_535
PROTOCOLS = ("tcp", "udp", "sctp")
# Each protocol's every port, some times over: what more a file asks for is no image but an attack.
_MAX_WORK = 1_000_000


def exposed_ports(specs: Iterable[str]) -> tuple[str, ...]:
    """``port/protocol`` of every port of ``specs``, each once, in order.

    Raises:
        DockerfileError: without location. No port, port range, address or protocol.
    """
    ports: dict[str, None] = {}
    work = 0
    for spec in specs:
        first, last, protocol = _parse(spec)
        work += last - first + 1
        if work > _MAX_WORK:
            raise DockerfileError("too many ports")
        ports |= dict.fromkeys(f"{port}/{protocol}" for port in range(first, last + 1))
    return tuple(ports)


def _parse(spec: str) -> tuple[int, int, str]:
    *outside, container = spec.split(":")
    port, _, protocol = container.partition("/")
    if not port:
        raise DockerfileError(f"invalid port: {quote(spec)}: no port specified")
    if protocol and protocol.lower() not in PROTOCOLS:
        raise DockerfileError(f"invalid port: {quote(spec)}: invalid proto: {protocol}")
    _check_address(":".join(outside[:-1]))
    bounds = _range(port)
    if bounds is None:
        raise DockerfileError(f"invalid containerPort: {port}")
    _check_host(outside[-1] if outside else "", port, bounds)
    return (*bounds, protocol.lower() or "tcp")


def _check_address(address: str) -> None:
    bare = address
    if address.startswith("["):
        if not address.endswith("]"):
            raise DockerfileError(f"invalid IP address: {address}")
        bare = address[1:-1]
    if not address:
        return
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        raise DockerfileError(f"invalid IP address: {bare}") from None


def _check_host(host: str, port: str, bounds: tuple[int, int]) -> None:
    if not host:
        return
    host_bounds = _range(host)
    if host_bounds is None:
        raise DockerfileError(f"invalid hostPort: {host}")
    length, host_length = bounds[1] - bounds[0], host_bounds[1] - host_bounds[0]
    # A range of host ports for one container port is a range to choose from.
    if length not in {0, host_length}:
        raise DockerfileError(f"invalid ranges specified for container and host Ports: {port} and {host}")


def _range(text: str) -> tuple[int, int] | None:
    first, dash, last = text.partition("-")
    start = parse_number(first)
    end = parse_number(last) if dash else start
    if start is None or end is None or not start <= end <= MAX_PORT:
        return None
    return start, end
