"""The ``-v SOURCE:TARGET[:ro|rw]`` option."""

from __future__ import annotations

import posixpath
from pathlib import Path

from dockmagic.errors import UsageError
from dockmagic.sandbox.spec import Bind

# The labels of z and Z are for docker's SELinux domain, the others for its virtual machine: here there is nothing to do for them.
_MODES = frozenset({"ro", "rw", "z", "Z", "cached", "delegated", "consistent"})


def bind(text: str, *, cwd: Path) -> Bind:
    """Parse one ``-v``: a host directory or file, where it appears, and how; modes that only docker's own walls need say nothing here.

    A relative source is taken from ``cwd`` and must begin with ``.`` as docker wants it, so that it is no volume's name.

    Raises:
        UsageError: a part is missing, unknown or not available.
    """
    parts = text.split(":")
    if len(parts) not in {2, 3} or not all(parts):
        raise UsageError(f'-v "{text}" is not SOURCE:TARGET[:ro|rw]', hint="e.g. -v ./data:/data:ro")
    source, target, *mode = parts
    modes = set(mode[0].split(",")) if mode else set()
    if unknown := modes - _MODES:
        raise UsageError(f'-v "{text}": unknown mode "{min(unknown)}"', hint="ro or rw")
    if {"ro", "rw"} <= modes:
        raise UsageError(f'-v "{text}": ro and rw exclude each other')
    if not target.startswith("/") or posixpath.normpath(target) == "/":
        raise UsageError(f'-v "{text}": the target must be an absolute path below /')
    if not source.startswith(("/", ".", "~")):
        raise UsageError(
            f'-v "{text}": named volumes are not available yet',
            hint=f"a directory of the host is written ./{source} or as an absolute path",
        )
    path = (cwd / Path(source).expanduser()).resolve()
    if not path.exists():
        raise UsageError(f'-v "{text}": the source does not exist', hint="make the directory first")
    return Bind(source=str(path), target=posixpath.normpath(target), read_only="ro" in modes)
