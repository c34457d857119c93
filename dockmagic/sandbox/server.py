"""The launch server: a small process in the outer user namespace that forks a monitor for each container and a child for each job.

Started as ``python -I -S -c ...`` by ``sandbox.runtime``, with one thread, its own session, the scheme's root directory as working
directory, and one socket. It ends when that hangs up or when its client process is gone; its containers and jobs end with it.

Requests, each with descriptors:

- ``start``: contents of files, channel, stdin, stdout, stderr, what the network is made of -> a monitor, which talks on the channel.
- ``job``: reply socket, then the job's own -> the reply is a length (8 bytes, big endian) and as much JSON.
- ``cover``: put the containers' writable layers on a tmpfs.
- ``open``: a descriptor of a directory there, for who joins a container.

Standard library only, and no ``typing``.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from errno import ENOENT
from importlib import import_module

from dockmagic.sandbox import cgroups, fault, init, launch, sealed, seccomp, wire
from dockmagic.sandbox.confine import Profile, attempt, keep_only
from dockmagic.sandbox.plan import Plan, Wiring
from dockmagic.syscalls import mounts, namespaces, privileges

# Faster decompression for jobs, where it is installed.
_OPTIONAL = ("isal.igzip", "zstandard")
# A writable layer that no path leads to: the first descriptor of the job.
GIVEN = "given"
# How long a server that ends waits for its containers, in seconds, and how often it looks.
_PATIENCE, _LOOK = 5.0, 0.01


class Server:
    """The server's state and loop.

    Attributes:
        control: socket to the client.
        settings: ``single`` (bool), ``id_map`` (lines), ``trees`` (bool: the client makes volumes' mounts), ``groups``
            (``cgroups.prepare``).
    """

    def __init__(self, control: socket.socket, settings) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
        self.control = control
        self.settings = settings
        self._life, self._held = os.pipe()
        self._groups: list[tuple[int, cgroups.Group]] = []
        self._over: set[int] = set()
        self._started = 0
        self._programs: dict[object, bytes] = {}
        self._poll = select.poll()
        self._handlers: dict[int, Callable[[], None]] = {}

    def run(self, client: int) -> None:
        """Serve until the control socket or the client process ends; then the containers end, and their groups are removed."""
        try:
            self._listen(client)
        finally:
            os.close(self._held)  # for the monitors this server is gone
            self._clear()

    def _clear(self) -> None:
        end = time.monotonic() + _PATIENCE
        while self._groups and time.monotonic() < end:
            self._groups = [(owner, group) for owner, group in self._groups if not group.remove()]
            if self._groups:
                time.sleep(_LOOK)

    def _listen(self, client: int) -> None:
        for descriptor in (self.control.fileno(), client):
            self._poll.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor == client:
                    return
                if descriptor == self.control.fileno():
                    heard = wire.receive(self.control)
                    if heard is None:
                        return
                    self._serve(*heard)
                elif descriptor in self._handlers:
                    self._handlers[descriptor]()

    def _serve(self, message, descriptors: list[int]) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
        try:
            match message["do"]:
                case "start":
                    self._start(message, descriptors)
                case "job":
                    self._job(message, descriptors)
                case "cover":
                    attempt("tmpfs for the writable layers", _cover)
                    wire.send(self.control, {"covered": True})
                case "open":
                    found = os.open(message["path"], os.O_PATH | os.O_DIRECTORY)
                    wire.send(self.control, {"opened": True}, [found])
                    os.close(found)
                case unknown:
                    raise ValueError(unknown)  # noqa: TRY301 - told like any other failure
        except BaseException as error:  # noqa: BLE001 - told to whoever asked
            where = (
                socket.socket(fileno=os.dup(descriptors[1 if message["do"] == "start" else 0]))
                if descriptors
                else self.control
            )
            init.tell(where, error)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _start(self, message, descriptors: list[int]) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
        contents, channel, *rest = descriptors
        spec = message["spec"]
        trial = message.get("trial", False)
        self._started += 1
        group = cgroups.Group() if trial else cgroups.make(spec["limits"], self._started, self.settings["groups"])
        plan = Plan(
            spec,
            profile(spec, single=self.settings["single"], programs=self._programs),
            id_map=self.settings["id_map"],
            stdio=rest[:3],
            contents=contents,
            trees=self.settings["trees"],
            group=group,
            trial=trial,
            wiring=Wiring(message.get("wiring"), rest[3:]),
        )
        pid = os.fork()
        if pid == 0:
            launch.start(plan, socket.socket(fileno=channel), self._life)
        group.close()
        if group.directories:
            self._groups.append((pid, group))
        self._on_end(pid)

    def _job(self, message, descriptors: list[int]) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
        jobs = _jobs()
        reply, *own = descriptors
        pid = os.fork()
        if pid == 0:
            _work(jobs, message, reply, own, self.settings)
        watched = os.dup(reply)

        def hung_up() -> None:
            os.kill(pid, signal.SIGKILL)  # our child, which nobody has waited for yet
            self._poll.unregister(watched)
            del self._handlers[watched]

        self._handlers[watched] = hung_up
        self._poll.register(watched, 0)  # POLLHUP alone
        self._on_end(pid, watched)

    def _on_end(self, pid: int, watched: int = -1) -> None:
        """Wait for a child when it ends."""
        pidfd = os.pidfd_open(pid)

        def reap() -> None:
            self._poll.unregister(pidfd)
            del self._handlers[pidfd]
            os.close(pidfd)
            os.waitpid(pid, 0)
            self._ended(pid)
            # A group that is not empty yet is tried again with the next one.
            self._over |= {pid}
            self._groups = [
                (owner, group) for owner, group in self._groups if owner not in self._over or not group.remove()
            ]
            self._over &= {owner for owner, _ in self._groups}
            if watched >= 0:
                if self._handlers.pop(watched, None):
                    self._poll.unregister(watched)
                os.close(watched)

        self._handlers[pidfd] = reap
        self._poll.register(pidfd, select.POLLIN)

    def _ended(self, pid: int) -> None:
        """A child has ended, and has been waited for."""


def profile(spec, *, single: bool, programs: dict[object, bytes]) -> Profile:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
    """What the processes of a spec may do; ``programs`` remembers filters."""
    machine, wanted = os.uname().machine, tuple(spec["capabilities"])
    if wanted not in programs:
        programs[wanted] = seccomp.program(machine, wanted)
    if single and "ownership" not in programs:
        programs["ownership"] = seccomp.ownership_program(machine)
    return Profile(
        privileges.mask(wanted),
        programs[wanted],
        programs["ownership"] if single else b"",
        single=single,
        no_new_privileges=spec["no_new_privileges"],
        extra=bytes.fromhex(spec["seccomp"]),
    )


@functools.cache
def _jobs():  # type: ignore[no-untyped-def]  # noqa: ANN202 - functions by name, and no typing here
    """The jobs, and what they would import when it is too late: a job's uid may not be let into the interpreter's directory."""
    from dockmagic.layers import jobs  # noqa: PLC0415 - only here, once: a run needs no job

    for name in _OPTIONAL:
        with suppress(ImportError):
            import_module(name)
    _settle()
    return jobs.JOBS


def _work(jobs, message, reply: int, own: list[int], settings) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
    """In a fork: one job; never returns."""
    try:
        parent = os.getppid()
        privileges.set_parent_death_signal(signal.SIGKILL)
        keep_only([reply, *own])
        single = settings["single"]
        if "program" not in settings:  # with namespaces
            launch.become_root(single=single)
        privileges.set_parent_death_signal(signal.SIGKILL)  # a change of ids took it back
        if os.getppid() != parent:
            os._exit(1)
        gc.enable()
        arguments = {"single": single} | message["arguments"]
        if arguments.get("upper") == GIVEN:
            arguments["upper"] = f"/proc/self/fd/{own[0]}"
        answer = {"result": jobs[message["job"]](arguments, own)}
        packed = json.dumps(answer).encode()
    except BaseException as error:  # noqa: BLE001 - told to the client
        packed = json.dumps(fault.told(error)).encode()
    view = memoryview(len(packed).to_bytes(8, "big") + packed)
    try:
        while view:
            view = view[os.write(reply, view) :]
    except OSError:
        os._exit(1)
    os._exit(0)


def _cover() -> None:
    """A tmpfs over each directory of writable layers, in this server's mount namespace."""
    for directory in ("containers", "work"):
        place = os.open(directory, os.O_PATH | os.O_DIRECTORY)
        made = mounts.new_mount("tmpfs", {"mode": "0700", "uid": "0", "gid": "0"}, mounts.NOSUID | mounts.NODEV)
        mounts.move_mount(made, place)
        os.close(made)
        os.close(place)


def _settle() -> None:
    """What is here stays: a fork that collects garbage need not look at it, which would copy its pages."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _begin(control: socket.socket):  # type: ignore[no-untyped-def]  # noqa: ANN202 - JSON
    """Settings and the client's pidfd; then into the namespaces, where this program may begin once more."""
    heard = wire.receive(control)
    if heard is None:
        sys.exit(0)
    settings, (client, *peer) = heard
    settings["groups"] = cgroups.prepare()
    settings["held"] = cgroups.remove_when_over(settings["groups"])
    _enter(control, *peer)
    if settings["seal"]:
        words = [json.dumps(settings | {"client": client})]
        attempt("read-only interpreter", sealed.run_again, words, [control.fileno(), client, *settings["held"]])
    return settings, client


def _resumed():  # type: ignore[no-untyped-def]  # noqa: ANN202 - JSON
    """What the first beginning knew."""
    settings = json.loads(sys.argv[-1])
    for descriptor in (settings["client"], *settings["held"]):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - the standard library's way
    return settings, settings["client"]


def _enter(control: socket.socket, peer: int = -1) -> None:
    """The outer user namespace, whose map the client writes, or that of a peer; and a mount namespace to work in."""
    if peer < 0:
        attempt("user namespace", namespaces.unshare, namespaces.NEWUSER | namespaces.NEWNS)
    else:
        attempt("user namespace of the other container", namespaces.setns, peer, namespaces.NEWUSER)
        os.close(peer)
        attempt("mount namespace", namespaces.unshare, namespaces.NEWNS)
    wire.send(control, {"unshared": True})
    if wire.receive(control) is None:
        raise OSError(ENOENT, "the client is gone")
    attempt("mount propagation", mounts.set_propagation, mounts.MS_SLAVE)


def main(control_descriptor: int) -> None:
    """Serve on a socket; returns when it has hung up."""
    control = socket.socket(fileno=control_descriptor)
    try:
        again = sys.argv[-1].startswith("{")
        settings, client = _resumed() if again else _begin(control)  # type: ignore[no-untyped-call]
        if again:
            attempt("read-only interpreter", sealed.check)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        wire.send(control, {"ready": True})
        _settle()
        Server(control, settings).run(client)
    except BaseException as error:  # noqa: BLE001 - told to the client
        init.tell(control, error)
        sys.exit(1)
