"""Where a kernel in a container and Jupyter meet: unix sockets in a private directory that both see.

The names of the sockets are ZMQ's and Jupyter's (``transport`` ``ipc``): the kernel's ``ip``, ``-`` and the port of a channel.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Where the container sees the shared directory.
INSIDE = "/run/kernel"
FILE = "connection.json"
SOCKET = "k"
_SHARED = "s"
# sun_path of unix(7) holds 108 bytes.
_LONGEST = 100


def private_directory(runtime: str) -> str:
    """A new directory of mode 0700, in Jupyter's runtime directory where that leaves room for a socket's name.

    What the container sees is :func:`shared` in it.
    """
    usual = len(os.fsencode(f"{runtime}/kernel-xxxxxxxx/{_SHARED}/{SOCKET}-65535")) <= _LONGEST and ":" not in runtime
    if usual:
        Path(runtime).mkdir(mode=0o700, parents=True, exist_ok=True)
    made = tempfile.mkdtemp(prefix="kernel-", dir=runtime if usual else None)
    Path(shared(made)).mkdir(mode=0o700)
    return made


def shared(directory: str) -> str:
    """The directory that the container sees."""
    return f"{directory}/{_SHARED}"


def open_up(directory: str) -> None:
    """Let every user of the container in; from outside the private directory is closed as before.

    For a container whose user is another one than Jupyter's, where no mount can show one as the other.
    """
    inside = shared(directory)
    Path(inside).chmod(0o777)
    Path(inside, FILE).chmod(0o644)


def write(info: Mapping[str, Any], directory: str) -> None:
    """The kernel's own connection file, for its user alone: Jupyter's, with the sockets as the container sees them."""
    key = info["key"]
    inside = {**info, "ip": f"{INSIDE}/{SOCKET}", "key": key.decode() if isinstance(key, bytes) else key}
    path = Path(shared(directory), FILE)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(inside, file)
