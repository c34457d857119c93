"""A host that refuses things: runs a command behind a seccomp filter, as an administrator's policy would make it.

On a command line: ``python -m tests.integration.denied_host user-namespaces mount=EACCES -- COMMAND ...``; a word is a name of ``HOSTS`` or
``CALL=ERRNO``, or ``profile=FILE`` of a container whose processes have no capability. In a test: ``subprocess.run(denied_host.command(["user-namespaces"], [...]))``.

The filter sets no_new_privs too, so setuid programs (newuidmap) lose their rights, as in a pod.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockmagic.sandbox import bpf, seccomp_profile, syscall_table
from tests.integration.filters import install

if TYPE_CHECKING:
    from tests.users import User

_NEW_USER = 0x10000000
_MOUNTS = "mount umount2 pivot_root fsopen fsconfig fsmount fspick move_mount open_tree mount_setattr open_tree_attr"
_PTRACE = "ptrace process_vm_readv process_vm_writev"
_TELL = """
result["problems"] = engine.session.store.check()
engine.close()
print(json.dumps(result))
"""

# What a kind of host refuses: system call to errno. clone and unshare are refused only for new user namespaces.
HOSTS: dict[str, dict[str, str]] = {
    "user-namespaces": {"unshare": "EPERM", "clone": "EPERM", "clone3": "ENOSYS"},
    "mounts": dict.fromkeys(_MOUNTS.split(), "EACCES"),
    "new-mount-calls": dict.fromkeys(
        ["fsopen", "fsconfig", "fsmount", "move_mount", "open_tree", "mount_setattr"], "ENOSYS"
    ),
    "seccomp": {"seccomp": "EINVAL"},
    "ptrace": dict.fromkeys(_PTRACE.split(), "EPERM"),
    "pivot-root": {"pivot_root": "EPERM"},
}


def command(denied: Sequence[str], argv: Sequence[str]) -> list[str]:
    """The words that run ``argv`` on such a host; the repository must be the working directory or in PYTHONPATH."""
    return [sys.executable, "-m", "tests.integration.denied_host", *denied, "--", *argv]


def told(user: User, denied: Sequence[str], script: str, *, isolation: str) -> Any:
    """What a script of a user says there: it has an ``engine``, and fills ``result``; the store must be whole behind it."""
    words = command(denied, [sys.executable, "-c", f"{script}{_TELL}"])
    done = user.run(*words, timeout=200, DOCKMAGIC_ISOLATION=isolation)
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("problems") == []
    return found


def program(denied: Sequence[str]) -> bytes:
    """The filter for words as on the command line."""
    machine = os.uname().machine
    refused: dict[str, str] = {}
    for word in denied:
        name, equals, number = word.partition("=")
        refused |= {name: number} if equals else HOSTS[word]
    numbers, let = syscall_table.numbers(machine), bpf.end(bpf.ALLOW)
    pieces = {}
    for name, number in refused.items():
        refuse = bpf.end(bpf.fail(getattr(errno, number)))
        by_flag = name in {"clone", "unshare"}
        pieces[numbers[name]] = bpf.when_any_bit(bpf.low(0), _NEW_USER, refuse, let) if by_flag else refuse
    return bpf.pack(bpf.only_native(syscall_table.audit_arch(machine), bpf.by_number(pieces, let), let))


def _profile(path: str) -> bytes:
    here = os.uname()
    return seccomp_profile.compiled(Path(path).read_text(), machine=here.machine, release=here.release, capabilities=())


def main(words: Sequence[str]) -> None:
    """Load the filter and become the command."""
    at = words.index("--")
    for word in words[:at]:
        if word.startswith("profile="):
            install(_profile(word.removeprefix("profile=")))
    install(program([word for word in words[:at] if not word.startswith("profile=")]))
    os.execvp(words[at + 1], words[at + 1 :])


if __name__ == "__main__":
    main(sys.argv[1:])
