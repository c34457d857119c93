"""What holds limits here, one mode after the other: the control groups that this host gives, and none.

A host has one version of control groups for a controller, so the other one is no mode of it and no test of it is collected; the virtual machine of
``tests/host`` has v2. Root can look away from the groups that it has: whatever is started then finds them read-only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dockmagic.sandbox import cgroups

NONE = "none"
_LOOKS_AWAY = """#!/bin/sh
exec unshare --mount --propagation private sh -ec '
  for place in $(findmnt --raw --noheadings --output TARGET --types cgroup,cgroup2); do mount -o remount,bind,ro "$place"; done
  exec {python} "$@"' sh "$@"
"""


def modes() -> list[str]:
    """Those of this host for this user, the strongest first."""
    versions = sorted({version for version, _ in cgroups.parents().values()})
    return [*versions, NONE] if os.geteuid() == 0 or not versions else versions


@contextmanager
def held_by(mode: str, directory: Path) -> Iterator[None]:
    """Launch servers that are started within have this mode."""
    python = sys.executable
    if mode == NONE and cgroups.parents():
        wrapper = directory / "python"
        wrapper.write_text(_LOOKS_AWAY.format(python=python))
        wrapper.chmod(0o755)
        sys.executable = str(wrapper)
    try:
        yield
    finally:
        sys.executable = python


def parents(mode: str) -> dict[str, tuple[str, str]]:
    """As ``cgroups.parents`` tells a server of this mode."""
    return {} if mode == NONE else cgroups.parents()
