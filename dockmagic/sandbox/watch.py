"""The watch over a container's memory, processes and disk, where no control group holds them; and over those that one holds.

A look costs a few calls for each process, so it is made every 50 ms, and every 10 ms above half of a limit. What it finds above a limit is
true; what was there for less than that, or that it cannot see (memory in pipes, sockets, and files in memory that nobody has mapped, files that
are deleted and still open), it does not find. docs/sandbox.md has the measured overshoot.

Standard library only, and no ``typing``.
"""
# pathlib would cost the child's start
# ruff: noqa: PTH123, PTH208

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from dockmagic.sandbox.cgroups import Group
from dockmagic.sandbox.identity import in_namespace
from dockmagic.syscalls import files

MEMORY, PIDS, DISK = "memory limit", "pids limit", "disk limit"
# Bytes of the kernel's own memory for an entry of a tmpfs, about: an inode and its name.
_ENTRY = 1024
# Where every container has a tmpfs that it can write to.
IN_MEMORY = ("dev", "dev/shm")
# Seconds between looks, below and above half of a limit.
SLOW, FAST = 0.05, 0.01
# Processes that RLIMIT_NPROC allows above the limit, so that one who forks beyond it is still there to be seen.
HEADROOM = 512
_PAGE = os.sysconf("SC_PAGESIZE")
# proc_pid_stat(5), counted after the command's closing parenthesis
_THREADS, _RESIDENT = 17, 21
_SHARES = ("Pss_Anon:", "Pss_Shmem:", "SwapPss:")
_PLAIN = files.RESOLVE_BENEATH | files.RESOLVE_NO_SYMLINKS | files.RESOLVE_NO_MAGICLINKS
# Entries of the writable layer that one look counts, and how much of the time all looks together may take.
_STRIDE = 2000
_SHARE = 20
_SLOWEST = 1.0
# Characters of a path that a call takes in any case: PATH_MAX is 4,096 bytes, and a character has at most four.
_LONGEST = 1000


