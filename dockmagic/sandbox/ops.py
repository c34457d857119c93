"""Operations that build a container's root: plain values that say what they do, and do it.

Each has ``describe()`` and ``apply(site)``; :func:`perform` runs a list of them and turns the first failure into a :class:`Wall` that
names the operation, the system call and the path. They run as root of the container's user namespace, before pivot_root(2), in a
mount namespace of its own.

Standard library only, and no ``typing``: the child of the launch server imports this.
"""

from __future__ import annotations

import os
import stat
from errno import EINVAL, ENOENT, ENOTDIR, EPERM, EROFS

from dockmagic.sandbox.accounts import Refused
from dockmagic.sandbox.caller import mount_id
from dockmagic.sandbox.places import PLAIN, at, attach, is_device, is_masked, look, make_place, plain_directory
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


_DEVICES_SIZE = 64 << 20
# Bytes of a file system in memory for each entry that it may have: two of a page's size. Empty ones take memory of the kernel that no size bounds.
_BYTES_PER_ENTRY, _LEAST_ENTRIES = 2048, 1024


def bounded(size: int) -> dict[str, str]:
    """Options of a tmpfs that the container may write to: its bytes, and how many files and directories; tmpfs(5).

    Args:
        size: bytes.
    """
    return {"size": str(size), "nr_inodes": str(max(size // _BYTES_PER_ENTRY, _LEAST_ENTRIES))}


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


class Standing:
    """A mount that is in place.

    Attributes:
        target: absolute path in the container.
        top: descriptor of its root.
        ours: mount points may be made in it: it is not a directory of the host.
        stays: it is a directory of the store: owners of its files are recorded where there is one id.
    """

    __slots__ = ("ours", "stays", "target", "top")

    def __init__(self, target: str, top: int, *, ours: bool, stays: bool = False) -> None:
        self.stays = stays
        self.target = target
        self.top = top
        self.ours = ours

    def place(self, path: str, *, directory: bool) -> int:
        """The mount point of a path below it; no link in it is followed.

        Raises:
            Refused: it is not there, and cannot be made.
        """
        inner = path[len(self.target.rstrip("/")) + 1 :]
        if not self.ours:
            found = look(self.top, inner)
            if found is None or stat.S_ISDIR(os.fstat(found).st_mode) != directory:
                kind = "directory" if directory else "file"
                raise Refused(f'-v: "{path}" needs a {kind} "{inner}" in the volume on "{self.target}"')
            return found
        try:
            return make_place(self.top, inner, directory=directory, resolve=PLAIN)
        except OSError as error:
            if error.errno != EROFS:
                raise
            raise Refused(f"the mount on {self.target} is read-only and has no {inner}") from error


class Site:
    """Where a root is being built.

    Attributes:
        root: descriptor of the new root directory, -1 before there is one.
        notes: what was built weaker than it should be, in words.
        made: mount points that were missing in the root, by their real paths.
        volumes: what is mounted on its root, in order.
    """

    __slots__ = ("made", "notes", "root", "volumes")

    def __init__(self) -> None:
        self.root = -1
        self.made: list[str] = []
        self.notes: list[str] = []
        self.volumes: list[Standing] = []

    def recorded(self) -> list[int]:
        """Ids of the mounts, besides the root, in which owners are recorded."""
        return [mount_id(standing.top) for standing in self.volumes if standing.stays]

    def above(self, target: str) -> Standing | None:
        """The innermost of the mounts that a path lies in."""
        found = [standing for standing in self.volumes if target.startswith(standing.target.rstrip("/") + "/")]
        return max(reversed(found), key=lambda standing: len(standing.target), default=None)

    def place(self, target: str, *, directory: bool) -> int:
        """The mount point of a volume, in the root or in a mount that is already there; made when missing.

        Raises:
            Refused: it is not there and cannot be made, the image has something of another kind there, or a link of it leads to the root
                itself.
        """
        outer = self.above(target)
        if outer is not None:
            return outer.place(target, directory=directory)
        try:
            found = make_place(self.root, target.strip("/"), directory=directory, made=self.made)
        except OSError as error:
            if error.errno not in {EINVAL, ENOTDIR}:
                raise
            kind = "directory" if directory else "file"
            raise Refused(f'a {kind} cannot be mounted on "{target}": the image has something else there') from error
        if os.path.sameopenfile(found, self.root):
            raise Refused(f'a link of the image leads from "{target}" to the root: nothing can be put there')
        return found


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
        self.shared_memory = shared_memory
        self.options: dict[str, str | None] = {"newinstance": None, "ptmxmode": "0666", "mode": "0620"}
        if terminal_group:
            self.options["gid"] = "5"

    def describe(self) -> str:
        return "devices in /dev"

    def apply(self, site: Site) -> None:
        made = mounts.new_mount("tmpfs", {"mode": "0755", **bounded(_DEVICES_SIZE)}, DEAD)
        device = os.dup(made)
        attach(made, plain_directory(site.root, "dev"))
        for name, numbers in _NODES.items():
            self._bind(device, name, numbers)
        for name in ("pts", "shm", "mqueue"):
            os.mkdir(name, 0o755, dir_fd=device)
        tight = mounts.NOSUID | mounts.NOEXEC
        attach(mounts.new_mount("devpts", self.options, tight), at(device, "pts"))
        shared = {"mode": "1777", **bounded(self.shared_memory)}
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
