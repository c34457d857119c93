"""Trials: each does, on a small scale, one thing that a sandbox needs of the host, to see whether the host lets it.

The child of ``sandbox.probe``: :func:`main` forks once for each trial, so that no trial changes the next one's world, and writes JSON to its
standard output. A trial notes each call in ``tried`` before it makes it, and returns a detail in words or raises the OSError of
the call that was refused. It works in a directory of its own, which is removed afterwards.

Standard library only, and no ``typing`` or ``dataclasses``: it may run within a cell's first run.
"""
# pathlib would cost the child's start
# ruff: noqa: PTH101, PTH102, PTH106, PTH108, PTH208

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from errno import ENOENT, errorcode

from dockmagic.sandbox import cgroups, seccomp
from dockmagic.sandbox.steps import (
    IDS,
    ROOT_RANGE,
    enter,
    fork,
    hold_namespace,
    join,
    map_range,
    mount_overlay,
    mount_tmpfs,
    own_group,
    write,
)
from dockmagic.syscalls import mounts, notify
from dockmagic.syscalls.namespaces import NEWNS, NEWPID, NEWUTS, sethostname
from dockmagic.syscalls.privileges import FILTER_NEW_LISTENER, limit_bounding_set, load_filter, set_no_new_privileges
from dockmagic.syscalls.trace import let_parent_trace

_TIMEOUT = 5


def try_user_namespace(tried: list[str]) -> str:
    """A user namespace that really gives rights inside: where AppArmor hollows it out, only the second step fails."""
    enter(tried, NEWUTS)
    tried.append("prctl(PR_CAPBSET_DROP)")
    limit_bounding_set(0)
    try:
        sethostname("trial")
    except OSError as error:
        return f"sethostname(): {errorcode.get(error.errno or 0, '')}, so containers have the outer host name"
    return ""


def try_id_range(tried: list[str]) -> str:
    """A user namespace with 65,536 ids: written by root itself, or by newuidmap and newgidmap."""
    child, go = hold_namespace(tried)
    try:
        detail = map_range(tried, child)
    finally:
        os.close(go)
    tried.append("setresuid()")
    join(child)
    return detail


def try_mount(tried: list[str]) -> str:
    """A tmpfs in a mount namespace of our own, by the old call and by those of Linux 5.2."""
    enter(tried, NEWNS)
    mount_tmpfs(tried)
    tried.append("fsopen()")
    mount = mounts.new_mount("tmpfs", {"size": "1m"}, mounts.NOSUID | mounts.NODEV)
    tried.append("move_mount()")
    mounts.move_mount(mount, os.open(".", os.O_PATH))
    return ""


def try_overlay(tried: list[str]) -> str:
    """An overlay with ``userxattr`` that can be written, its upper directory on the disk of the store."""
    enter(tried, NEWNS)
    mount_overlay(tried)
    return ""


def try_overlay_on_tmpfs(tried: list[str]) -> str:
    """The same with the upper directory on a tmpfs."""
    enter(tried, NEWNS)
    mount_tmpfs(tried)
    mount_overlay(tried)
    return ""


def try_proc(tried: list[str]) -> str:
    """A new procfs, which the kernel refuses where parts of the outer one are masked."""
    enter(tried, NEWNS | NEWPID)

    tried.append('mount("proc")')
    join(fork(lambda: mounts.mount("proc", ".", "proc", mounts.NOSUID | mounts.NODEV | mounts.NOEXEC, "")))
    return ""


def try_filter(tried: list[str]) -> str:
    """A seccomp filter of our own."""
    tried.append("prctl(PR_SET_NO_NEW_PRIVS)")
    set_no_new_privileges()
    tried.append("seccomp(SECCOMP_SET_MODE_FILTER)")
    load_filter(seccomp.program(os.uname().machine, []))
    return ""


def try_notification(tried: list[str]) -> str:
    """A filter that asks us: one change of an owner, answered by this process."""
    tried.append("prctl(PR_SET_NO_NEW_PRIVS)")
    set_no_new_privileges()
    tried.append("seccomp(SECCOMP_FILTER_FLAG_NEW_LISTENER)")
    listener = load_filter(seccomp.ownership_program(os.uname().machine), FILTER_NEW_LISTENER)
    child = fork(lambda: os.chown(".", 12345, 12345))
    tried.append("ioctl(SECCOMP_IOCTL_NOTIF_RECV)")
    notify.answer(listener, notify.receive(listener))
    join(child)
    return ""


