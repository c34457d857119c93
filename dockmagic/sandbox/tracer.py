# pathlib would cost the server's start
# ruff: noqa: PTH100, PTH101, PTH102, PTH112, PTH123
"""A process without walls around it: PRoot translates its paths to a private copy of the root; this one watches it and ends what it leaves.

For hosts that allow neither user namespaces nor mounts, and for images that are trusted (tier T2). It speaks to the client as a monitor does, so
that nothing above knows a difference. As a subreaper it is the parent of all that comes from PRoot, also of what became a daemon; it ends
all of it with the first process, with its client or with the server.
"""

from __future__ import annotations

import os
import posixpath
import select
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from errno import ENOSYS

from dockmagic.layers import private_copy, removal, usage
from dockmagic.layers.stack import Stack
from dockmagic.sandbox import bpf, identity, init, parcels, syscall_table, wire
from dockmagic.sandbox.accounts import Account, Refused, resolve
from dockmagic.sandbox.cgroups import Group
from dockmagic.sandbox.confine import DEFAULT_PATH, NOT_EXECUTABLE, NOT_FOUND, keep_only, leave_session
from dockmagic.sandbox.limiting import limit_files, limit_resources
from dockmagic.sandbox.places import WITHIN, make_place
from dockmagic.sandbox.provided import fill
from dockmagic.sandbox.traced_copy import Places
from dockmagic.sandbox.watch import Watch, members
from dockmagic.syscalls import privileges

# Seconds that a process which catches SIGINT may take to end, and between looks.
GRACE, LOOK = 2.0, 0.05
# The same while everything is ended, and how long that may take.
SOON, PATIENCE = 0.002, 10.0
NOTES = (
    "no walls: PRoot translates paths, and nothing holds a program that wants to leave",
    "the host's network, processes and devices are the cell's too",
    "owners that a program gives to files are not recorded",
)
_RUN = "run/dockmagic"
# Calls with paths that are younger than PRoot: it lets them through as they are, to the host's files.
_UNKNOWN = (
    *("statx", "openat2", "faccessat2", "fchmodat2", "execveat", "renameat2", "io_uring_setup", "fspick", "open_tree"),
    *("setxattrat", "getxattrat", "listxattrat", "removexattrat", "name_to_handle_at", "statmount", "open_tree_attr"),
    *("file_getattr", "file_setattr"),
)
# What the host lends; /proc/self and the devices are needed by almost every program.
_LENT = ("/proc", "/dev")


