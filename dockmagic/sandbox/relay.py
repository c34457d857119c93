"""Published ports: what comes in at sockets of the host goes on to the container's address, and back.

The sockets were bound by the client, in the host's network namespace and with the user's rights; this process has them, is itself in the container's
network namespace, and so needs nobody's help to connect there. It has no capability, and it ends with its monitor.

Standard library only, and no ``typing``; runs in a fork of the launch server.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from errno import EINPROGRESS

from dockmagic.sandbox import names
from dockmagic.sandbox.confine import be_first_victim, keep_only
from dockmagic.syscalls import namespaces, privileges

_CHUNK = 1 << 16
# Connections at once; what is more waits in the host's queue. Partners of one UDP port at once, and seconds of silence after which one is forgotten.
_MOST_PAIRS, _MOST_PARTNERS, _SILENCE = 400, 256, 60.0


def start(listeners: list[tuple[int, str, int]], pid: int) -> Callable[[], None]:
    """Fork the relay.

    Args:
        listeners: (descriptor of a bound socket, ``"tcp"`` or ``"udp"``, port of the container).
        pid: a process in the container's namespaces, our child.

    Returns:
        What ends it, and returns when it has ended.
    """
    gate, held = os.pipe()
    child = os.fork()
    if child == 0:
        _serve(listeners, pid, gate)
    os.close(gate)
    pidfd = os.pidfd_open(child)

    def end() -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.close(pidfd)
        os.close(held)
        os.waitpid(child, 0)

    return end


def _serve(listeners: list[tuple[int, str, int]], pid: int, gate: int) -> None:
    """Never returns."""
    try:
        user, net = (os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in ("user", "net"))
        namespaces.setns(user, namespaces.NEWUSER)
        namespaces.setns(net, namespaces.NEWNET)
        keep_only([gate, *(descriptor for descriptor, _, _ in listeners)])
        be_first_victim()
        os.setsid()
        privileges.set_no_new_privileges()
        privileges.limit_bounding_set(0)
        privileges.set_capabilities(0)
        privileges.set_dumpable(0)
        privileges.set_parent_death_signal(signal.SIGKILL)
        Relay(listeners, gate).run()
    finally:
        os._exit(0)


class Relay:
    """The loop.

    Args:
        listeners: as of :func:`start`.
        gate: the relay ends when it hangs up.
        target: the container's address.
    """

    def __init__(self, listeners: list[tuple[int, str, int]], gate: int, target: str = names.ADDRESS) -> None:
        self._poll = select.epoll()
        self._gate = gate
        self._target = target
        self._handlers: dict[int, _Entry | _Pair | _Datagrams] = {}
        self._gone: set[int] = set()
        self._pairs = 0
        self._waiting: list[int] = []
        self._poll.register(gate, select.EPOLLIN)
        for descriptor, protocol, port in listeners:
            bound = socket.socket(fileno=descriptor)
            bound.settimeout(0)
            self._handlers[descriptor] = (
                _Entry(self, bound, port) if protocol == "tcp" else _Datagrams(self, bound, port)
            )
            self._poll.register(descriptor, select.EPOLLIN)

    def run(self) -> None:
        """Until the gate hangs up."""
        while True:
            self._gone.clear()
            for descriptor, events in self._poll.poll():
                if descriptor == self._gate:
                    return
                # What was closed since may be another socket's number by now.
                if descriptor not in self._gone:
                    self._handlers[descriptor].ready(descriptor, events)

    def address(self, port: int) -> tuple[str, int]:
        """Where the container listens."""
        return self._target, port

    def watch(self, descriptor: int, handler: _Pair | _Datagrams, events: int) -> None:
        """Wait for events of a descriptor."""
        if descriptor in self._handlers:
            self._poll.modify(descriptor, events)
        else:
            self._handlers[descriptor] = handler
            self._poll.register(descriptor, events)

    def forget(self, descriptor: int) -> None:
        """Wait no more."""
        if self._handlers.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)
            self._gone.add(descriptor)

    def opened(self, entry: int) -> None:
        """One more connection; too many close the entries for a while."""
        self._pairs += 1
        if self._pairs >= _MOST_PAIRS and entry not in self._waiting:
            self._waiting.append(entry)
            self._poll.modify(entry, 0)

    def closed(self) -> None:
        """One connection less."""
        self._pairs -= 1
        for entry in self._waiting:
            self._poll.modify(entry, select.EPOLLIN)
        self._waiting.clear()


class _Entry:
    """A listening socket."""

    def __init__(self, relay: Relay, bound: socket.socket, port: int) -> None:
        self._relay = relay
        self._bound = bound
        self._port = port

    def ready(self, descriptor: int, events: int) -> None:
        del events
        try:
            outside, _ = self._bound.accept()
        except OSError:
            return
        inside = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        inside.settimeout(0)
        outside.settimeout(0)
        if inside.connect_ex(self._relay.address(self._port)) not in {0, EINPROGRESS}:
            inside.close()
            outside.close()
            return
        self._relay.opened(descriptor)
        _Pair(self._relay, outside, inside)


class _Pair:
    """Two connected sockets: what one says the other hears; also that there will be no more."""

    def __init__(self, relay: Relay, outside: socket.socket, inside: socket.socket) -> None:
        self._relay = relay
        self._other = {outside.fileno(): inside, inside.fileno(): outside}
        self._own = {outside.fileno(): outside, inside.fileno(): inside}
        self._kept = {outside.fileno(): bytearray(), inside.fileno(): bytearray()}
        self._said_all = {outside.fileno(): False, inside.fileno(): False}
        self._shut = {outside.fileno(): False, inside.fileno(): False}
        self._inside = inside.fileno()
        self._connected = False
        relay.watch(self._inside, self, select.EPOLLOUT)

    def ready(self, descriptor: int, events: int) -> None:
        try:
            if not self._connected:
                self._connect()
            else:
                self._move(descriptor, events)
        except OSError:
            self._close()

    def _connect(self) -> None:
        errno = self._own[self._inside].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if errno:
            raise OSError(errno, "nothing listens in the container")
        self._connected = True
        for descriptor in self._own:
            self._watch(descriptor)

    def _move(self, descriptor: int, events: int) -> None:
        if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR) and not self._kept[descriptor]:
            with suppress(BlockingIOError):
                data = self._own[descriptor].recv(_CHUNK)
                self._kept[descriptor] += data
                self._said_all[descriptor] = not data
        for source in self._own:
            self._pass_on(source)
        if all(self._shut.values()):
            self._close()
            return
        for each in self._own:
            self._watch(each)

    def _pass_on(self, source: int) -> None:
        kept, other = self._kept[source], self._other[source]
        if kept:
            with suppress(BlockingIOError):
                del kept[: other.send(kept)]
        if not kept and self._said_all[source] and not self._shut[source]:
            other.shutdown(socket.SHUT_WR)
            self._shut[source] = True

    def _watch(self, descriptor: int) -> None:
        """Hear what it says while there is room, and write what is left for it."""
        events = 0 if self._kept[descriptor] or self._said_all[descriptor] else select.EPOLLIN
        if self._kept[self._other[descriptor].fileno()]:
            events |= select.EPOLLOUT
        if events:
            self._relay.watch(descriptor, self, events)
        else:  # a socket that is over would be ready for ever
            self._relay.forget(descriptor)

    def _close(self) -> None:
        for descriptor, own in self._own.items():
            self._relay.forget(descriptor)
            own.close()
        self._relay.closed()


class _Datagrams:
    """A UDP socket; each partner outside has a socket inside, so that answers find the way back."""

    def __init__(self, relay: Relay, bound: socket.socket, port: int) -> None:
        self._relay = relay
        self._bound = bound
        self._port = port
        self._partners: dict[tuple[object, ...], tuple[socket.socket, float]] = {}
        self._addresses: dict[int, tuple[object, ...]] = {}

    def ready(self, descriptor: int, events: int) -> None:
        del events
        with suppress(OSError):
            if descriptor == self._bound.fileno():
                data, partner = self._bound.recvfrom(_CHUNK)
                self._inside(partner).send(data)
            else:
                partner = self._addresses[descriptor]
                data = self._partners[partner][0].recv(_CHUNK)
                self._partners[partner] = (self._partners[partner][0], time.monotonic())
                self._bound.sendto(data, partner)

    def _inside(self, partner: tuple[object, ...]) -> socket.socket:
        now = time.monotonic()
        if partner not in self._partners:
            self._make_room(now)
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            made.settimeout(0)
            made.connect(self._relay.address(self._port))
            self._addresses[made.fileno()] = partner
            self._relay.watch(made.fileno(), self, select.EPOLLIN)
        else:
            made = self._partners[partner][0]
        self._partners[partner] = (made, now)
        return made

    def _make_room(self, now: float) -> None:
        """Forget who has been silent for long; and if there are still too many, whoever has been for the longest time."""
        silent = [partner for partner, (_, last) in self._partners.items() if now - last > _SILENCE]
        if not silent and len(self._partners) >= _MOST_PARTNERS:
            silent = [min(self._partners, key=lambda partner: self._partners[partner][1])]
        for partner in silent:
            gone, _ = self._partners.pop(partner)
            self._relay.forget(gone.fileno())
            del self._addresses[gone.fileno()]
            gone.close()