def try_idmapped_mount(tried: list[str]) -> str:
    """A mount of the store's disk with shifted ids; nothing needs it, it is for the doctor."""
    child, _ = hold_namespace(tried)
    for file in ("uid_map", "gid_map"):
        tried.append(f"write(/proc/PID/{file})")
        write(f"/proc/{child}/{file}", f"0 {ROOT_RANGE} {IDS}")
    tried.append("open_tree(OPEN_TREE_CLONE)")
    tree = mounts.open_tree(".")
    namespace = os.open(f"/proc/{child}/ns/user", os.O_RDONLY)
    tried.append("mount_setattr(MOUNT_ATTR_IDMAP)")
    mounts.mount_setattr(tree, add=mounts.IDMAP, userns=namespace)
    return ""


def try_pivot_root(tried: list[str]) -> str:
    """A root directory of our own, and the old one gone."""
    enter(tried, NEWNS)
    mount_tmpfs(tried)
    tried.append("pivot_root()")
    mounts.pivot_root(".", ".")
    tried.append("umount2(MNT_DETACH)")
    mounts.detach(".")
    return ""


def try_ptrace(tried: list[str]) -> str:
    """Tracing a child of ours."""
    tried.append("ptrace(PTRACE_TRACEME)")
    join(fork(let_parent_trace))
    return ""


def try_cgroup(tried: list[str]) -> str:
    """A group of our own with limits of memory and processes: where containers get theirs, else below this process's own."""
    version, group = cgroups.parents().get("memory") or own_group()
    tried.append(f"mkdir({version})")
    trial = f"{group}/dockmagic-trial-{os.getpid()}"
    os.mkdir(trial)
    try:
        limits = os.listdir(trial)
    finally:
        os.rmdir(trial)
    if not {"memory.max", "memory.limit_in_bytes"} & set(limits):
        tried.append("open(memory.max)")
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT))
    return version


def try_tun(tried: list[str]) -> str:
    """The device that user-mode networks need."""
    tried.append("open(/dev/net/tun)")
    os.close(os.open("/dev/net/tun", os.O_RDWR))
    return ""


TRIALS = {
    "user namespace": try_user_namespace,
    "id range": try_id_range,
    "mount": try_mount,
    "overlay on disk": try_overlay,
    "overlay on tmpfs": try_overlay_on_tmpfs,
    "new /proc": try_proc,
    "seccomp filter": try_filter,
    "user notification": try_notification,
    "idmapped mount": try_idmapped_mount,
    "pivot_root": try_pivot_root,
    "ptrace": try_ptrace,
    "cgroup": try_cgroup,
    "/dev/net/tun": try_tun,
}


def main(directory: str, *names: str) -> None:
    """Run trials in an empty directory; writes ``[{name, ok, call, errno, detail}, …]``."""
    os.chdir(directory)
    found = [_run(name) for name in names]
    os.write(sys.stdout.fileno(), json.dumps(found).encode())


def _run(name: str) -> dict[str, object]:
    """One trial in a child of its own, which has a moment to finish."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    place = name.replace("/", "_")
    os.mkdir(place, 0o700)
    child = os.fork()
    if child == 0:
        here.close()
        os.chdir(place)
        os.setsid()
        signal.alarm(_TIMEOUT)
        there.send(json.dumps(_outcome(name)).encode())
        os._exit(0)
    there.close()
    answer = here.recv(1 << 16)
    os.waitpid(child, 0)
    _remove(place)
    silent = {"ok": False, "call": name, "errno": 0, "detail": "no answer"}
    return {"name": name, **(json.loads(answer) if answer else silent)}


def _outcome(name: str) -> dict[str, object]:
    tried = [name]
    try:
        detail = TRIALS[name](tried)
    except OSError as error:
        return {"ok": False, "call": tried[-1], "errno": error.errno or 0, "detail": _words(error)}
    return {"ok": True, "call": tried[-1], "errno": 0, "detail": detail}


def _words(error: OSError) -> str:
    """What an error says beyond its call and its number."""
    text = error.strerror or ""
    call_name, _, rest = text.rpartition(": ")
    return "" if rest == os.strerror(error.errno or 0) and " " not in call_name else text


def _remove(path: str) -> None:
    """A trial's directory, with what an overlay left in it: its work directory cannot be read as it is."""
    os.chmod(path, 0o700)
    for entry in list(os.scandir(path)):
        if entry.is_dir(follow_symlinks=False):
            _remove(entry.path)
        else:
            os.unlink(entry.path)
    os.rmdir(path)
