"""The way out of a private network namespace: pasta(1) or slirp4netns(1), which answers for it on the host's side.

Both give the namespace an interface and carry what is sent there by ordinary sockets of the host. The program runs beside the monitor, as
root of the outer user namespace, never in the container: in a pid namespace of its own whose first process, the *keeper*, ends when the monitor closes
its channel or is gone. With it everything below ends, also a program that has made itself a daemon: nothing is looked for by name or number.
It inherits no descriptor and no variable.

Standard library only, and no ``typing``; runs in a fork of the launch server.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from contextlib import suppress
from errno import ECHILD, ETIMEDOUT

from dockmagic.sandbox import names, wire
from dockmagic.sandbox.confine import attempt, keep_only
from dockmagic.sandbox.ops import Wall
from dockmagic.syscalls import mounts, namespaces, privileges

DEVICE = "/dev/net/tun"
# Seconds that a program may take to set the interface up.
_PATIENCE = 60.0
_READY = 3
_TOLD = 1 << 14
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}


def command(program: str, path: str, pid: int) -> list[str]:
    """The command line that connects the network namespace of a process; IPv4 alone, and nothing of the host's loopback.

    Args:
        program: ``"pasta"`` or ``"slirp4netns"``.
        path: of its file.
        pid: whose user and network namespaces it is to enter; our child, so that the number stays its own.
    """
    user, net = f"/proc/{pid}/ns/user", f"/proc/{pid}/ns/net"
    if program == "pasta":
        closed = [word for option in ("-t", "-u", "-T", "-U") for word in (option, "none")]
        quiet = ["--no-dhcp", "--no-ndp", "--no-dhcpv6", "--no-ra", "--no-map-gw", "--no-netns-quit", "--quiet"]
        world = ["-a", names.ADDRESS, "-n", str(names.LENGTH), "-g", names.GATEWAY, "--dns-forward", names.RESOLVER]
        return [path, "--ipv4-only", "--config-net", "-I", names.INTERFACE, *world, *closed, *quiet, "--userns", user, "--netns", net]  # fmt: skip
    walls = ["--disable-host-loopback", "--enable-sandbox", "--enable-seccomp"]
    world = ["--configure", "--mtu=65520", f"--cidr={names.NETWORK}/{names.LENGTH}", f"--ready-fd={_READY}"]
    return [path, *world, *walls, "--netns-type=path", f"--userns-path={user}", net, names.INTERFACE]


class Outlet:
    """The monitor's side: a keeper and what it says.

    Args:
        programs: (name, path) of what may be used, best first.
        pid: a process in the namespaces, our child.
        tun: descriptor of a mount to put over the device's directory; -1 for the host's own device.
    """

    __slots__ = ("_channel", "_keeper", "_pidfd")

    def __init__(self, programs: list[list[str]], pid: int, tun: int) -> None:
        self._channel, theirs = wire.pair()
        self._keeper = namespaces.clone(namespaces.NEWPID | namespaces.NEWNS)
        if self._keeper == 0:
            _keep(programs, pid, tun, theirs)
        self._pidfd = os.pidfd_open(self._keeper)
        theirs.close()

    def fileno(self) -> int:
        """For poll: readable when there is something to hear."""
        return self._channel.fileno()

    def hear(self) -> dict[str, object] | None:
        """What the keeper says: ``{"ready": program}``, ``{"wall": …}`` as ``init.tell`` has it, or None when the program has ended."""
        try:
            heard = wire.receive(self._channel)
        except OSError:
            return None
        return heard[0] if heard else None

    def close(self) -> None:
        """End it; returns when it has ended."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        os.close(self._pidfd)
        self._channel.close()
        os.waitpid(self._keeper, 0)


def _keep(programs: list[list[str]], pid: int, tun: int, channel: socket.socket) -> None:
    """The keeper, first process of its pid namespace; never returns."""
    try:
        privileges.set_parent_death_signal(signal.SIGKILL)
        os.setsid()
        keep_only([channel.fileno(), *([tun] if tun >= 0 else [])])
        woken = _listen_for_children()
        attempt("private mounts", mounts.set_propagation, mounts.MS_PRIVATE)
        if tun >= 0:
            attempt(DEVICE, _cover_device, tun)
        attempt(f"open({DEVICE})", _try_device)
        _start_first(programs, pid, channel, woken)
        _stay(channel, woken)
    except Wall as wall:
        with suppress(OSError):
            wire.send(channel, {"wall": [wall.operation, wall.errno, wall.reason, wall.path]})
    except BaseException as error:  # noqa: BLE001 - told to the monitor
        with suppress(OSError):
            wire.send(channel, {"wall": ["private network", getattr(error, "errno", None) or 0, repr(error), ""]})
    os._exit(0)