class Watch:
    """Over one process and all that come from it.

    Args:
        limits: ``Limits`` as JSON.
        group: the control groups that hold some of them.
        pid: of the process.
        upper: the writable layer, relative to the scheme's root.
        memory_files: paths in the container where a tmpfs is.
        namespace: for a process that was added to a container: the pid namespace, whose processes all count; what such a process leaves
            becomes the first process's child.
    """

    __slots__ = (
        "_disk",
        "_disks",
        "_group",
        "_limits",
        "_memory",
        "_memory_files",
        "_namespace",
        "_near",
        "_pid",
        "_pids",
    )

    def __init__(
        self,
        limits: dict[str, object],
        group: Group,
        pid: int,
        upper: str,
        *,
        memory_files: tuple[str, ...] = IN_MEMORY,
        namespace: tuple[int, int] | None = None,
    ) -> None:
        self._namespace = namespace
        self._group = group
        self._pid = pid
        self._limits = limits
        self._memory = 0 if "memory" in group.by else int(str(limits["memory"]))
        self._pids = 0 if "pids" in group.by else int(str(limits["pids"]))
        self._disk = int(str(limits["disk"]))
        self._disks = Disk(upper, step=max(self._disk // 16, 1 << 16)) if self._disk else None
        self._memory_files = memory_files
        self._near = False

    @property
    def pause(self) -> float | None:
        """Seconds until the next look; None for never."""
        if not (self._memory or self._pids or self._disk or self._group.events):
            return None
        return FAST if self._near else SLOW

    def by(self) -> dict[str, str]:
        """What holds each limit that there is."""
        names = {"memory": "memory", "pids": "pids", "cpus": "cpu", "disk": "disk"}
        weak = {"cpus": "processors"}
        return {
            limit: self._group.by.get(controller, weak.get(limit, "watchdog"))
            for limit, controller in names.items()
            if self._limits[limit]
        }

    def look(self) -> str:
        """The limit that was met, or ""."""
        found = self.met()
        if found:
            return found
        self._near = False
        tree = self._tree() if self._memory or self._pids else []
        if self._pids and self._over(sum(threads for _, threads, _ in tree), self._pids):
            return PIDS
        if self._memory and self._over(self._used(tree), self._memory):
            return MEMORY
        if self._disks is not None and self._over(self._disks.used(), self._disk):
            return DISK
        return ""

    def last(self) -> str:
        """The same once the process has ended."""
        found = self.met()
        if not found and self._disks is not None and self._disks.whole() > self._disk:
            return DISK
        return found

    def met(self) -> str:
        """The limit of a control group that was met, or ""."""
        if self._group.met("memory"):
            return MEMORY
        return PIDS if self._group.met("pids") else ""

    def _tree(self) -> list[tuple[int, int, int]]:
        if self._namespace is None:
            return members([self._pid], most=self._pids)
        return everyone(self._namespace, most=self._pids)

    def _over(self, used: int, limit: int) -> bool:
        self._near = self._near or used > limit // 2
        return used > limit

    def _used(self, tree: list[tuple[int, int, int]]) -> int:
        """Bytes: first as the kernel counts pages, which is too much where they are shared; then each page by its share."""
        held = sum(_memory_in(self._pid, path) for path in self._memory_files)
        resident = sum(pages for _, _, pages in tree) * _PAGE
        if resident + held <= self._memory:
            return resident + held if resident + held <= self._memory // 2 else self._memory // 2 + 1
        anonymous = shared = 0
        for pid, _, pages in tree:
            own, mapped = _shares(pid, pages * _PAGE)
            anonymous, shared = anonymous + own, shared + mapped
        return anonymous + max(shared, held)


class Disk:
    """The size of a writable layer: counted in pieces, and only when the disk has lost enough for it to matter.

    Args:
        upper: the directory, relative to the working directory.
        step: bytes that the disk has to lose before they are looked for.
    """

    __slots__ = ("_begun", "_due", "_found", "_free", "_known", "_step", "_top", "_walk")

    def __init__(self, upper: str, *, step: int) -> None:
        self._step = step
        self._top = os.open(upper, os.O_PATH | os.O_DIRECTORY)
        self._walk: Iterator[int] | None = self._sizes()
        self._begun = time.monotonic()
        self._due = 0.0
        self._found = 0
        self._free = self._available()
        self._known = 0

    def used(self) -> int:
        """Bytes, as last counted, or as far as a walk has come that found more."""
        lost = max(0, self._free - self._available())
        if self._walk is None and (lost > self._step or time.monotonic() >= self._due):
            self._start()
        if self._walk is not None:
            for size in self._walk:
                if size < 0:
                    break  # a stride is over
                self._found += size
            else:
                self._finish()
        return max(self._known, self._found)

    def whole(self) -> int:
        """Bytes, all counted now."""
        return sum(size for size in self._sizes() if size > 0)

    def _start(self) -> None:
        self._begun, self._found, self._free = time.monotonic(), 0, self._available()
        self._walk = self._sizes()

    def _finish(self) -> None:
        self._walk = None
        self._known, self._found = self._found, 0
        took = time.monotonic() - self._begun
        self._due = time.monotonic() + max(_SLOWEST, took * _SHARE)

    def _available(self) -> int:
        found = os.fstatvfs(self._top)
        return found.f_bavail * found.f_frsize

    def _sizes(self) -> Iterator[int]:
        """Bytes on disk of each entry, hard links once; -1 after each stride."""
        links: set[int] = set()
        pending = ["."]
        number = 0
        while pending:
            path = pending.pop()
            try:
                directory = _opened(self._top, path)
            except OSError:
                continue  # gone, or a link now
            try:
                for entry in os.scandir(directory):
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    if stat.S_ISDIR(found.st_mode):
                        pending.append(f"{path}/{entry.name}")
                    if found.st_nlink == 1 or stat.S_ISDIR(found.st_mode) or found.st_ino not in links:
                        links.add(found.st_ino) if found.st_nlink > 1 else None
                        yield found.st_blocks * 512 + 512
                    number += 1
                    if number % _STRIDE == 0:
                        yield -1
            finally:
                os.close(directory)


def _opened(top: int, path: str) -> int:
    """A directory below ``top``, as deep as it may lie: a path of more than PATH_MAX is gone in stages.

    Raises:
        OSError: it is gone, or a link now.
    """
    held = os.dup(top)
    while True:
        part, path = _stage(path)
        try:
            inner = files.openat2(part, os.O_RDONLY | os.O_DIRECTORY, resolve=_PLAIN, dir_fd=held)
        finally:
            os.close(held)
        if not path:
            return inner
        held = inner


def _stage(path: str) -> tuple[str, str]:
    """As much of a path as one call takes, and the rest of it."""
    if len(path) <= _LONGEST:
        return path, ""
    end = path.rindex("/", 0, _LONGEST)
    return path[:end], path[end + 1 :]


def members(roots: list[int], *, most: int = 0, children: bool = True) -> list[tuple[int, int, int]]:
    """Processes and all that come from them: pid, threads, resident pages; more than ``most`` are not looked for.

    Those beyond are told as a list of children has them, with one thread each: on a machine that is busy with a fork bomb they are gone
    before each could be looked at, and others are there.
    """
    found: list[tuple[int, int, int]] = []
    pending = list(dict.fromkeys(roots))
    seen = set(pending)
    while pending:
        if most and len(found) + len(pending) > most:
            return [*found, *((pid, 1, 0) for pid in pending)]
        pid = pending.pop()
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                words = file.read().rpartition(b")")[2].split()
            tasks = [str(pid)] if words[_THREADS] == b"1" else os.listdir(f"/proc/{pid}/task")
            for task in tasks if children else ():
                with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                    fresh = [child for child in map(int, file.read().split()) if child not in seen]
                seen.update(fresh)
                pending += fresh
        except OSError:
            continue
        found.append((pid, int(words[_THREADS]), int(words[_RESIDENT])))
    return found


def everyone(namespace: tuple[int, int], *, most: int = 0) -> list[tuple[int, int, int]]:
    """All processes of a pid namespace, as :func:`members` gives them."""
    belongs = in_namespace(namespace)
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit() and _belongs(int(name), belongs)]
    return members(pids, most=most, children=False)


def memory_of(tree: list[tuple[int, int, int]]) -> int:
    """Bytes of the processes' own memory, each page divided by who share it."""
    return sum(sum(_shares(pid, pages * _PAGE)) for pid, _, pages in tree)


def _belongs(pid: int, test: Callable[[int], bool]) -> bool:
    try:
        return test(pid)
    except OSError:
        return False


def _shares(pid: int, otherwise: int) -> tuple[int, int]:
    """Bytes of a process's own memory, and of memory in files that it has mapped, each page divided by who share it."""
    found = dict.fromkeys(_SHARES, 0)
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            lines = file.read().decode("ascii", "replace").splitlines()
    except ProcessLookupError:
        return 0, 0  # it is ending
    except OSError:
        return otherwise, 0
    for line in lines:
        name, _, value = line.partition(" ")
        if name in found:
            found[name] += int(value.split()[0]) * 1024
    return found["Pss_Anon:"] + found["SwapPss:"], found["Pss_Shmem:"]


def _device(path: str) -> int:
    with suppress(OSError):
        return os.stat(path).st_dev  # noqa: PTH116 - pathlib starts slowly
    return -1


def _memory_in(pid: int, path: str) -> int:
    """Bytes that a tmpfs of a process holds; until it has a root of its own, what is there is this machine's."""
    there = f"/proc/{pid}/root/{path}"
    with suppress(OSError):
        if _device(there) == _device(f"/{path}"):
            return 0
        found = os.statvfs(there)
        return (found.f_blocks - found.f_bfree) * found.f_frsize + (found.f_files - found.f_ffree) * _ENTRY
    return 0
