"""Limits that a process met, in words."""

from __future__ import annotations

from dockmagic.sandbox.spec import Limits

# By what ``Exit.stopped`` says: the option that sets it.
OPTIONS = {"memory limit": "--memory", "pids limit": "--pids-limit", "disk limit": "--disk"}
_FIELDS = {"memory limit": "memory", "pids limit": "pids", "disk limit": "disk"}


def amount(stopped: str, limits: Limits) -> str:
    """How much the limit allows: ``512 processes``, ``256m``."""
    count = getattr(limits, _FIELDS[stopped])
    return f"{count} processes" if stopped == "pids limit" else _binary(count)


def _binary(count: int) -> str:
    """As an option takes it: ``256m``."""
    for power, unit in ((30, "g"), (20, "m"), (10, "k")):
        if count and count % (1 << power) == 0:
            return f"{count >> power}{unit}"
    return f"{count} bytes"
