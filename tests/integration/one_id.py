"""A container of one id, as small as it can be, with the real supervisor: ``python -m tests.integration.one_id BASE UID SCRIPT``.

To be run by an ordinary user, with ``--plain`` behind it without filter and supervisor, with ``--known=JSON``
with an earlier table. BASE holds ``lower``; ``upper``, ``work`` and ``root`` are made there. SCRIPT is Python, run inside as UID with the
names below; what it puts into ``result`` is printed with the supervisor's table, as JSON.
"""

from __future__ import annotations

import ctypes  # noqa: TID251 - the walls here are the test's own, so that the supervisor is tested alone
import errno
import json
import os
import resource
import socket
import stat  # noqa: F401 - for scripts
import struct
import sys
import threading  # noqa: F401 - for scripts
import time  # noqa: F401 - for scripts
import traceback
from pathlib import Path

from dockmagic.sandbox import seccomp
from dockmagic.sandbox.ownership import supervise
from tests.integration.filters import LIBC, check, install

NEWNS, NEWUSER, NEWPID = 0x20000, 0x10000000, 0x20000000
SYS = {"x86_64": (155, 126), "aarch64": (41, 91)}[os.uname().machine]


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None) -> None:
    words = [None if w is None else w.encode() for w in (source, target, kind, options)]
    check(LIBC.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]))


def enter(flags: int, inside: int, outside: tuple[int, int]) -> None:
    check(LIBC.unshare(NEWUSER | flags))
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inside} {outside[0]} 1"),
        ("gid_map", f"{inside} {outside[1]} 1"),
    ):
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(descriptor, text.encode())
        os.close(descriptor)


def drop_capabilities() -> None:
    header = struct.pack("=Ii", 0x20080522, 0)
    check(LIBC.syscall(ctypes.c_long(SYS[1]), header, bytes(24)))


def raw_chown(address: int) -> None:
    check(LIBC.chown(ctypes.c_void_p(address), 1, 1))


def fchownat(directory: int, path: bytes, uid: int, gid: int, flags: int) -> None:
    check(LIBC.fchownat(directory, path, ctypes.c_uint(uid & 0xFFFFFFFF), ctypes.c_uint(gid & 0xFFFFFFFF), flags))


def attempt(call, *arguments, **options) -> str:
    try:
        call(*arguments, **options)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "ok"


def listen(channel: socket.socket) -> None:
    listener = install(seccomp.ownership_program(os.uname().machine), 8 | 32)  # NEW_LISTENER, WAIT_KILLABLE_RECV
    socket.send_fds(channel, [b"l"], [listener])
    os.close(listener)


def container(script: str, channel: socket.socket, *, plain: bool) -> None:
    mount("none", "/", None, 0x4000 | 0x40000, None)
    mount("overlay", "root", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work,userxattr")
    os.chdir("root")
    mount("proc", "proc", "proc", 0, None)
    mount("tmpfs", "tmp", "tmpfs", 0, None)
    check(LIBC.syscall(ctypes.c_long(SYS[0]), b".", b"."))
    check(LIBC.umount2(b".", 2))
    os.chdir("/")
    check(LIBC.prctl(38, 1, 0, 0, 0))
    if not plain:
        listen(channel)
    names = dict(globals()) | {"result": {}}
    try:
        exec(compile(script, "script", "exec"), names)
    except BaseException:  # noqa: BLE001 - shown by the parent
        names["result"] = {"failed": traceback.format_exc()}
    channel.send(json.dumps(names["result"]).encode())


def inner(inside: int, script: str, channel: socket.socket, *, plain: bool) -> None:
    enter(NEWNS | NEWPID, inside, (0, 0))
    first = os.fork()
    if first == 0:
        container(script, channel, plain=plain)
        os._exit(0)
    os.waitpid(first, 0)
    os._exit(0)


def main(base: str, inside: str, script: str, *options: str) -> None:
    plain = "--plain" in options
    known = next((json.loads(word.removeprefix("--known=")) for word in options if word.startswith("--known=")), None)
    os.chdir(base)
    for name in ("upper", "work", "root"):
        Path(name).mkdir(exist_ok=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    enter(NEWNS, 0, (os.geteuid(), os.getegid()))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        ours.close()
        inner(int(inside), script, theirs, plain=plain)
    theirs.close()
    owners = {}
    if not plain:
        _, (listener,), _, _ = socket.recv_fds(ours, 16, 1)
        upper = os.open("upper", os.O_PATH | os.O_DIRECTORY)
        default = int(inside), int(inside)
        owners = supervise(listener, machine=os.uname().machine, upper=upper, default_owner=default, known=known)
    os.waitpid(child, 0)
    json.dump({"result": json.loads(ours.recv(1 << 20) or b"null"), "owners": owners}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
