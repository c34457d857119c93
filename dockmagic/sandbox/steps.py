"""The steps that trials are made of: namespaces, maps, mounts and filters as small as they can be.

Standard library only, and no ``typing`` or ``dataclasses``, as in ``trials``.
"""
# pathlib would cost the child's start
# ruff: noqa: PTH102, PTH108, PTH109, PTH123

from __future__ import annotations

import os
import pwd
from errno import EACCES, ENOENT, EPERM, EPROTO

from dockmagic.syscalls import mounts
from dockmagic.syscalls.namespaces import NEWNS, NEWPID, NEWUSER, NEWUTS, unshare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Where root's own range begins when /etc/subuid grants it none: far above any range that is given to users.
ROOT_RANGE = 1879048192
IDS = 65536


def granted(text: str, uid: int, name: str) -> tuple[int, int] | None:
    """The first subordinate range of a user: subuid(5).

    Args:
        text: of /etc/subuid or /etc/subgid.
        uid: the user's number, which may stand in place of the name.
        name: the user's name, or "".

    Returns:
        First id and count, or None.
    """
    for line in text.splitlines():
        owner, _, numbers = line.partition(":")
        first, _, count = numbers.partition(":")
        if owner in {name, str(uid)} and owner and first.isdigit() and count.isdigit() and int(count):
            return int(first), int(count)
    return None


def enter(tried: list[str], flags: int = 0) -> None:
    """Become root of a new user namespace of one id, and of the namespaces in ``flags``."""
    uid, gid = os.geteuid(), os.getegid()
    tried.append("unshare(CLONE_NEWUSER)")
    unshare(NEWUSER)
    tried.append("write(/proc/self/uid_map)")
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"0 {uid} 1")
    write("/proc/self/gid_map", f"0 {gid} 1")
    if flags:
        tried.append(f"unshare({'|'.join(_names(flags))})")
        unshare(flags)
    if flags & NEWNS:
        tried.append("mount(MS_PRIVATE)")
        mounts.set_propagation(mounts.MS_PRIVATE)


def map_range(tried: list[str], child: int) -> str:
    """Give a child's new namespace a range; says by whom."""
    uid = os.geteuid()
    name = next((entry.pw_name for entry in pwd.getpwall() if entry.pw_uid == uid), "")
    ranges = [granted(_read(path), uid, name) for path in ("/etc/subuid", "/etc/subgid")]
    if uid == 0:
        base, count = ranges[0] or (ROOT_RANGE, IDS)
        for file in ("uid_map", "gid_map"):
            tried.append(f"write(/proc/PID/{file})")
            write(f"/proc/{child}/{file}", f"0 {base} {min(count, IDS)}")
        return "written by root"
    for program, own, found in zip(("newuidmap", "newgidmap"), (uid, os.getegid()), ranges, strict=True):
        tried.append(program)
        if found is None:
            where = "/etc/subuid" if program == "newuidmap" else "/etc/subgid"
            raise FileNotFoundError(ENOENT, f"no range in {where}")
        words = [program, str(child), "0", str(own), "1", "1", str(found[0]), str(min(found[1], IDS - 1))]
        _spawn(words)
    return "by newuidmap"


def hold_namespace(tried: list[str]) -> tuple[int, int]:
    """A child in a new user namespace that has no map yet: its pid, and a descriptor whose closing lets it go on.

    It goes on to become user 1 of its namespace, and ends with that call's errno.
    """
    ready, told = os.pipe()
    wait, go = os.pipe()

    def hold() -> None:
        os.close(ready)
        os.close(go)
        unshare(NEWUSER)
        os.write(told, b"r")
        os.read(wait, 1)
        os.setresgid(1, 1, 1)
        os.setresuid(1, 1, 1)

    tried.append("unshare(CLONE_NEWUSER)")
    child = fork(hold)
    for descriptor in (told, wait):
        os.close(descriptor)
    if not os.read(ready, 1):
        join(child)
    os.close(ready)
    return child, go


def mount_tmpfs(tried: list[str]) -> None:
    """Mount one on the working directory, and go there."""
    tried.append('mount("tmpfs")')
    mounts.mount("tmpfs", ".", "tmpfs", mounts.NOSUID | mounts.NODEV, "size=1m")
    os.chdir(os.getcwd())


def mount_overlay(tried: list[str]) -> None:
    """Mount one below the working directory; write to it and delete through it."""
    for name in ("lower", "upper", "work", "merged"):
        os.mkdir(name)
    os.close(os.open("lower/old", os.O_CREAT | os.O_WRONLY, 0o600))
    tried.append('mount("overlay")')
    mounts.mount("overlay", "merged", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work,userxattr")
    tried.append("open(overlay, O_CREAT)")
    os.close(os.open("merged/new", os.O_CREAT | os.O_WRONLY, 0o600))
    tried.append("unlink(overlay)")
    os.unlink("merged/old")


def own_group() -> tuple[str, str]:
    """The control group of this process that can limit memory: version and directory."""
    groups = dict(line.split(":", 2)[1:] for line in _read("/proc/self/cgroup").splitlines())
    for names, path in groups.items():
        if "memory" in names.split(","):
            return "cgroup v1", f"/sys/fs/cgroup/memory{path}"
    return "cgroup v2", f"/sys/fs/cgroup{groups.get('', '/')}"


def fork(action: Callable[[], object]) -> int:
    """Do something in a child, which ends with the errno of what failed; its pid."""
    child = os.fork()
    if child == 0:
        try:
            action()
        except OSError as error:
            os._exit(error.errno or EACCES)
        os._exit(0)
    return child


def join(child: int) -> None:
    """Wait for a child of :func:`fork`; its errno is raised here, EPROTO when it was killed."""
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        code = code if code > 0 else EPROTO
        raise OSError(code, os.strerror(code))


def _spawn(words: list[str]) -> None:
    """Run a program of the host; its complaint becomes the error's text."""
    reader, writer = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, writer, 2)]
    pid = os.posix_spawnp(words[0], words, os.environ, file_actions=actions)
    os.close(writer)
    complaint = os.read(reader, 4096).decode("utf-8", "replace")
    os.close(reader)
    if os.waitpid(pid, 0)[1]:
        raise OSError(EPERM, (complaint.splitlines() or [words[0]])[-1].replace(words[1], "PID"))


def _names(flags: int) -> list[str]:
    known = {NEWNS: "CLONE_NEWNS", NEWUTS: "CLONE_NEWUTS", NEWPID: "CLONE_NEWPID"}
    return [name for flag, name in known.items() if flags & flag]


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def write(path: str, text: str) -> None:
    """Write a file of procfs with one call, as maps want it."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
