"""The first process of a container, from its birth in new namespaces to the execve of its program.

It is forked from the launch server with everything imported: after pivot_root(2) an import would come from the image. It talks
to its monitor over one socket, which closes itself with the execve: that is the good news. Any other news is a message:
``wall`` (a wall could not be built), ``refused`` (the request cannot be met), ``not_started`` (no such program).

Standard library only, and no ``typing``; it starts with every container.
"""

from __future__ import annotations

import os
import socket
import traceback
from errno import EACCES, ENOSYS, EPERM

from dockmagic.sandbox import mounted, names, parcels, sysctls, wire
from dockmagic.sandbox.accounts import Account, Refused, resolve
from dockmagic.sandbox.confine import (
    attempt,
    be_first_victim,
    confine,
    enter_directory,
    execute,
    keep_only,
    leave_session,
)
from dockmagic.sandbox.limiting import limit_files, limit_resources, weaker
from dockmagic.sandbox.ops import Devices, Mask, Operation, Proc, ReadOnly, Site, Wall, empty, perform
from dockmagic.sandbox.places import PLAIN
from dockmagic.sandbox.plan import Plan
from dockmagic.sandbox.provided import HostTree, ProvidedDirectory, ProvidedFile
from dockmagic.sandbox.reaper import supervise
from dockmagic.sandbox.rootfs import Overlay, Scratch
from dockmagic.syscalls import files, mounts, namespaces, netlink, privileges

FAILED = 125

# Docker's and podman's lists together; /sys is empty and needs none.
MASKED = (
    "proc/acpi",
    "proc/asound",
    "proc/interrupts",
    "proc/kcore",
    "proc/keys",
    "proc/latency_stats",
    "proc/sched_debug",
    "proc/scsi",
    "proc/timer_list",
    "proc/timer_stats",
)
READ_ONLY = ("proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger")

_APT_DIRECTORY = "etc/apt/apt.conf.d"
_APT_FILE = _APT_DIRECTORY + "/90dockmagic-one-id"
_APT_SETTING = b'APT::Sandbox::User "root";\n'
# What a network namespace of its own allows, as docker's does; where /proc/sys cannot be written it stays as the kernel has it.
_SYSCTLS = (("ip_unprivileged_port_start", b"0"), ("ping_group_range", b"0 65535"), ("ping_group_range", b"0 0"))
_HOST_FILE_LIMIT = 1 << 20
_OUTER_NAME = "outer host name: this host does not let it be set"


def main(plan: Plan, status: socket.socket) -> None:
    """Build the container and become its program; never returns."""
    code = FAILED
    try:
        code = _run(plan, status)
    except BaseException as error:  # noqa: BLE001 - told to the monitor
        tell(status, error)
    os._exit(code)


def tell(status: socket.socket, error: BaseException) -> None:
    """Send what went wrong."""
    match error:
        case Refused():
            message: dict[str, object] = {"refused": str(error)}
        case Wall():
            message = {"wall": [error.operation, error.errno, error.reason, error.path]}
        case OSError():
            message = {
                "wall": ["container", error.errno or 0, error.strerror or str(error), os.fsdecode(error.filename or "")]
            }
        case _:
            message = {"wall": ["launcher", 0, "".join(traceback.format_exception(error))[-4000:], ""]}
    try:
        wire.send(status, message)
    except OSError:
        return


def _run(plan: Plan, status: socket.socket) -> int:
    """All steps, in order; the exit code if the program could not be started."""
    spec = plan.spec
    if wire.receive(status) is None:  # "our ids exist now"
        return FAILED
    if plan.group.doors:
        attempt("limits of the container", plan.group.enter)
        attempt("cgroup namespace", namespaces.unshare, namespaces.NEWCGROUP)  # begins where we are now
    be_first_victim()
    attempt("session", leave_session)
    for number, descriptor in enumerate(plan.stdio):
        os.dup2(descriptor, number)
    attempt("private mounts", mounts.set_propagation, mounts.MS_PRIVATE)
    site = Site()
    perform(operations(plan), site)
    account = user_of(plan, site.root)
    perform(_mounts(plan, account, status), site)
    if spec["binds"] and account.uid and not plan.trees and not plan.profile.single:
        site.notes.append("volumes belong to root in the container: without root's help no other owner can be shown")
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
    if spec["network"] != "host" and not spec["peer"]:
        _set_up_network(spec["network"], status, proc)
    sysctls.write(dict(spec["sysctls"]), proc)
    _name_host(spec["hostname"], site)
    attempt("pivot_root", _pivot, site.root)
    enter_directory(spec["cwd"])
    if spec["read_only"]:
        attempt("read-only root", _make_read_only)
    attempt("resource limits", limit_resources, spec["limits"])
    site.notes += weaker(spec["limits"], plan.group.by)
    wire.send(
        status, {"user": [account.uid, account.gid], "notes": site.notes, "made": site.made, "volumes": site.recorded()}
    )
    confine(account, plan.profile, status, proc)
    if plan.trial:
        return 0

    def become() -> int:
        return become_program(spec, account, status)

    return supervise(become) if spec["init"] else become()


def become_program(spec, account: Account, status: socket.socket) -> int:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
    """The last step: the program, or work of our own in its place, which inherits as little. Returns an exit code."""
    if not spec["task"]:
        limit_files(spec["limits"])
        return execute(spec["argv"], environment(spec["env"], account), status)
    privileges.hide_command_line("cp")
    status.close()
    keep_only([])
    return parcels.work(spec["task"])