class Tracer:
    """One process in a private copy.

    Args:
        spec: ``Spec.to_json()``.
        program: PRoot's path.
        joined: the copy is another process's, which takes it back.
    """

    def __init__(self, spec, program: str, *, joined: bool) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
        self._spec = spec
        self._program = program
        self._joined = joined
        self._top = posixpath.dirname(spec["upper"])
        self._root = os.path.abspath(f"{self._top}/merged")
        self._beside = os.path.abspath(f"{self._top}/beside-{os.getpid()}")
        self._record: private_copy.Record = {}
        self._stopped = False
        self._not_started = False
        self._there = False
        self._status = 0
        self._limit = ""
        self._deadline: float | None = None

    def run(self, channel: socket.socket, life: int, stdio: list[int], contents: int) -> None:
        """From the copy to the message that it has ended."""
        spec = self._spec
        try:
            if not self._joined:
                private_copy.assemble([spec["upper"], *spec["lowers"]], self._root)
            account = self._account()
            os.mkdir(self._beside, 0o700)
            bound = self._bound(contents)
            if not self._joined:
                self._record = private_copy.recorded(self._root)  # places of mounts are no change
            if spec["cwd"].strip("/"):
                self._make(spec["cwd"], directory=True)
            found = "" if spec["task"] else self._executable()
            if spec["task"]:
                self._copy([target for _, target in bound], channel, life, stdio)
            elif found:
                env = init.environment(spec["env"], account)
                self._watched(self._command(found, account, bound), env, channel, life, stdio)
            else:
                self._not_started = True
                self._status = (NOT_EXECUTABLE if self._there else NOT_FOUND) << 8
                wire.send(channel, {"started": [os.getpid(), identity.birth(os.getpid())], "executed": False})
        finally:
            self._end_all()
            self._clear()
        wire.send(channel, {"exit": self._told(account)})

    def _copy(self, mounts: list[str], channel: socket.socket, life: int, stdio: list[int]) -> None:
        """``cp``, in place of a program: a child of ours that finds paths below the root."""
        pid = os.fork()
        if pid == 0:
            try:
                for number, descriptor in enumerate(stdio):
                    os.dup2(descriptor, number)
                os._exit(parcels.work(self._spec["task"], Places(self._root, [*mounts, *_LENT])))
            finally:
                os._exit(init.FAILED)
        own = os.pidfd_open(pid)
        wire.send(channel, {"started": [pid, identity.birth(pid)]})
        if own not in select.select([own, channel.fileno(), life], [], [])[0]:
            self._stopped = True
            signal.pidfd_send_signal(own, signal.SIGKILL)
        self._status = os.waitpid(pid, 0)[1]
        os.close(own)

    def _clear(self) -> None:
        """Bring the changes back, and remove what was for this process alone."""
        if not self._joined and os.path.isdir(self._root):
            private_copy.take_back(self._root, self._record, self._spec["upper"], self._spec["lowers"])
        removal.remove(self._beside)

    def _account(self) -> Account:
        root = os.open(self._root, os.O_PATH | os.O_DIRECTORY)
        try:
            return resolve(self._spec["user"], root)
        finally:
            os.close(root)

    def _command(self, found: str, account: Account, bound: list[tuple[str, str]]) -> list[str]:
        """PRoot's words."""
        ids = f"{account.uid}:{account.gid}"
        words = [self._program, "-v", "-1", "-r", self._root, "-w", self._spec["cwd"], "-i", ids]
        for lent in _LENT:
            words += ["-b", lent]
        for source, target in bound:
            words += ["-b", f"{source}:{target}"]
        return [*words, found, *self._spec["argv"][1:]]

    def _bound(self, contents: int) -> list[tuple[str, str]]:
        """Sources and targets, an outer one before those in it."""
        spec = self._spec
        bound = [(self._given(contents), f"/{_RUN}"), *self._etc()]
        for bind in spec["binds"]:
            if bind["read_only"]:
                raise Refused(f'-v: "{bind["target"]}" cannot be read-only on this machine: there are no mounts')
            bound.append((bind["source"], bind["target"]))
        for number, mount in enumerate(spec["mounts"]):
            bound.append((self._mounted(mount, number, contents), mount["target"]))
        for source, target in bound:
            self._make(target, directory=os.path.isdir(source))
        return sorted(bound, key=lambda pair: pair[1])

    def _given(self, contents: int) -> str:
        """The files of the process."""
        place = f"{self._beside}/run"
        os.mkdir(place, 0o755)
        top = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        fill(top, self._spec["files"], contents)
        os.close(top)
        return place

    def _etc(self) -> list[tuple[str, str]]:
        """What a container gets in any case; the network is the host's."""
        made = []
        lines = "".join(f"{address}\t{name}\n" for address, name in self._spec["add_hosts"])
        for name, more in (("hosts", lines), ("resolv.conf", "")):
            with suppress(OSError):
                with open(f"/etc/{name}", encoding="utf-8", errors="surrogateescape") as file:
                    text = file.read(1 << 20)
                place = f"{self._beside}/{name}"
                with open(place, "x", encoding="utf-8", errors="surrogateescape") as file:
                    file.write(text + more)
                made.append((place, f"/etc/{name}"))
        return made

    def _mounted(self, mount, number: int, contents: int) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
        """A mount of RUN, or a volume, as a directory or file of the host."""
        place = f"{self._beside}/{number}"
        match mount["kind"]:
            case "directory":
                if mount["read_only"]:
                    raise Refused(f'"{mount["target"]}" cannot be read-only on this machine: there are no mounts')
                return _within(os.path.abspath(mount["directory"]), mount["source"])
            case "layers":
                private_copy.assemble(mount["lowers"], place)
                return _within(place, mount["source"])
            case "tmpfs":
                os.mkdir(place, mount["mode"] & 0o777 or 0o777)
                return place
            case _:
                offset = sum(size for _, size, _ in self._spec["files"])
                offset += sum(other["content"] for other in self._spec["mounts"][:number])
                with open(place, "xb") as file:
                    file.write(os.pread(contents, mount["content"], offset))
                os.chmod(place, mount["mode"])
                return place

    def _make(self, path: str, *, directory: bool) -> None:
        """A place in the copy; links of the image are followed inside."""
        root = os.open(self._root, os.O_PATH | os.O_DIRECTORY)
        try:
            os.close(make_place(root, path.strip("/"), directory=directory, resolve=WITHIN))
        except OSError as error:
            raise Refused(f'"{path}" cannot be used in this image: {error.strerror}') from error
        finally:
            os.close(root)

    def _executable(self) -> str:
        """The program's path in the copy; "" where there is none, or none that can be executed."""
        program, path = self._spec["argv"][0], dict(self._spec["env"]).get("PATH", DEFAULT_PATH)
        places = [f"{part}/{program}" for part in path.split(":") if part]
        stack = Stack([self._root])
        for place in [posixpath.join(self._spec["cwd"], program)] if "/" in program else places:
            found = stack.lookup(place)
            if found is not None and not found.is_dir and found.status.st_mode & 0o111:
                return place
            self._there = self._there or found is not None
        return ""

    def _watched(
        self, argv: list[str], env: dict[str, str], channel: socket.socket, life: int, stdio: list[int]
    ) -> None:
        """Start PRoot and stay until it has ended."""
        limits = dict(self._spec["limits"])
        if limits["disk"]:
            limits["disk"] += usage.usage(self._root)
        pid = self._spawn(argv, env, limits, stdio)
        # /dev/shm is the host's: what lies there is not the cell's.
        watch = Watch(limits, Group(), os.getpid(), self._root, memory_files=())
        own = os.pidfd_open(pid)
        number, first = self._first(pid, own)
        wire.send(channel, {"started": [number, identity.birth(number)]})
        poll = select.poll()
        for descriptor in (channel.fileno(), life, own, first):
            poll.register(descriptor, select.POLLIN)
        while True:
            pause = watch.pause if self._deadline is None else LOOK
            ready = [descriptor for descriptor, _ in poll.poll(None if pause is None else pause * 1000)]
            if own in ready or first in ready:
                break
            if life in ready or (channel.fileno() in ready and not self._hear(channel)):
                self._stopped = True
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self._stopped = True
            self._limit = self._limit or watch.look()
            if self._stopped or self._limit:
                break
        if self._stopped or self._limit:
            # It ends all that it traces, also who forks faster than we can look.
            signal.pidfd_send_signal(own, signal.SIGQUIT)
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(own, signal.SIGCONT)  # a pause is over
        # PRoot stays for all that it traces, and then ends as the first of them did.
        while not select.select([own], [], [], SOON)[0]:
            self._send(signal.SIGKILL, spare=pid)
        known = identity.ended_as(first)
        last = os.waitpid(pid, 0)[1]
        self._status = last if known is None else known
        self._limit = self._limit or watch.last()

    def _hear(self, channel: socket.socket) -> bool:
        """A word of the client; False when it is to be ended."""
        try:
            heard = wire.receive(channel)
        except OSError:
            return False
        if heard is None or heard[0].get("do") != "interrupt":
            return False
        self._send(signal.SIGINT)
        self._deadline = self._deadline or time.monotonic() + GRACE
        return True

    def _spawn(self, argv: list[str], env: dict[str, str], limits: dict[str, object], stdio: list[int]) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            # Told to quit, PRoot ends all that it traces; without it they would see the host's paths.
            privileges.set_parent_death_signal(signal.SIGQUIT)
            leave_session()
            for number, descriptor in enumerate(stdio):
                os.dup2(descriptor, number)
            limit_resources(limits | {"pids": 0})
            privileges.set_no_new_privileges()
            # There is no user namespace around it: a root of the host would mount and rename the host itself.
            privileges.set_capabilities(0)
            privileges.load_filter(_hidden_calls())
            keep_only([])
            limit_files(limits)
            os.execve(argv[0], argv, env)  # noqa: S606 - no shell
        finally:
            os._exit(init.FAILED)

    def _others(self) -> set[int]:
        """Everything that came from here."""
        return {pid for pid, _, _ in members([os.getpid()])} - {os.getpid()}

    def _first(self, pid: int, own: int) -> tuple[int, int]:
        """The first process that PRoot traces, and a pidfd of it; PRoot itself when that has ended already."""
        while True:
            with suppress(OSError):
                for child in identity.children(pid):
                    return child, os.pidfd_open(child)
            if select.select([own], [], [], SOON)[0]:
                return pid, os.dup(own)

    def _send(self, number: int, *, spare: int = 0) -> None:
        """A signal for all of it but one; a number that is another process's by now gets none."""
        opened: dict[int, int] = {}
        for pid in self._others() - {spare}:
            with suppress(OSError):
                opened[pid] = os.pidfd_open(pid)
        still = self._others()
        for pid, pidfd in opened.items():
            if pid in still:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(pidfd, number)
            os.close(pidfd)

    def _end_all(self) -> None:
        """End what is left, PRoot last: what it traced would see the host's paths without it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._others():
            self._send(signal.SIGKILL)
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    continue
            time.sleep(SOON)

    def _told(self, account: Account) -> dict[str, object]:
        """How it ended, as a monitor says it."""
        signalled = os.WTERMSIG(self._status) if os.WIFSIGNALED(self._status) else 0
        code = 128 + signalled if signalled else os.WEXITSTATUS(self._status)
        ended = self._stopped or bool(self._limit)
        spec = self._spec["limits"]
        return {
            "code": 137 if ended else code,
            "signalled": signal.SIGKILL if ended else signalled,
            "not_started": self._not_started,
            "killed": self._stopped,
            "stopped": self._limit,
            "limits": dict.fromkeys((name for name in ("memory", "pids", "disk") if spec[name]), "watchdog"),
            "owners": {},
            "user": [account.uid, account.gid],
            "notes": list(self._notes()),
        }

    def _notes(self) -> Iterator[str]:
        if self._spec["network"] != "host":
            yield "the network is the host's: this machine makes no network namespaces"
        if self._spec["limits"]["cpus"]:
            yield "--cpus is not held"
        if self._spec["read_only"]:
            yield "--read-only is not held"


def start(spec, program: str, channel: socket.socket, life: int, rest: list[int], *, joined: bool) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
    """In a fork of the server: run a process to its end; never returns.

    Args:
        spec: ``Spec.to_json()``.
        program: PRoot's path.
        channel: to the client.
        life: descriptor that hangs up when the server is gone.
        rest: descriptors of contents, stdin, stdout and stderr.
        joined: beside a process that has a copy.
    """
    contents, *stdio = rest
    try:
        keep_only([channel.fileno(), life, *rest])
        privileges.set_child_subreaper()
        Tracer(spec, program, joined=joined).run(channel, life, stdio, contents)
    except BaseException as error:  # noqa: BLE001 - told to the client
        init.tell(channel, error)
    os._exit(0)


def _hidden_calls() -> bytes:
    """A filter that says of calls which PRoot does not know that there are none; programs then take older ones."""
    machine = os.uname().machine
    numbers, let = syscall_table.numbers(machine), bpf.end(bpf.ALLOW)
    pieces = {numbers[name]: bpf.end(bpf.fail(ENOSYS)) for name in _UNKNOWN if name in numbers}
    return bpf.pack(bpf.only_native(syscall_table.audit_arch(machine), bpf.by_number(pieces, let), let))


def _within(directory: str, source: str) -> str:
    """What stands at a path in a directory, as a path of the host; no link leads out."""
    found = Stack([directory]).lookup(source)
    if found is None:
        raise Refused(f'a mount\'s source "{source}" is not there')
    return found.real
