"""Control groups for containers: made by the launch server where this user may, entered by each container's first process.

Cgroup v2 where a group at or above ours is delegated to the user with its controllers on; v1 where the user can make a group; else none,
and ``watch`` does what it can. Nothing is ever changed in a group that was not made here, but that one which systemd delegates, and in which nobody
stands, gives its controllers to its children. A server has one group of its own in each hierarchy,
made while it still has all rights of its user, and in that one for each container. Its name says which server made it; a small process that
outlives the server removes it, and else the next server does: by rmdir(2), which the kernel refuses while anything runs in it.

cgroups(7), and the kernel's admin-guide/cgroup-v1 and cgroup-v2. Standard library only, and no ``typing``.
"""
# pathlib would cost the server's start
# ruff: noqa: PTH102, PTH106, PTH208

from __future__ import annotations

import os
import time
from contextlib import suppress
from errno import EINVAL

from dockmagic.sandbox import identity
from dockmagic.sandbox.confine import keep_only

PREFIX = "dockmagic-"
V1, V2 = "cgroup v1", "cgroup v2"
KINDS = ("pids", "memory", "cpu")
_PERIOD = 100_000  # microseconds
# How long leavings of a server that has ended are tried to be removed, in seconds, and how often.
_PATIENCE, _LOOK = 10.0, 0.02
# Files that count how often a limit was met, by version and controller: name, and the word before the count.
_COUNTERS = {
    (V1, "pids"): ("pids.events", b"max"),
    (V2, "pids"): ("pids.events", b"max"),
    (V1, "memory"): ("memory.oom_control", b"oom_kill"),
    (V2, "memory"): ("memory.events", b"oom_kill"),
}


class Group:
    """The control groups of one container.

    Attributes:
        by: controller to ``"cgroup v1"`` or ``"cgroup v2"``, for those that are in force.
        directories: that were made.
        doors: descriptors of their ``cgroup.procs``.
        events: controller to a descriptor that counts how often its limit was met.
    """

    __slots__ = ("_met", "by", "directories", "doors", "events")

    def __init__(self) -> None:
        self.by: dict[str, str] = {}
        self.directories: list[str] = []
        self.doors: list[int] = []
        self.events: dict[str, int] = {}
        self._met: dict[str, int] = {}

    def descriptors(self) -> list[int]:
        """All that a process needs which enters or watches."""
        return [*self.doors, *self.events.values()]

    def enter(self) -> None:
        """Put this process into all of them.

        Raises:
            OSError: it cannot.
        """
        for door in self.doors:
            os.write(door, b"0")

    def met(self, controller: str) -> bool:
        """Whether the limit has been met since this was opened."""
        if controller not in self.events:
            return False
        return _count(self.events[controller], self.by[controller], controller) > self._met[controller]

    def close(self, descriptors: list[int] | None = None) -> None:
        """Close some of its descriptors, or all."""
        for descriptor in self.descriptors() if descriptors is None else descriptors:
            os.close(descriptor)

    def remove(self) -> bool:
        """Remove what was made, as far as nothing runs in it; whether nothing is left."""
        self.directories = [directory for directory in self.directories if not _removed(directory)]
        return not self.directories

    def add(self, controller: str, version: str, directory: str) -> None:
        """Open a directory's files."""
        if directory not in self.directories:
            self.directories.append(directory)
            self.doors.append(os.open(f"{directory}/cgroup.procs", os.O_WRONLY))
        self.by[controller] = version
        name, _ = _COUNTERS.get((version, controller), ("", b""))
        if name:
            with suppress(OSError):  # kernels before 4.13 do not count
                self.events[controller] = os.open(f"{directory}/{name}", os.O_RDONLY)
                self._met[controller] = _count(self.events[controller], version, controller)


def parents() -> dict[str, tuple[str, str]]:
    """Where a group for each controller can be made: controller to version and parent directory."""
    found: dict[str, tuple[str, str]] = {}
    mounts = _mounts()
    for controllers, path in _memberships(os.getpid()):
        if controllers:
            for controller in controllers:
                if controller in KINDS and controller in mounts:
                    directory = _below(*mounts[controller], path)
                    if os.access(directory, os.W_OK):
                        found[controller] = (V1, directory)
        elif "" in mounts:
            top, root = mounts[""]
            found |= {kind: (V2, directory) for kind, directory in _delegated(top, _below(top, root, path)).items()}
    return found