def user_of(plan: Plan, root: int) -> Account:
    """Who the program runs as.

    Raises:
        Refused: the image has no such user or group, or the host cannot give it.
    """
    if plan.spec["groups"] and plan.profile.single:
        raise Refused("--group-add: this machine gives a container one id, and no other group than the user's own")
    return resolve(plan.spec["user"], root, plan.spec["groups"])


def operations(plan: Plan) -> list[Operation]:
    """What builds the root, but for the volumes."""
    spec = plan.spec
    single = plan.profile.single
    extra = {_APT_FILE: _APT_SETTING} if single and _has_apt(spec["lowers"]) else {}
    return [
        Scratch(spec["epoch"], extra),
        Overlay(spec["lowers"], spec["upper"], spec["work"], nosuid=spec["no_new_privileges"]),
        Proc(),
        Devices(terminal_group=not single, shared_memory=spec["limits"]["shm"]),
        *(Mask(path) for path in MASKED),
        *(ReadOnly(path) for path in READ_ONLY),
        empty("sys"),
        *mounted.early(spec["mounts"]),
        ProvidedDirectory("run/dockmagic", spec["files"], plan.contents),
        *_names(spec),
    ]


def _names(spec) -> list[Operation]:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
    """The files that tell names, but for those in whose place a volume is put."""
    given = {mount["target"].strip("/") for mount in [*spec["binds"], *spec["mounts"]]}
    texts = {
        "etc/hosts": _hosts(spec),
        "etc/hostname": f"{spec['hostname']}\n",
        "etc/resolv.conf": _resolver(spec),
    }
    return [
        ProvidedFile(path, text.encode("utf-8", "surrogateescape")) for path, text in texts.items() if path not in given
    ]


def _hosts(spec) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
    text = _host_file("/etc/hosts") if spec["network"] == "host" else ""
    return names.hosts(spec["network"], spec["hostname"], text, spec["add_hosts"])


def _resolver(spec) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
    text = _host_file("/etc/resolv.conf")
    return names.resolver(spec["network"], text, spec["dns"], spec["dns_search"], spec["dns_options"])


def _name_host(name: str, site: Site) -> None:
    """Name this UTS namespace. Where that is refused, as by podman's filter to whoever lacks CAP_SYS_ADMIN, it keeps the outer name."""
    try:
        namespaces.sethostname(name)
    except OSError as error:
        if error.errno not in {EPERM, EACCES, ENOSYS}:
            raise Wall("host name", error) from error
        site.notes.append(_OUTER_NAME)


def _set_up_network(kind: str, status: socket.socket, proc: int) -> None:
    """Interfaces and routes of a network namespace of our own; the monitor says when a private one has its way out."""
    attempt("loopback interface", namespaces.loopback_up)
    for name, value in _SYSCTLS:
        try:
            descriptor = os.open(f"sys/net/ipv4/{name}", os.O_WRONLY, dir_fd=proc)
            os.write(descriptor, value)
            os.close(descriptor)
        except OSError:
            continue
    if kind == "private":
        wire.send(status, {"network": True})
        if wire.receive(status) is None:
            raise OSError(0, "the network was not made")
        for network, length in names.UNREACHABLE:
            attempt("routes of the network", netlink.keep_here, network, length, names.INTERFACE)


def environment(given: list[tuple[str, str]], account: Account) -> dict[str, str]:
    """The program's environment: HOME is the user's unless it is given."""
    return {"HOME": account.home} | dict(given)


def _mounts(plan: Plan, account: Account, status: socket.socket) -> list[Operation]:
    """Volumes of a run, an outer one before those in it; of a build's step in the order of its options."""
    spec = plan.spec
    own = mounted.operations(spec["mounts"], plan.contents, sum(size for _, size, _ in spec["files"]))
    made: list[HostTree | mounted.Mounted] = [*_volumes(plan, account, status), *own]
    return [*(sorted(made, key=lambda mount: mount.target) if spec["purpose"] == "run" else made)]


def _volumes(plan: Plan, account: Account, status: socket.socket) -> list[HostTree]:
    binds = plan.spec["binds"]
    trees: list[int | None] = [None] * len(binds)
    if binds and plan.trees:
        wire.send(status, {"owner": [account.uid, account.gid]})
        answer = wire.receive(status)
        if answer is None:
            raise OSError(0, "the volumes' mounts were not given")
        trees = answer[1]
    return [
        HostTree(bind["source"], bind["target"], read_only=bind["read_only"], hidden=bind["hidden"], tree=tree)
        for bind, tree in zip(binds, trees, strict=True)
    ]


def _pivot(root: int) -> None:
    """The old root is stacked on the new one for a moment, then gone; pivot_root(2)."""
    os.fchdir(root)
    mounts.pivot_root(".", ".")
    mounts.detach(".")
    os.chdir("/")


def _make_read_only() -> None:
    root = os.open("/", os.O_PATH | os.O_DIRECTORY)
    mounts.mount_setattr(root, add=mounts.RDONLY)
    os.close(root)


def _has_apt(lowers: list[str]) -> bool:
    """A layer has apt's directory: it drops to another user for downloads, which one id does not allow."""
    for lower in lowers:
        try:
            top = os.open(lower, os.O_PATH | os.O_DIRECTORY)
        except OSError:
            continue  # the overlay will say so
        try:
            os.close(files.openat2(_APT_DIRECTORY, os.O_PATH | os.O_DIRECTORY, resolve=PLAIN, dir_fd=top))
        except OSError:
            continue
        else:
            return True
        finally:
            os.close(top)
    return False


def _host_file(path: str) -> str:
    """A small file of the host, cut at 1 MB; "" when it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - no pathlib here
            return file.read(_HOST_FILE_LIMIT).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
