"""Operations that build a container's root: plain values that say what they do, and do it.

Each has ``describe()`` and ``apply(site)``; :func:`perform` runs a list of them and turns the first failure into a :class:`Wall` that
names the operation, the system call and the path. They run as root of the container's user namespace, before pivot_root(2), in a
mount namespace of its own.

Standard library only, and no ``typing``: the child of the launch server imports this.
"""

from __future__ import annotations

import os
import stat
from errno import ENOENT, EPERM

from dockmagic.sandbox.places import at, attach, is_device, is_masked, look, plain_directory
from dockmagic.syscalls import mounts

QUIET = mounts.NOSUID | mounts.NODEV
DEAD = QUIET | mounts.NOEXEC

_NODES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}


class Wall(Exception):  # noqa: N818 - it is what could not be built
    """An operation failed; nothing of the container has run.

    Attributes:
        operation: what ``describe()`` says.
        errno: the system call's error number.
        reason: the call, where it is one of ours, and its error in words.
        path: at fault, or "".
    """

    def __init__(self, operation: str, error: OSError) -> None:
        super().__init__(operation)
        self.operation = operation
        self.errno = error.errno or 0
        self.reason = error.strerror or str(error)
        self.path = os.fsdecode(error.filename) if error.filename else ""


class Site:
    """Where a root is being built.

    Attributes:
        root: descriptor of the new root directory, -1 before there is one.
        notes: what was built weaker than it should be, in words.
        made: mount points that were missing in the root, by their real paths.
        volumes: targets of volumes that are in place, and a descriptor of each one's root.
        memory: the same of file systems in memory, in which mount points are made.
    """

    __slots__ = ("made", "memory", "notes", "root", "volumes")

    def __init__(self) -> None:
        self.root = -1
        self.made: list[str] = []
        self.notes: list[str] = []
        self.volumes: list[tuple[str, int]] = []
        self.memory: list[tuple[str, int]] = []


class Operation:
    """One step of building the root."""

    __slots__ = ()

    def describe(self) -> str:
        """What it does, for errors: ``"overlay on /"``."""
        raise NotImplementedError

    def apply(self, site: Site) -> None:
        """Do it.

        Raises:
            OSError: it cannot be done.
        """
        raise NotImplementedError


def perform(operations: list[Operation], site: Site) -> None:
    """Apply all, in order.

    Raises:
        Wall: the first one that failed.
    """
    for operation in operations:
        try:
            operation.apply(site)
        except OSError as error:
            raise Wall(operation.describe(), error) from error


class Tmpfs(Operation):
    """An empty file system in memory."""

    __slots__ = ("attributes", "mode", "size", "target")

    def __init__(self, target: str, *, mode: str, size: str, attributes: int) -> None:
        self.target = target
        self.mode = mode
        self.size = size
        self.attributes = attributes

    def describe(self) -> str:
        return f"tmpfs on /{self.target}"

    def apply(self, site: Site) -> None:
        made = mounts.new_mount("tmpfs", {"mode": self.mode, "size": self.size}, self.attributes)
        attach(made, plain_directory(site.root, self.target))


def empty(target: str) -> Operation:
    """A directory with nothing in it, in which nothing can be made."""
    return Tmpfs(target, mode="0555", size="4k", attributes=DEAD | mounts.RDONLY)


class Proc(Operation):
    """The container's own /proc; where a pod masks /proc a new one is refused, and the outer one stands in.

    That one is read-only: with one id, outer processes belong to the container's user, who could else write their
    ``oom_score_adj`` and ``clear_refs``.
    """

    __slots__ = ()

    def describe(self) -> str:
        return "proc on /proc"

    def apply(self, site: Site) -> None:
        try:
            made = mounts.new_mount("proc", {}, DEAD)
        except PermissionError:
            made = mounts.open_tree("/proc", recursive=True)
            mounts.mount_setattr(made, add=DEAD | mounts.RDONLY, recursive=True)
            site.notes.append("processes visible: /proc is the outer one")
        attach(made, plain_directory(site.root, "proc"))


class Devices(Operation):
    """A fresh /dev with the six usual nodes of the host, pseudo terminals, shared memory and message queues."""

    __slots__ = ("options", "shared_memory")

    def __init__(self, *, terminal_group: bool, shared_memory: int) -> None:
        self.shared_memory = str(shared_memory)
        self.options: dict[str, str | None] = {"newinstance": None, "ptmxmode": "0666", "mode": "0620"}
        if terminal_group:
            self.options["gid"] = "5"

    def describe(self) -> str:
        return "devices in /dev"

    def apply(self, site: Site) -> None:
        made = mounts.new_mount("tmpfs", {"mode": "0755", "size": "64m"}, DEAD)
        device = os.dup(made)
        attach(made, plain_directory(site.root, "dev"))
        for name, numbers in _NODES.items():
            self._bind(device, name, numbers)
        for name in ("pts", "shm", "mqueue"):
            os.mkdir(name, 0o755, dir_fd=device)
        tight = mounts.NOSUID | mounts.NOEXEC
        attach(mounts.new_mount("devpts", self.options, tight), at(device, "pts"))
        shared = {"mode": "1777", "size": self.shared_memory}
        attach(mounts.new_mount("tmpfs", {**shared}, DEAD), at(device, "shm"))
        attach(mounts.new_mount("mqueue", {}, DEAD), at(device, "mqueue"))
        for name, target in _LINKS.items():
            os.symlink(target, name, dir_fd=device)
        os.close(device)

    def _bind(self, device: int, name: str, numbers: tuple[int, int]) -> None:
        """One node of the host, if it is what its name says."""
        node = mounts.open_tree("/dev/" + name)
        if not is_device(node, numbers):
            raise OSError(ENOENT, f"the host's /dev/{name} is not the device {numbers[0]}:{numbers[1]}", "/dev/" + name)
        mounts.mount_setattr(node, add=mounts.NOSUID | mounts.NOEXEC)
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=device))
        attach(node, at(device, name))


class Mask(Operation):
    """Hide a file or directory of /proc; what is not there needs no mask. Verified after mounting."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def describe(self) -> str:
        return f"mask over /{self.path}"

    def apply(self, site: Site) -> None:
        found = look(site.root, self.path)
        if found is None or is_masked(found):
            return
        if stat.S_ISDIR(os.fstat(found).st_mode):
            cover = mounts.new_mount("tmpfs", {"mode": "0555", "size": "4k"}, DEAD | mounts.RDONLY)
        else:
            cover = mounts.open_tree("dev/null", dir_fd=site.root)
        attach(cover, found)
        seen = look(site.root, self.path)
        if seen is None or not is_masked(seen):
            raise OSError(EPERM, "the mask is not in place", "/" + self.path)
        os.close(seen)


class ReadOnly(Operation):
    """Make a part of /proc read-only, with all below it. Verified after mounting."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def describe(self) -> str:
        return f"read-only /{self.path}"

    def apply(self, site: Site) -> None:
        found = look(site.root, self.path)
        if found is None:
            return
        copy = mounts.open_tree(self.path, dir_fd=site.root, recursive=True)
        mounts.mount_setattr(copy, add=DEAD | mounts.RDONLY, recursive=True)
        attach(copy, found)
        seen = look(site.root, self.path)
        if seen is None or not os.fstatvfs(seen).f_flag & os.ST_RDONLY:
            raise OSError(EPERM, "it is not read-only", "/" + self.path)
        os.close(seen)