def prepare() -> dict[str, tuple[str, str]]:
    """This server's own groups: controller to version and directory. What servers that are gone have left is removed."""
    found: dict[str, tuple[str, str]] = {}
    places = parents()
    _remove_abandoned({parent for _, parent in places.values()})
    for controller, (version, parent) in places.items():
        directory = f"{parent}/{_own_name()}"
        try:
            with suppress(FileExistsError):
                os.mkdir(directory, 0o755)
            if version == V2:
                _write(f"{directory}/cgroup.subtree_control", f"+{controller}")
            found[controller] = (version, directory)
        except OSError:
            if directory not in {other for _, other in found.values()}:
                _removed(directory)
    return found


def remove_when_over(places: dict[str, tuple[str, str]]) -> list[int]:
    """Leave a process behind that removes the server's groups once the server has ended, however it did.

    Returns:
        The descriptor that the server must keep open, and nobody else; none where there are no groups.
    """
    if not places:
        return []
    over, held = os.pipe()
    if os.fork():
        os.close(over)
        return [held]
    try:
        keep_only([over])
        os.chdir("/")
        os.read(over, 1)
        end = time.monotonic() + _PATIENCE
        directories = {directory for _, directory in places.values()}
        while directories and time.monotonic() < end:
            directories = {directory for directory in directories if not _emptied(directory)}
            time.sleep(_LOOK)
    finally:
        os._exit(0)


def make(limits: dict[str, object], number: int, places: dict[str, tuple[str, str]]) -> Group:
    """Groups that hold what ``limits`` asks, as far as there are any.

    Args:
        limits: ``Limits`` as JSON.
        number: of the container among those of this process.
        places: as :func:`prepare` gave them.
    """
    group = Group()
    for controller in KINDS:
        version, parent = places.get(controller, ("", ""))
        if not version or not limits["cpus" if controller == "cpu" else controller]:
            continue
        directory = f"{parent}/{number}"
        fresh = directory not in group.directories
        try:
            if fresh:
                os.mkdir(directory, 0o755)
            _set(directory, version, controller, limits)
            group.add(controller, version, directory)
        except OSError:
            if fresh:
                _removed(directory)
    return group


def of_process(pid: int) -> Group:
    """The groups of ours that a process is in, to follow it there.

    Raises:
        OSError: they cannot be opened.
    """
    group = Group()
    mounts = _mounts()
    for controllers, path in _memberships(pid):
        parts = path.split("/")
        if len(parts) < 3 or not parts[-2].startswith(PREFIX):  # noqa: PLR2004 - the server's and the container's
            continue
        version = V1 if controllers else V2
        top, root = mounts[controllers[0] if controllers else ""]
        directory = _below(top, root, path)
        for controller in controllers or KINDS:
            if controller in KINDS:
                group.add(controller, version, directory)
    return group


def _own_name() -> str:
    """The name of this server's groups: its pid namespace, pid and birth."""
    pid = os.getpid()
    return f"{PREFIX}{identity.pid_namespace(pid)[1]}-{pid}-{identity.birth(pid)}"


def _remove_abandoned(parents: set[str]) -> None:
    """Remove the empty groups of servers of this pid namespace that are gone."""
    ours = str(identity.pid_namespace(os.getpid())[1])
    for parent in parents:
        for name in _names(parent):
            maker = name.removeprefix(PREFIX).split("-")
            if not name.startswith(PREFIX) or len(maker) != 3 or maker[0] != ours:  # noqa: PLR2004 - as above
                continue
            if maker[1].isdigit() and maker[2].isdigit() and not _lives(int(maker[1]), int(maker[2])):
                _emptied(f"{parent}/{name}")


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _emptied(directory: str) -> bool:
    """Remove a server's group with those of its containers, as far as nothing runs in them; whether it is gone."""
    for name in _names(directory):
        if name.isdigit():
            _removed(f"{directory}/{name}")
    return _removed(directory)


def _lives(pid: int, born: int) -> bool:
    try:
        return identity.birth(pid) == born
    except ProcessLookupError:
        return False


