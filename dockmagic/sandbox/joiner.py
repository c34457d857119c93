"""A process that joins a living container: entered from outside, by a fresh process of this program that is its monitor too.

Nothing of a launch server is needed: whoever made a user namespace may enter it and those below it, also from another kernel process.
Two steps. First the monitor's child enters all namespaces of the container's first process, in the rights of the user namespace that
owns its mounts; then its own child, born into the pid namespace and given to the monitor, becomes the program. Until then nobody inside
can look into it (CVE-2019-5736, CVE-2016-9962).

Standard library only, and no ``typing``.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import sys
from errno import EACCES

from dockmagic.sandbox import cgroups, identity, init, sealed, wire
from dockmagic.sandbox.accounts import Account, Refused
from dockmagic.sandbox.caller import mount_id
from dockmagic.sandbox.confine import (
    attempt,
    be_first_victim,
    confine,
    enter_directory,
    leave_session,
)
from dockmagic.sandbox.launch import supervisors
from dockmagic.sandbox.limiting import limit_resources
from dockmagic.sandbox.monitor import Monitor
from dockmagic.sandbox.places import look
from dockmagic.sandbox.plan import Plan
from dockmagic.sandbox.provided import add_files
from dockmagic.sandbox.server import profile
from dockmagic.sandbox.watch import Watch
from dockmagic.syscalls import mounts, namespaces, privileges

_GET_USERNS, _GET_PARENT = 0xB701, 0xB702  # ioctl_ns(2)
_KINDS = {
    "mnt": namespaces.NEWNS,
    "pid": namespaces.NEWPID,
    "ipc": namespaces.NEWIPC,
    "uts": namespaces.NEWUTS,
    "cgroup": namespaces.NEWCGROUP,
    "net": namespaces.NEWNET,
}
_CLONE_PARENT = 0x8000


class Doors:
    """Descriptors of a container's namespaces, all of one living process.

    Attributes:
        outer: the user namespace above ``owner``, which owns the time namespace; -1 if that is not wanted.
        time: its time namespace, -1 if we are in it or the kernel has none.
        owner: the user namespace that owns its mounts, -1 if we are in it.
        user: the user namespace of the process; another than ``owner`` where one id was given another number.
        others: to the flags of setns(2), but for those that we are in already.
    """

    __slots__ = ("others", "outer", "owner", "time", "user")

    def __init__(self, pid: int) -> None:
        self.time = _differing(pid, "time")
        self.user = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
        mount = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
        owner = fcntl.ioctl(mount, _GET_USERNS)
        self.owner = -1 if _same(os.stat("/proc/self/ns/user"), os.fstat(owner)) else owner  # noqa: PTH116
        self.outer = fcntl.ioctl(owner, _GET_PARENT) if self.time >= 0 else -1
        os.close(mount)
        found = {_differing(pid, name): flag for name, flag in _KINDS.items()}
        self.others = {descriptor: flag for descriptor, flag in found.items() if descriptor >= 0}


def open_to_us(pid: int) -> tuple[int, int]:
    """A process of the container whose namespaces may be looked up, and its pidfd: the first one, or a child of it where ``--init`` closes that.

    Raises:
        PermissionError: there is none.
    """
    parent = os.pidfd_open(pid)
    try:
        os.stat(f"/proc/{pid}/ns/user")  # noqa: PTH116 - no pathlib here
    except PermissionError:
        os.close(parent)
    else:
        return pid, parent
    for child in identity.children(pid):
        try:
            pidfd = os.pidfd_open(child)
        except ProcessLookupError:
            continue
        # Who is the first one's child once it is held has not been replaced by another since.
        if identity.parent(child) == pid:
            return child, pidfd
        os.close(pidfd)
    raise PermissionError(EACCES, "no process of the container may be looked into")


def main(channel_descriptor: int, pid: int, born: int) -> None:
    """Join the container of a process, with the request that comes over the channel; stays until the joined process has ended."""
    channel = socket.socket(fileno=channel_descriptor)
    try:
        if sys.argv[-1] == "sealed":
            attempt("read-only interpreter", sealed.check)
        heard = wire.receive(channel)
        if heard is None:
            return
        message, (contents, client, *stdio) = heard
        if message["upper"]:
            message["spec"]["upper"] = f"/proc/self/fd/{stdio.pop()}"
        pidfd = identity.open_process(pid, born)
        if pidfd is None:
            wire.send(channel, {"gone": True})
            return
        single = message["single"]
        plan = Plan(
            message["spec"],
            profile(message["spec"], single=single, programs={}),
            id_map="",
            stdio=stdio,
            contents=contents,
            trees=False,
            group=cgroups.of_process(pid),
            trial=False,
        )
        _watch(plan, channel, client, pid, pidfd)
    except BaseException as error:  # noqa: BLE001 - told to the client
        init.tell(channel, error)


def _watch(plan: Plan, channel: socket.socket, client: int, pid: int, pidfd: int) -> None:
    """Be the monitor."""
    member, held = open_to_us(pid)
    doors, namespace = Doors(member), identity.pid_namespace(member)
    if not _alive(pidfd) or not _alive(held):
        wire.send(channel, {"gone": True})
        return
    ours, theirs = wire.pair()
    child = os.fork()
    if child == 0:
        channel.close()
        ours.close()
        _enter(plan, theirs, doors)
    theirs.close()
    heard = wire.receive(ours)
    os.waitpid(child, 0)
    if heard is None or "born" not in heard[0]:
        wire.send(channel, heard[0] if heard else {"wall": ["entering the container", 0, "the process ended", ""]})
        return
    joined = heard[0]["born"]
    try:
        watch = Watch(plan.spec["limits"], plan.group, joined, plan.spec["upper"], namespace=namespace)
        monitor = Monitor(
            channel, ours, client, joined, namespace, joined=True, make_supervisor=supervisors(plan), watch=watch
        )
        wire.send(ours, {"watched": True})
        monitor.run()
    except BaseException:
        ours.close()  # which ends it
        os.waitpid(joined, 0)
        raise


def _enter(plan: Plan, status: socket.socket, doors: Doors) -> None:
    """In the monitor's child: into all namespaces, then be born again; never returns."""
    try:
        attempt("limits of the container", plan.group.enter)
        be_first_victim()
        attempt("dumpable off", privileges.set_dumpable, 0)
        _enter_owners(doors)
        if plan.profile.ownership == b"":
            attempt("groups", os.setgroups, [])
        attempt("gid", os.setresgid, 0, 0, 0)
        attempt("uid", os.setresuid, 0, 0, 0)
        attempt("dumpable off", privileges.set_dumpable, 0)
        for descriptor, flag in doors.others.items():
            attempt("entering the container", namespaces.setns, descriptor, flag)
        pid = namespaces.clone(_CLONE_PARENT)
        if pid:
            wire.send(status, {"born": pid})
            os._exit(0)
    except BaseException as error:  # noqa: BLE001 - told to the monitor
        init.tell(status, error)
        os._exit(init.FAILED)
    _become(plan, status, doors.user)


