"""What a container's network is made of, found and opened by the client with the user's rights: see ``plan.Wiring``."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from dockmagic.errors import ConflictError, IsolationError, NotFoundError, UsageError
from dockmagic.sandbox import identity, wire
from dockmagic.sandbox.ids import Scheme
from dockmagic.sandbox.spec import Port, Spec
from dockmagic.syscalls import mounts

# What one message of the launcher can hold, less its other descriptors.
MOST_PORTS = wire.MAX_DESCRIPTORS - 20
_PACKAGES = {"pasta": "passt", "slirp4netns": "slirp4netns"}
_TUN = os.makedev(10, 200)  # linux/miscdevice.h
# Both give root of the container's namespace a way around the routes that keep the host's loopback out of reach.
_TOO_MUCH = ("NET_ADMIN", "NET_RAW")
_FIRST_FREE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Wires:
    """Descriptors for the launch server, and what they are.

    Attributes:
        message: for ``plan.Wiring``.
        descriptors: in its order; the opener's to close.
        ports: what is published, with the true ports of the host.
    """

    message: dict[str, Any] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()
    ports: tuple[Port, ...] = ()


@contextmanager
def wires(spec: Spec, scheme: Scheme) -> Iterator[Wires]:
    """Open what the spec's network needs.

    Raises:
        IsolationError: no program is there that could connect a private network.
        UsageError: a port that this user may not have, or a capability that would undo the network's walls.
        ConflictError: a port is taken.
        NotFoundError: the container whose network is to be shared has ended.
    """
    with ExitStack() as stack:
        if spec.peer is not None:
            peer = _network_of(*spec.peer)
            stack.callback(os.close, peer)
            yield Wires(message={"peer": True}, descriptors=(peer,))
            return
        if spec.network != "private":
            yield Wires()
            return
        found = programs(spec.programs)
        _check_capabilities(spec.capabilities)
        tun = _device(scheme) if scheme.kind == "root" else -1
        if tun >= 0:
            stack.callback(os.close, tun)
        bound = [stack.enter_context(_bound(port)) for port in _counted(spec.ports)]
        taken = tuple(
            replace(port, host=sock.getsockname()[1], last=0) for port, sock in zip(spec.ports, bound, strict=True)
        )
        message = {
            "programs": found,
            "tun": tun >= 0,
            "ports": [(port.protocol, port.container) for port in spec.ports],
        }
        descriptors = (*([tun] if tun >= 0 else []), *(sock.fileno() for sock in bound))
        yield Wires(message=message, descriptors=descriptors, ports=taken)


def programs(names: Sequence[str]) -> list[tuple[str, str]]:
    """(name, path) of those that are installed, in that order.

    Raises:
        IsolationError: none is.
    """
    found = [(name, path) for name in names if (path := shutil.which(name))]
    if found:
        return found
    packages = " or ".join(_PACKAGES[name] for name in names)
    raise IsolationError(
        f"a private network needs {' or '.join(names)}, which is not installed",
        operation=" or ".join(names),
        errno=errno.ENOENT,
        hint=f"install the package {packages}; --network none and --network host need nothing",
    )


def _check_capabilities(names: Sequence[str]) -> None:
    for name in _TOO_MUCH:
        if name in names:
            raise UsageError(
                f"--cap-add {name} cannot be used with a private network: it could reach this machine's loopback",
                hint="--network none has a network of its own in which it can be used",
            )


def _network_of(pid: int, birth: int) -> int:
    """A descriptor of a process's network namespace."""
    pidfd = identity.open_process(pid, birth)
    if pidfd is None:
        raise NotFoundError("the container whose network is to be shared has ended", hint="start it again")
    try:
        return os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise IsolationError(
            "the network of the other container cannot be entered",
            operation="open(/proc/PID/ns/net)",
            errno=error.errno or 0,
        ) from error
    finally:
        os.close(pidfd)


def _device(scheme: Scheme) -> int:
    """A detached file system with the device that the programs need, the scheme's root's own; -1 where none can be made.

    Root of the scheme is not root of the machine, whose device it may not be allowed to open.
    """
    with suppress(OSError):
        made = mounts.new_mount("tmpfs", {"mode": "0755", "size": "4k"}, mounts.NOSUID | mounts.NOEXEC)
        try:
            os.mknod("tun", stat.S_IFCHR | 0o600, _TUN, dir_fd=made)
            os.chown("tun", *scheme.owner, dir_fd=made)
        except OSError:
            os.close(made)
            raise
        return made
    return -1


def _counted(ports: Sequence[Port]) -> Sequence[Port]:
    if len(ports) > MOST_PORTS:
        raise UsageError(f"-p: more than {MOST_PORTS} ports", hint="publish a smaller range")
    return ports


@contextmanager
def _bound(port: Port) -> Iterator[socket.socket]:
    """A socket that is bound, and listens if it is of TCP; of a range the first port that is free."""
    kind = socket.SOCK_STREAM if port.protocol == "tcp" else socket.SOCK_DGRAM
    family = socket.AF_INET6 if ":" in port.address else socket.AF_INET
    with socket.socket(family, kind | socket.SOCK_CLOEXEC) as made:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for number in range(port.host, max(port.host, port.last) + 1):
            try:
                made.bind((port.address, number))
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE or number >= max(port.host, port.last):
                    raise _refused(port, error) from error
        if kind == socket.SOCK_STREAM:
            made.listen(128)
        yield made


def _refused(port: Port, error: OSError) -> Exception:
    shown = f"{port.host}-{port.last}" if port.last else str(port.host)
    where = f"-p: port {shown}/{port.protocol} of {port.address}"
    inside = f"{port.container}{'/udp' if port.protocol == 'udp' else ''}"
    match error.errno:
        case errno.EADDRINUSE:
            hint = f"name another, or leave it out for one that is free: -p {inside}"
            return ConflictError(f"{where} is in use", hint=hint)
        case errno.EACCES:
            hint = f"take one from {_FIRST_FREE} up: -p {_FIRST_FREE * 8 + port.host % 1000}:{inside}"
            return UsageError(f"{where} is root's", hint=hint)
        case errno.EADDRNOTAVAIL:
            return UsageError(f"{where}: this machine has no such address", hint="0.0.0.0 is all of them")
        case _:
            return UsageError(f"{where} cannot be had: {error.strerror or error}")
