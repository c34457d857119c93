"""A thread of a container as its supervisor sees it: its memory, its root, its descriptors, its paths.

All of it is read through ``/proc/<pid>`` of the supervisor's own mount namespace. Whoever reads must check afterwards that
the pid still means the same thread (``syscalls.notify.is_valid``).

Standard library only, and no ``typing``: the supervisor starts with the container.
"""

from __future__ import annotations

import os
import re
import stat
from errno import EBADF, EFAULT, ELOOP, ENAMETOOLONG, ENOTDIR

_PAGE = 4096
_PATH_MAX = 4096
_MOST = 1 << 16
_MAX_LINKS = 40
_CAP_CHOWN = 1 << 0
_OWN_DESCRIPTOR = re.compile(rb"/+(?:proc/+(?:self|thread-self)|dev)/+fd/+([0-9]{1,9})")
_STANDARD = {b"/dev/stdin": 0, b"/dev/stdout": 1, b"/dev/stderr": 2}


class Caller:
    """A thread that waits in a system call.

    Attributes:
        pid: the thread's id in the supervisor's pid namespace.
    """

    __slots__ = ("pid",)

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def read_string(self, address: int) -> bytes:
        """The string at an address, at most PATH_MAX bytes with its end.

        Raises:
            OSError: EFAULT or ENAMETOOLONG, as the kernel says for a path.
        """
        memory = os.open(f"/proc/{self.pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        try:
            found = b""
            while len(found) < _PATH_MAX:
                at = address + len(found)
                chunk = _read_memory(memory, at, min(_PAGE - at % _PAGE, _PATH_MAX - len(found)))
                end = chunk.find(b"\0")
                if end >= 0:
                    return found + chunk[:end]
                found += chunk
        finally:
            os.close(memory)
        raise OSError(ENAMETOOLONG, os.strerror(ENAMETOOLONG))

    def may_chown(self) -> bool:
        """The thread has CAP_CHOWN in its user namespace."""
        return bool(int(_field(_read(f"/proc/{self.pid}/status"), b"CapEff:"), 16) & _CAP_CHOWN)

    def open_root(self) -> int:
        """An O_PATH descriptor of the thread's root directory."""
        return os.open(f"/proc/{self.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def open_cwd(self) -> int:
        """An O_PATH descriptor of the thread's working directory."""
        return os.open(f"/proc/{self.pid}/cwd", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def open_descriptor(self, number: int, *, of_path: bool) -> int:
        """An O_PATH descriptor of what a descriptor of the thread is open on.

        Args:
            number: the descriptor as the thread numbers it.
            of_path: an O_PATH descriptor of the thread will do (as ``dirfd``; not for ``fchown``).

        Raises:
            OSError: EBADF.
        """
        try:
            if not of_path and _flags(f"/proc/{self.pid}/fdinfo/{number}") & os.O_PATH:
                raise OSError(EBADF, os.strerror(EBADF))
            return os.open(f"/proc/{self.pid}/fd/{number}", os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            raise OSError(EBADF, os.strerror(EBADF)) from None

    def open_path(self, start: int | None, path: bytes, *, follow: bool) -> int:
        """An O_PATH descriptor of what a path means to the thread.

        ``/proc/self/fd/N`` and its aliases in /dev mean the thread's descriptor; other links of /proc whose text is not a
        path are not followed.

        Args:
            start: descriptor number of the thread that a relative path starts at, None for its working directory.
            path: absolute or relative.
            follow: follow a symlink in the last place.

        Raises:
            OSError: ENOENT, ENOTDIR, ELOOP, EBADF and so on, as the thread's own call would.
        """
        own = _OWN_DESCRIPTOR.fullmatch(path) if follow else None
        if follow and (own or path in _STANDARD):
            return self.open_descriptor(int(own[1]) if own else _STANDARD[path], of_path=True)
        root = self.open_root()
        try:
            if path.startswith(b"/"):
                return walk(root, root, path, follow=follow)
            base = self.open_cwd() if start is None else self.open_descriptor(start, of_path=True)
            try:
                return walk(root, base, path, follow=follow)
            finally:
                os.close(base)
        finally:
            os.close(root)


def walk(root: int, start: int, path: bytes, *, follow: bool) -> int:
    """Resolve a path component by component below a root that is not ours; path_resolution(7).

    Every step is one component opened with O_NOFOLLOW from the descriptor of the step before, so no path is ever resolved against the
    supervisor's own root: absolute symlinks start at ``root``, and ``..`` stays there.

    Args:
        root: descriptor of the directory that is ``/``.
        start: descriptor that the path starts at; an absolute one should start at ``root``.
        path: the path's bytes.
        follow: follow a symlink in the last place.

    Returns:
        A new O_PATH descriptor.
    """
    top = _identity(root)
    pending = path.split(b"/")[::-1]
    links = 0
    current = os.dup(start)
    try:
        while pending:
            following = _step(current, pending.pop(), top)
            target = os.readlink(b"", dir_fd=following) if _is_link(following) and (pending or follow) else None
            if target is None:
                os.close(current)
                current = following
                continue
            os.close(following)
            links = _counted(links + 1)
            pending += target.split(b"/")[::-1]
            if target.startswith(b"/"):
                os.close(current)
                current = os.dup(root)
    except BaseException:
        os.close(current)
        raise
    return current


def _step(directory: int, name: bytes, top: tuple[int, int]) -> int:
    """One component: a new descriptor."""
    if name in {b"", b"."} or (name == b".." and _identity(directory) == top):
        if not stat.S_ISDIR(os.fstat(directory).st_mode):
            raise OSError(ENOTDIR, os.strerror(ENOTDIR))
        return os.dup(directory)
    return os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)


def _counted(links: int) -> int:
    if links > _MAX_LINKS:
        raise OSError(ELOOP, os.strerror(ELOOP))
    return links


def _is_link(descriptor: int) -> bool:
    return stat.S_ISLNK(os.fstat(descriptor).st_mode)


def _identity(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino


def mount_id(descriptor: int) -> int:
    """The mount that one of our own descriptors is on; proc_pid_fdinfo(5)."""
    return int(_field(_read(f"/proc/self/fdinfo/{descriptor}"), b"mnt_id:"))


def _flags(fdinfo: str) -> int:
    """The open flags of a descriptor."""
    return int(_field(_read(fdinfo), b"flags:"), 8)


def _field(text: bytes, name: bytes) -> bytes:
    """The value on the line that begins with ``name``."""
    start = (b"\n" + text).index(b"\n" + name) + len(name)
    return text[start : text.index(b"\n", start)]


def _read(path: str) -> bytes:
    """A file of procfs; a user of very many groups has a long status."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, _MOST)
    finally:
        os.close(descriptor)


def _read_memory(memory: int, address: int, size: int) -> bytes:
    """Bytes of another process's memory, within one page.

    Raises:
        OSError: EFAULT.
    """
    try:
        found = os.pread(memory, size, address)
    except (OSError, OverflowError):
        found = b""
    if not found:
        raise OSError(EFAULT, os.strerror(EFAULT))
    return found
