"""The process between the launch server and a container's first process: it starts it, watches it, ends it and says how it ended.

It runs as root of the outer user namespace, outside of the container's namespaces. It ends the container when its client hangs up, when the
launch server is gone, or when it is told to. Messages to the client: ``started``, ``wall``, ``refused``, ``owner`` (make the
volumes' mounts for this user), ``exit``. From the client: ``interrupt``, ``kill``, ``trees``.

Standard library only, and no ``typing``.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Callable

from dockmagic.sandbox import identity, wire
from dockmagic.sandbox.outlet import Outlet
from dockmagic.sandbox.ownership import Supervisor
from dockmagic.sandbox.watch import Watch
from dockmagic.syscalls import namespaces

# How long a process that catches SIGINT may take to end.
GRACE = 2.0
# How often it is looked at meanwhile.
LOOK = 0.05
_HANGUP = select.POLLHUP | select.POLLERR


class Monitor:
    """The watch over one process.

    Args:
        channel: to the client.
        status: to the process until its execve.
        life: descriptor that hangs up when the launch server is gone, or -1.
        pid: of the process, our child.
        namespace: the identity of its pid namespace.
        joined: it was added to a container, so its fate is its session's, not the whole pid namespace's.
        make_supervisor: takes a listener, the owner that files have by default, and ids of mounts besides the root in which owners are
            recorded, and gives a supervisor.
        watch: over its limits.
    """

    __slots__ = (
        "_birth",
        "_channel",
        "_deadline",
        "_end",
        "_handlers",
        "_joined",
        "_limit",
        "_look_at",
        "_made",
        "_make_supervisor",
        "_namespace",
        "_notes",
        "_outlet",
        "_pid",
        "_pidfd",
        "_poll",
        "_program",
        "_started",
        "_status",
        "_stopped",
        "_supervisor",
        "_told",
        "_user",
        "_volumes",
        "_waits_for_network",
        "_watcher",
    )

    def __init__(
        self,
        channel: socket.socket,
        status: socket.socket,
        life: int,
        pid: int,
        namespace: tuple[int, int],
        *,
        joined: bool,
        make_supervisor: Callable[[int, tuple[int, int], list[int]], Supervisor],
        watch: Watch,
    ) -> None:
        self._watcher = watch
        self._limit = ""
        self._look_at = 0.0
        self._channel = channel
        self._status = status
        self._pid = pid
        self._pidfd = os.pidfd_open(pid)
        self._birth = identity.birth(pid)
        self._namespace = namespace
        self._joined = joined
        self._make_supervisor = make_supervisor
        self._supervisor: Supervisor | None = None
        self._deadline: float | None = None
        self._started = False
        self._stopped = False
        self._end = -1
        self._told: dict[str, object] = {}
        self._user = [0, 0]
        self._made: list[str] = []
        self._volumes: list[int] = []
        self._notes: list[str] = []
        self._outlet: Outlet | None = None
        self._program = ""
        self._waits_for_network = False
        self._poll = select.poll()
        self._handlers: dict[int, Callable[[], None]] = {}
        self._watch(channel.fileno(), self._hear_client)
        self._watch(status.fileno(), self._hear_process)
        self._watch(self._pidfd, self._reap)
        if life >= 0:
            self._watch(life, self.kill)

    def connect(self, outlet: Outlet) -> None:
        """Hear a private network's way out; the process waits for it."""
        self._outlet = outlet
        self._watch(outlet.fileno(), self._hear_outlet)

    def run(self, tidy: Callable[[list[str]], None] | None = None) -> None:
        """Stay until the process has ended and the client knows.

        Args:
            tidy: called just before that, with the mount points that were made.
        """
        while self._end < 0:
            self._turn()
        while self._status.fileno() in self._handlers:  # what it said before it ended
            self._hear_process()
        self._limit = self._limit or self._watcher.last()
        if tidy is not None:
            tidy(self._made)
        self._tell(self._exit())

    def kill(self) -> None:
        """SIGKILL; with a container's first process all others go."""
        self._stopped = True
        if self._joined:
            self._signal_session(signal.SIGKILL)
        try:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        except ProcessLookupError:
            return

    def interrupt(self) -> None:
        """SIGINT for all; a first process without a handler, which the kernel would spare, and what is left after GRACE get SIGKILL."""
        if not self._started or self._is_deaf():
            self.kill()
            return
        if self._joined:
            self._signal_session(signal.SIGINT)
        else:
            identity.send_to(signal.SIGINT, identity.in_namespace(self._namespace))
        if self._deadline is None:
            self._deadline = time.monotonic() + GRACE

    def _signal_session(self, number: int) -> None:
        if self._started:
            identity.send_to(number, identity.in_session(self._pid, self._namespace))

    def _watch(self, descriptor: int, handler: Callable[[], None]) -> None:
        self._handlers[descriptor] = handler
        self._poll.register(descriptor, select.POLLIN)

    def _forget(self, descriptor: int) -> None:
        if self._handlers.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def _turn(self) -> None:
        pauses = [pause for pause in (self._watcher.pause, LOOK if self._deadline is not None else None) if pause]
        ready = self._poll.poll(min(pauses) * 1000 if pauses else None)
        for descriptor, _ in ready:
            if descriptor in self._handlers:
                self._handlers[descriptor]()
        if self._deadline is not None and self._end < 0 and (time.monotonic() >= self._deadline or self._is_deaf()):
            self._deadline = None
            self.kill()
        if self._end < 0 and not self._limit and time.monotonic() >= self._look_at:
            self._look()

    def _look(self) -> None:
        """A limit that was met ends the container."""
        self._limit = self._watcher.look()
        if self._limit:
            self.kill()
        self._look_at = time.monotonic() + (self._watcher.pause or 0)

    def _is_deaf(self) -> bool:
        """It has no handler: also one that had, when the signal was sent, and has become another program since."""
        return not self._joined and not identity.catches(self._pid, signal.SIGINT)

    def _hear_client(self) -> None:
        try:
            heard = wire.receive(self._channel)
        except OSError:
            heard = None
        if heard is None:
            self._forget(self._channel.fileno())
            self.kill()
            return
        message, descriptors = heard
        if "trees" in message:
            wire.send(self._status, {"trees": True}, descriptors)
        elif message.get("do") == "interrupt":
            self.interrupt()
        else:
            self.kill()
        for descriptor in descriptors:
            os.close(descriptor)

    def _hear_process(self) -> None:
        """News from before the execve; the end of the channel is the execve."""
        try:
            heard = wire.receive(self._status)
        except OSError:
            heard = None
        if heard is None:
            self._forget(self._status.fileno())
            self._begin()
            return
        message, descriptors = heard
        if "listener" in message:
            self._supervise(descriptors[0])
        elif "owner" in message:
            self._ask_for_trees(*message["owner"])
        elif "network" in message:
            self._waits_for_network = True
            self._answer_network()
        elif "user" in message:
            self._user, self._notes = message["user"], [*self._notes, *message["notes"]]
            self._made, self._volumes = message.get("made", []), message.get("volumes", [])
        else:
            self._told |= message

    def _hear_outlet(self) -> None:
        """Ready, failed, or ended while the container goes on."""
        outlet = self._outlet
        heard = outlet.hear() if outlet is not None else None
        if heard is not None and "ready" in heard:
            self._program = str(heard["ready"])
            self._answer_network()
            return
        if outlet is not None:
            self._forget(outlet.fileno())
        if self._program:
            self._notes.append(f"{self._program} ended before the container did, which had no network then")
            return
        self._told |= heard or {"wall": ["private network", 0, "its program ended", ""]}
        self.kill()

    def _answer_network(self) -> None:
        if self._program and self._waits_for_network:
            self._waits_for_network = False
            wire.send(self._status, {"network": self._program})

    def _begin(self) -> None:
        if "wall" not in self._told and "refused" not in self._told:
            self._started = True
            executed = "not_started" not in self._told
            self._tell({"started": [self._pid, self._birth], "network": self._program, "executed": executed})

    def _supervise(self, listener: int) -> None:
        uid, gid = self._user
        supervisor = self._make_supervisor(listener, (uid, gid), self._volumes)
        self._supervisor = supervisor

        def handle() -> None:
            # A listener that has hung up would be "ready" for ever.
            if any(event & _HANGUP and not event & select.POLLIN for fd, event in self._poll.poll(0) if fd == listener):
                self._forget(listener)
            else:
                supervisor.handle()

        self._watch(listener, handle)

    def _ask_for_trees(self, uid: int, gid: int) -> None:
        namespace = mapped_namespace(uid, gid)
        self._tell({"owner": [uid, gid]}, [namespace])
        os.close(namespace)

    def _reap(self) -> None:
        self._forget(self._pidfd)
        self._end = os.waitpid(self._pid, 0)[1]

    def _exit(self) -> dict[str, object]:
        for kind in ("wall", "refused"):
            if kind in self._told:
                return {kind: self._told[kind]}
        signalled = os.WTERMSIG(self._end) if os.WIFSIGNALED(self._end) else 0
        found: dict[str, object] = {
            "code": 128 + signalled if signalled else os.WEXITSTATUS(self._end),
            "signalled": signalled,
            "not_started": "not_started" in self._told,
            # Nobody inside can send SIGKILL to a first process; what was added dies with it.
            "killed": signalled == signal.SIGKILL and (self._stopped or not self._joined),
            "stopped": self._limit,
            "limits": self._watcher.by(),
            "owners": self._supervisor.owners() if self._supervisor else {},
            "user": self._user,
            "notes": self._notes,
        }
        return {"exit": found}

    def _tell(self, message: dict[str, object], descriptors: tuple[int, ...] | list[int] = ()) -> None:
        try:
            wire.send(self._channel, message, descriptors)
        except OSError:  # the client is gone; hearing it will end the container
            return


def mapped_namespace(uid: int, gid: int) -> int:
    """A descriptor of a user namespace that calls ``uid`` and ``gid`` of ours 0; for an idmapped mount."""
    gate, held = os.pipe()
    child = namespaces.clone(namespaces.NEWUSER)
    if child == 0:
        os.close(held)
        os.read(gate, 1)
        os._exit(0)
    os.close(gate)
    try:
        write_map(child, f"0 {uid} 1\n", f"0 {gid} 1\n")
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY)
    finally:
        os.close(held)
        os.waitpid(child, 0)


def write_map(pid: int, uid_map: str, gid_map: str) -> None:
    """Give the user namespace of a child its ids; user_namespaces(7)."""
    for name, text in (("uid_map", uid_map), ("gid_map", gid_map)):
        descriptor = os.open(f"/proc/{pid}/{name}", os.O_WRONLY)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)