def _removed(directory: str) -> bool:
    try:
        os.rmdir(directory)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _delegated(top: str, own: str) -> dict[str, str]:
    """Where we may make a group, at or above ours, whose children may have controllers: controller to directory.

    It is one directory for all of them, since a process stands in one group of v2: the nearest of those that have the most.
    """
    best: list[str] = []
    where = directory = own
    while directory.startswith(top):
        if os.access(directory, os.W_OK) and os.access(f"{directory}/cgroup.procs", os.W_OK):
            _open_up(directory)
            offered = [kind for kind in _read(f"{directory}/cgroup.subtree_control").split() if kind in KINDS]
            if len(offered) > len(best):
                best, where = offered, directory
        if directory == top:
            break
        directory = os.path.dirname(directory)  # noqa: PTH120 - as above
    return dict.fromkeys(best, where)


def _open_up(directory: str) -> None:
    """Let children of a group have its controllers, where systemd gave all of it away and nobody stands in it.

    That is Delegate= of systemd.resource-control(5) with a subgroup for the processes; the attribute says so since systemd 251.
    """
    with suppress(OSError):
        if os.getxattr(directory, "user.delegate") != b"1" or _read(f"{directory}/cgroup.procs"):
            return
        enabled = _read(f"{directory}/cgroup.subtree_control").split()
        for controller in _read(f"{directory}/cgroup.controllers").split():
            if controller in KINDS and controller not in enabled:
                _write(f"{directory}/cgroup.subtree_control", f"+{controller}")


def _set(directory: str, version: str, controller: str, limits: dict[str, object]) -> None:
    match controller:
        case "pids":
            _write(f"{directory}/pids.max", str(limits["pids"]))
        case "memory" if version == V1:
            _write(f"{directory}/memory.limit_in_bytes", str(limits["memory"]))
            with suppress(FileNotFoundError):  # no swap accounting
                _write(f"{directory}/memory.memsw.limit_in_bytes", str(limits["memory"]))
        case "memory":
            _write(f"{directory}/memory.max", str(limits["memory"]))
            with suppress(FileNotFoundError):
                _write(f"{directory}/memory.swap.max", "0")
            with suppress(FileNotFoundError):  # Linux 4.19
                _write(f"{directory}/memory.oom.group", "1")
        case _:
            quota = max(1000, round(float(str(limits["cpus"])) * _PERIOD))
            if version == V1:
                _write(f"{directory}/cpu.cfs_period_us", str(_PERIOD))
                _write(f"{directory}/cpu.cfs_quota_us", str(quota))
            else:
                _write(f"{directory}/cpu.max", f"{quota} {_PERIOD}")


def _mounts() -> dict[str, tuple[str, str]]:
    """Controller, or "" for v2, to mount point and the group that stands there; proc_pid_mountinfo(5)."""
    found: dict[str, tuple[str, str]] = {}
    for line in _read("/proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.partition(" ")
        root, point = before.split(" ")[3:5]
        if kind == "cgroup2":
            found.setdefault("", (point, root))
        elif kind == "cgroup":
            for controller in options.split(" ")[-1].split(","):
                found.setdefault(controller, (point, root))
    return found


def _memberships(pid: int) -> list[tuple[list[str], str]]:
    """Controllers (none for v2) and path of each group that a process is in."""
    lines = [line.split(":", 2) for line in _read(f"/proc/{pid}/cgroup").splitlines()]
    return [([name for name in controllers.split(",") if name], path) for _, controllers, path in lines]


def _below(top: str, root: str, path: str) -> str:
    """The directory of a group, seen through a mount that shows ``root``."""
    if root != "/" and (path == root or path.startswith(root + "/")):
        path = path[len(root) :]
    return (top + path).rstrip("/")


def _count(descriptor: int, version: str, controller: str) -> int:
    word = _COUNTERS[version, controller][1]
    for line in os.pread(descriptor, 4096, 0).splitlines():
        name, _, number = line.partition(b" ")
        if name == word and number.isdigit():
            return int(number)
    return 0


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - as above
            return file.read()
    except OSError:
        return ""


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        if os.write(descriptor, text.encode()) != len(text):
            raise OSError(EINVAL, "cut short", path)
    finally:
        os.close(descriptor)
