"""What each protection costs: a process's calls on the host and in a container, the parts of a start, and an emulation of stat. Run by hand.

    python benchmarks/protections.py [ROUNDS]

As root it measures itself (a range of ids), and again as a user without subordinate ids, whose containers have one id (``tests/users.py``).
Calls are the least of ROUNDS (default 200) short turns of a loop: what it costs when nothing else wants the processor. Parts of a start are the least
processor time of 60 children, from fork to the end of ``true``.

``stat emulated`` is what showing recorded owners inside would cost where there is one id: a seccomp notification for each ``newfstatat``, with
the path read from the caller's memory, the file opened and its owner looked up. It is the least that such a thing must do: the answer, which would
have to be written to the caller's memory, is left out.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dockmagic.engine.engine import Engine
from dockmagic.engine.settings import Settings
from dockmagic.sandbox import bpf, ids, seccomp, syscall_table
from dockmagic.sandbox.caller import Caller
from dockmagic.sandbox.spec import DEFAULT_CAPABILITIES
from dockmagic.syscalls import mounts, namespaces, notify, privileges

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 200

# What a process does, in microseconds a call; run on the host and inside.
CALLS = """
import json, os, sys, time
rounds = int(sys.argv[1])
top = sys.argv[2]
os.chdir(top)
open("file", "w").close()
def turn(count, action):
    begin = time.perf_counter()
    for _ in range(count):
        action()
    return (time.perf_counter() - begin) / count * 1e6
def make():
    os.close(os.open("new", os.O_CREAT | os.O_WRONLY)); os.unlink("new")
def start():
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
actions = {
    "getppid": (2000, os.getppid),
    "stat of a file of the image": (200, lambda: os.stat("/etc/passwd")),
    "open, close": (200, lambda: os.close(os.open("/etc/passwd", os.O_RDONLY))),
    "create, unlink": (40, make),
    "chown to oneself": (40, lambda: os.chown("file", os.getuid(), os.getgid())),
    "spawn of true": (4, start),
}
print(json.dumps({n: min(turn(c, a) for _ in range(rounds)) for n, (c, a) in actions.items()}))
"""


def least(action: Callable[[], float], count: int = 60) -> float:
    """Milliseconds."""
    return min(action() for _ in range(count))


def forked(work: Callable[[], object]) -> Callable[[], float]:
    """A child that does something and becomes ``true``; gives its processor time in milliseconds."""

    def run() -> float:
        pid = os.fork()
        if pid == 0:
            try:
                work()
                os.execv("/bin/true", ["true"])
            finally:
                os._exit(1)
        _, status, used = os.wait4(pid, 0)
        if status:
            raise RuntimeError("a part cannot be had here")
        return (used.ru_utime + used.ru_stime) * 1e3

    return run


def parts() -> dict[str, float]:
    """The parts of a start: milliseconds that each adds to fork and execve of ``true``."""
    machine = os.uname().machine
    program = seccomp.program(machine, DEFAULT_CAPABILITIES)

    def become_root(more: int = 0) -> None:
        uid, gid = os.geteuid(), os.getegid()
        namespaces.unshare(namespaces.NEWUSER | more)
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            Path(f"/proc/self/{name}").write_text(text)

    def with_overlay(layers: int) -> None:
        become_root(namespaces.NEWNS)
        mounts.mount("tmpfs", "/mnt", "tmpfs", 0, "")
        names = [f"/mnt/{n}" for n in range(layers)]
        for name in (*names, "/mnt/u", "/mnt/w", "/mnt/m"):
            Path(name).mkdir()
        options = f"lowerdir={':'.join(names)},upperdir=/mnt/u,workdir=/mnt/w,userxattr"
        mounts.mount("overlay", "/mnt/m", "overlay", 0, options)

    def filtered() -> None:
        privileges.set_no_new_privileges()
        privileges.load_filter(program)

    nothing = least(forked(lambda: None))
    wanted = {
        "user namespace": forked(become_root),
        "user and mount namespaces": forked(lambda: become_root(namespaces.NEWNS)),
        "the same and network": forked(lambda: become_root(namespaces.NEWNS | namespaces.NEWNET)),
        "the same, ipc, uts and cgroup": forked(
            lambda: become_root(
                namespaces.NEWNS | namespaces.NEWNET | namespaces.NEWIPC | namespaces.NEWUTS | namespaces.NEWCGROUP
            )
        ),
        "user and mount namespaces, overlay of 5 layers": forked(lambda: with_overlay(5)),
        "user and mount namespaces, overlay of 60 layers": forked(lambda: with_overlay(60)),
        "seccomp filter": forked(filtered),
    }
    found = {"fork and execve of true": nothing}
    for name, action in wanted.items():
        try:
            found[name] = least(action) - nothing
        except RuntimeError:
            continue
    begin = time.perf_counter()
    for _ in range(20):
        seccomp.program(machine, DEFAULT_CAPABILITIES)
    found["compiling the filter, once a server"] = (time.perf_counter() - begin) / 20 * 1e3
    return found


def stat_emulated() -> float:
    """Microseconds of a stat that a supervisor answers."""
    machine = os.uname().machine
    number = syscall_table.numbers(machine)["newfstatat"]
    let = bpf.end(bpf.ALLOW)
    program = bpf.pack(
        bpf.only_native(syscall_table.audit_arch(machine), bpf.by_number({number: bpf.end(bpf.NOTIFY)}, let), let)
    )
    reader, writer = os.pipe()
    result, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        privileges.set_no_new_privileges()
        listener = privileges.load_filter(program, privileges.FILTER_NEW_LISTENER)
        os.write(writer, b"%d" % listener)
        count, times = 100, []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            for _ in range(count):
                try:
                    os.stat("/etc/passwd")  # noqa: PTH116 - the call alone
                except OSError:
                    continue
            times.append((time.perf_counter() - begin) / count * 1e6)
        os.write(told, b"%f" % min(times))
        os._exit(0)
    own = os.pidfd_open(pid)
    listener = _taken(own, int(os.read(reader, 16)))
    notify.wake_synchronously(listener)
    _answered(listener, pid)
    os.close(own)
    return float(os.read(result, 64))


def _taken(pidfd: int, number: int) -> int:
    """pidfd_getfd(2): the child's listener."""
    import ctypes  # noqa: TID251 - a benchmark's own

    found = ctypes.CDLL(None, use_errno=True).syscall(438, pidfd, number, 0)
    if found < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return int(found)


