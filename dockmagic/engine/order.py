"""The order in which a run's changes are told: what the user did first, housekeeping of tools last."""

from __future__ import annotations

from collections.abc import Iterable

from dockmagic.changes import ChangedPath

_LATER = ("/usr/", "/var/", "/root/.cache/")


def ordered(paths: Iterable[ChangedPath]) -> tuple[ChangedPath, ...]:
    """Paths outside of /etc, /usr, /var and /root/.cache, then those in /etc, then the rest; each bytewise."""
    return tuple(sorted(paths, key=lambda p: (_rank(p.path), p.path.encode("utf-8", "surrogateescape"))))


def _rank(path: str) -> int:
    with_slash = f"{path}/"
    if with_slash.startswith("/etc/"):
        return 1
    return 2 if with_slash.startswith(_LATER) else 0
