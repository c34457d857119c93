"""What ``--sysctl`` may set: the kernel's settings that a container has for itself. Pure.

Those of its IPC namespace (System V IPC and POSIX message queues; ipc_namespaces(7)) and, where it has a network of its own, of that. All others
are the machine's, as docker has it too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dockmagic.errors import UsageError

_OF_IPC = frozenset(
    f"kernel.{name}" for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced")
)
_NETWORK, _QUEUES = "net.", "fs.mqueue."
_NAME = re.compile(r"[a-z0-9_]+(\.[A-Za-z0-9_-]+)+")
# proc(5): a write to a setting is one line; the longest that the kernel reads is a page.
_VALUE = re.compile(r"[\x20-\x7e\t]{0,1024}")


def parsed(texts: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE`` of each; of several with one name the last counts.

    Raises:
        UsageError: it is none, or no container has that setting for itself.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise UsageError(f'--sysctl "{text}" is not NAME=VALUE', hint="e.g. kernel.shmmax=1073741824")
        if name not in _OF_IPC and not name.startswith((_NETWORK, _QUEUES)):
            raise UsageError(
                f"--sysctl {name}: that is a setting of the machine, no container has it for itself",
                hint="kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.* and net.* can be set",
            )
        found[name] = value
    return found


def require_network(settings: Mapping[str, str], network: str) -> None:
    """See that a container has what is set for itself.

    Args:
        settings: by name.
        network: what ``--network`` says: the container's own only with ``none`` and ``private``.

    Raises:
        UsageError: the network is another's.
    """
    for name in settings:
        if name.startswith(_NETWORK) and network not in {"none", "private"}:
            hint = "a container has net.* for itself with --network none and private"
            raise UsageError(f"--sysctl {name} cannot be used with --network {network}", hint=hint)