def _listen_for_children() -> int:
    """A descriptor that is readable once a child has ended."""
    read, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    return read


def _cover_device(tun: int) -> None:
    place = os.open(os.path.dirname(DEVICE), os.O_PATH | os.O_DIRECTORY)  # noqa: PTH120 - no pathlib here
    mounts.move_mount(tun, place)
    os.close(place)
    os.close(tun)


def _try_device() -> None:
    os.close(os.open(DEVICE, os.O_RDWR))


def _start_first(programs: list[list[str]], pid: int, channel: socket.socket, woken: int) -> None:
    """Start the first program that works; tell the monitor which one.

    Raises:
        Wall: none does; what the last one said.
    """
    for number, (program, path) in enumerate(programs):
        try:
            _start(program, path, pid, channel, woken)
        except Wall:
            if number + 1 == len(programs):
                raise
        else:
            wire.send(channel, {"ready": program})
            return


def _start(program: str, path: str, pid: int, channel: socket.socket, woken: int) -> None:
    """Start one and wait until the interface is there: pasta's first process ends then, slirp4netns writes to a descriptor."""
    said = os.memfd_create("said", os.MFD_CLOEXEC)
    ready, mark = os.pipe()
    child = os.fork()
    if child == 0:
        _become(command(program, path, pid), said, mark)
    os.close(mark)
    try:
        if not _is_ready(program, child, ready, channel, woken):
            text = os.pread(said, _TOLD, max(0, os.fstat(said).st_size - _TOLD)).decode("utf-8", "replace")
            raise Wall(program, OSError(0, _told(text)))
    finally:
        os.close(ready)
        os.close(said)


def _told(text: str) -> str:
    """What a program said, without what it says of the missing system log."""
    kept = [line for line in text.splitlines() if line.strip() and "to syslog" not in line]
    return "\n".join(kept) or "it ended without a word"


def _become(words: list[str], said: int, mark: int) -> None:
    try:
        signal.set_wakeup_fd(-1)
        for number in (
            signal.SIGCHLD,
            signal.SIGPIPE,
            signal.SIGINT,
        ):  # an old pasta takes an ignored SIGPIPE for a failure
            signal.signal(number, signal.SIG_DFL)
        os.dup2(said, 1)
        os.dup2(said, 2)
        if mark != _READY:
            os.dup2(mark, _READY)
        os.set_inheritable(_READY, words[0].endswith("slirp4netns"))
        keep_only([_READY])
        os.execve(words[0], words, _ENVIRONMENT)  # noqa: S606 - no shell: that is the point
    except OSError as error:
        os.write(2, (error.strerror or str(error)).encode())
    os._exit(127)


def _is_ready(program: str, child: int, ready: int, channel: socket.socket, woken: int) -> bool:
    """Whether it set the interface up; a monitor that is gone ends this process."""
    poll = select.poll()
    for descriptor in (ready, woken, channel.fileno()):
        poll.register(descriptor, select.POLLIN)
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        for descriptor, _ in poll.poll(100):
            if descriptor == channel.fileno():
                os._exit(0)
            if descriptor == ready and program != "pasta":
                if os.read(ready, 1):
                    return True
                poll.unregister(ready)
            elif descriptor == ready:
                poll.unregister(ready)
        _drain(woken)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return program == "pasta" and os.waitstatus_to_exitcode(status) == 0
    os.kill(child, signal.SIGKILL)  # our child, which nobody has waited for yet
    os.waitpid(child, 0)
    raise Wall(program, OSError(ETIMEDOUT, f"no interface after {_PATIENCE:.0f} s"))


def _drain(woken: int) -> None:
    with suppress(BlockingIOError):
        while os.read(woken, 512):
            pass


def _stay(channel: socket.socket, woken: int) -> None:
    """Until the monitor hangs up, or the program has ended: it is our child, and has become ours if it made itself a daemon."""
    poll = select.poll()
    for descriptor in (woken, channel.fileno()):
        poll.register(descriptor, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == channel.fileno():
                return
        _drain(woken)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except OSError as error:
            if error.errno != ECHILD:
                raise
            return
