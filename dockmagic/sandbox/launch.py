"""Starting a container: the monitor is forked, becomes root of the scheme, and gives birth to the first process.

Standard library only, and no ``typing``.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from errno import EINVAL, ENOSYS

from dockmagic.sandbox import identity, init, relay, wire
from dockmagic.sandbox.confine import attempt, keep_only
from dockmagic.sandbox.monitor import Monitor, write_map
from dockmagic.sandbox.outlet import Outlet
from dockmagic.sandbox.ownership import Supervisor
from dockmagic.sandbox.places import remove_places
from dockmagic.sandbox.plan import Plan
from dockmagic.sandbox.watch import IN_MEMORY, Watch
from dockmagic.syscalls import namespaces, privileges

_NAMESPACES = (
    namespaces.NEWUSER
    | namespaces.NEWNS
    | namespaces.NEWPID
    | namespaces.NEWIPC
    | namespaces.NEWUTS
    | namespaces.NEWCGROUP
)


def become_root(*, single: bool) -> None:
    """Be uid and gid 0 of the outer user namespace, without other groups where there is more than one id.

    The launch server of real root keeps its own uid, which has no number there, so that it can still import.
    """
    if not single:
        os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    privileges.set_dumpable(1)  # a change of ids made our files in /proc another's; the maps below go through them


def start(plan: Plan, channel: socket.socket, life: int) -> None:
    """In a fork of the launch server: start the container and watch it; never returns."""
    try:
        wiring = plan.wiring
        kept = [*wiring.descriptors(), *plan.group.descriptors()]
        keep_only([channel.fileno(), life, plan.contents, *plan.stdio, *kept])
        single = plan.profile.single
        attempt("root of the scheme", lambda: become_root(single=single))
        attempt("time namespace", _new_time)
        if plan.trial:
            _make_trial(plan.spec["upper"], plan.spec["work"])
        if wiring.peer >= 0:  # what is born here is born there
            attempt("network of the other container", namespaces.setns, wiring.peer, namespaces.NEWNET)
        ours, theirs = wire.pair()
        pid = _give_birth(plan, ours, theirs, [channel.fileno(), life, *wiring.descriptors()])
        theirs.close()
        for descriptor in {plan.contents, *plan.stdio}:
            os.close(descriptor)
        plan.group.close(plan.group.doors)
        memory = tuple(mount["target"].strip("/") for mount in plan.spec["mounts"] if mount["kind"] == "tmpfs")
        watch = Watch(plan.spec["limits"], plan.group, pid, plan.spec["upper"], memory_files=(*IN_MEMORY, *memory))
        monitor = Monitor(
            channel,
            ours,
            life,
            pid,
            identity.pid_namespace(pid),
            joined=False,
            make_supervisor=supervisors(plan),
            watch=watch,
        )
        attempt("ids of the container", write_map, pid, plan.id_map, plan.id_map)
        wire.send(ours, {"mapped": True})
        companions = _companions(plan, pid, monitor)
        monitor.run(lambda made: _tidy(plan, made, companions))
    except BaseException as error:  # noqa: BLE001 - told to the client
        init.tell(channel, error)
    os._exit(0)


def supervisors(plan: Plan):  # type: ignore[no-untyped-def]  # noqa: ANN201 - a function, and no typing here
    """What makes the supervisor of this container's changes of owners."""

    def make(listener: int, owner: tuple[int, int], volumes: list[int]) -> Supervisor:
        upper = os.open(plan.spec["upper"], os.O_PATH | os.O_DIRECTORY)
        known = plan.spec["owners"]
        machine = os.uname().machine
        return Supervisor(listener, machine=machine, upper=upper, default_owner=owner, known=known, volumes=volumes)

    return make


def _companions(plan: Plan, pid: int, monitor: Monitor) -> list[Callable[[], object]]:
    """Start what works for the container's network beside it; how each is ended."""
    wiring = plan.wiring
    ends: list[Callable[[], object]] = []
    if wiring.programs:
        outlet = Outlet(wiring.programs, pid, wiring.tun)
        monitor.connect(outlet)
        ends.append(outlet.close)
    if wiring.listeners:
        ends.append(relay.start(wiring.listeners, pid))
    for descriptor in wiring.descriptors():
        os.close(descriptor)
    return ends


def _give_birth(plan: Plan, ours: socket.socket, theirs: socket.socket, not_for_it: list[int]) -> int:
    own = plan.spec["network"] != "host" and plan.wiring.peer < 0
    flags = _NAMESPACES | (namespaces.NEWNET if own else 0)
    children: list[int] = []
    attempt("namespaces", lambda: children.append(namespaces.clone(flags)))
    if children[0] == 0:
        ours.close()
        for descriptor in not_for_it:
            os.close(descriptor)
        init.main(plan, theirs)
    return children[0]


def _new_time() -> None:
    """A time namespace for the child, where the kernel has them; it belongs to the outer user namespace."""
    try:
        namespaces.unshare(namespaces.NEWTIME)
    except OSError as error:
        if error.errno not in {EINVAL, ENOSYS}:
            raise


def _make_trial(upper: str, work: str) -> None:
    for path in (f"{upper}/..", upper, work):
        os.mkdir(os.path.normpath(path), 0o700)  # noqa: PTH102 - no pathlib here


def _tidy(plan: Plan, made: list[str], companions: list[Callable[[], object]]) -> None:
    """End what worked for the container, and take away what is no change that it made."""
    for end in companions:
        end()
    if plan.trial:
        _remove_trial(plan.spec["upper"], plan.spec["work"])
    elif made:
        remove_places(plan.spec["upper"], made)


def _remove_trial(upper: str, work: str) -> None:
    """The empty directories that a trial leaves."""
    # The kernel makes work/work with mode 0, and a file server may not let us look into it: where no overlay was mounted it is empty.
    with suppress(FileNotFoundError, PermissionError):
        os.unlink(f"{work}/work/incompat/volatile/dirty")  # noqa: PTH108 - no pathlib here
    for path in (f"{work}/work/incompat/volatile", f"{work}/work/incompat", f"{work}/work", work, upper, f"{upper}/.."):
        with suppress(FileNotFoundError, PermissionError):
            os.rmdir(os.path.normpath(path))  # noqa: PTH106 - no pathlib here