def _enter_owners(doors: Doors) -> None:
    """From user namespace to user namespace: only whoever is root of one may enter what it owns."""
    if doors.time >= 0:
        attempt("entering the outer user namespace", namespaces.setns, doors.outer, namespaces.NEWUSER)
        attempt("entering the time namespace", namespaces.setns, doors.time, namespaces.NEWTIME)
    if doors.owner >= 0:
        attempt("entering the user namespace", namespaces.setns, doors.owner, namespaces.NEWUSER)


def _become(plan: Plan, status: socket.socket, user_namespace: int) -> None:
    """The joined process: as ``init`` does it, in a root that stands already; never returns."""
    code = init.FAILED
    try:
        if wire.receive(status) is None:
            os._exit(code)
        attempt("session", leave_session)
        for number, descriptor in enumerate(plan.stdio):
            os.dup2(descriptor, number)
        attempt("files of the process", add_files, plan.spec["files"], plan.contents)
        root = os.open("/", os.O_PATH | os.O_DIRECTORY)
        account = init.user_of(plan, root)
        enter_directory(plan.spec["cwd"])
        attempt("resource limits", limit_resources, plan.spec["limits"])
        wire.send(status, {"user": [account.uid, account.gid], "notes": [], "volumes": _recorded(plan, root)})
        if plan.profile.single:
            _take_only_id(account, user_namespace)
        proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
        confine(account, plan.profile, status, proc)
        code = init.become_program(plan.spec, account, status)
    except BaseException as error:  # noqa: BLE001 - told to the monitor
        init.tell(status, error)
    os._exit(code)


def _recorded(plan: Plan, root: int) -> list[int]:
    """Ids of the mounts besides the root in which owners are recorded, as far as they are where they were made."""
    found = []
    for mount in plan.spec["mounts"]:
        place = look(root, mount["target"].strip("/")) if mount["kind"] == "directory" and plan.profile.single else None
        if place is not None:
            found.append(mount_id(place))
            os.close(place)
    return found


def _take_only_id(account: Account, user_namespace: int) -> None:
    """Where there is one id, a joined process is who the container is."""
    ours = os.stat("/proc/self/ns/user")  # noqa: PTH116 - no pathlib here
    theirs = os.fstat(user_namespace)
    if not _same(ours, theirs):
        attempt("entering the user's namespace", namespaces.setns, user_namespace, namespaces.NEWUSER)
    if os.getuid() != account.uid:
        raise Refused(
            f"this machine gives a container one id, and this one runs as uid {os.getuid()}: exec as that user"
        )


def _differing(pid: int, kind: str) -> int:
    """A descriptor of a namespace of another process; -1 if it is ours too, or the kernel knows none of the kind."""
    try:
        theirs = os.stat(f"/proc/{pid}/ns/{kind}")  # noqa: PTH116 - no pathlib here
    except FileNotFoundError:
        return -1
    ours = os.stat(f"/proc/self/ns/{kind}")  # noqa: PTH116 - no pathlib here
    return -1 if _same(ours, theirs) else os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _alive(pidfd: int) -> bool:
    """The process has not ended yet, so what was read under its pid until now was its own."""
    return not select.select([pidfd], [], [], 0)[0]


def begin() -> None:
    """The command line: channel, pid, birth, and ``seal`` if the interpreter is to be covered first, ``sealed`` once it is."""
    channel, pid, born = (int(word) for word in sys.argv[1:4])
    if sys.argv[-1] == "seal":
        told = socket.socket(fileno=os.dup(channel))
        try:
            _seal(pid, channel)
        except BaseException as error:  # noqa: BLE001 - told to the client
            init.tell(told, error)
            return
    main(channel, pid, born)


def _seal(pid: int, channel: int) -> None:
    """Into the user namespace that owns the container's mounts, and from a mount namespace of our own begin once more."""
    doors = Doors(open_to_us(pid)[0])
    _enter_owners(doors)
    attempt("private mounts", namespaces.unshare, namespaces.NEWNS)
    attempt("private mounts", mounts.set_propagation, mounts.MS_PRIVATE)
    attempt("read-only interpreter", sealed.run_again, ["sealed"], [channel])