def _answered(listener: int, pid: int) -> None:
    """Answer until the child has ended."""
    import select

    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while True:
        events = poll.poll(1000)
        if not events or not events[0][1] & select.POLLIN:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return
            continue
        try:
            one = notify.receive(listener)
        except OSError:
            continue
        caller = Caller(one.pid)
        opened = caller.open_path(None, caller.read_string(one.arguments[1]), follow=True)
        os.fstat(opened)
        with suppress(OSError):
            os.getxattr(f"/proc/self/fd/{opened}", "user.dockmagic.owner")
        os.close(opened)
        notify.answer(listener, one, 1)


def measured() -> dict[str, dict[str, float]]:
    """Everything, as this user."""
    found = {}
    with tempfile.TemporaryDirectory() as home:
        host = Path(home) / "host"
        host.mkdir()
        done = os.popen(f"{sys.executable} -I -c '{CALLS.replace(chr(39), chr(34))}' {ROUNDS} {host}").read()
        found["host"] = json.loads(done)
        engine = Engine(Path(home) / "store")
        for name, settings in (("container", Settings()), ("untrusted", Settings(untrusted=True))):
            run = engine.run(
                "localhost/python", script=CALLS, interp="python3", argv=(str(ROUNDS), "/root"), settings=settings
            )
            found[name] = json.loads(run.stdout)
        engine.close()
    return found


def main() -> None:
    """Print tables."""
    kind = ids.candidates()[-1].name if os.geteuid() else ids.candidates()[0].name
    found = measured()
    print(f"\n{kind}: microseconds a call\n")
    print("| | host | container | --untrusted |\n|---|---|---|---|")
    for name in found["host"]:
        print(f"| {name} | " + " | ".join(f"{found[place][name]:.1f}" for place in found) + " |")
    print("\n| part of a start | milliseconds |\n|---|---|")
    for name, value in parts().items():
        print(f"| {name} | {value:.2f} |")
    print(f"\nstat emulated: {stat_emulated():.1f} us", flush=True)


if __name__ == "__main__":
    main()
