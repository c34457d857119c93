"""WORKDIR: its directory, made when it is missing."""

from __future__ import annotations

from dockmagic.builder.actions import WorkdirAction
from dockmagic.builder.steps.site import Site
from dockmagic.errors import UsageError
from dockmagic.store.layer_rows import LayerRecord


def exists(site: Site, action: WorkdirAction) -> bool:
    """Whether the directory is there.

    Raises:
        UsageError: something else is.
    """
    if action.path == "/":
        return True
    if not site.below:
        return False
    found = site.call("stat", {"lowers": list(site.lowers()), "path": action.path})
    if found is None:
        return False
    if found["kind"] != "d":
        raise UsageError(f"WORKDIR {action.path}: something else than a directory stands there")
    return True


def make(site: Site, action: WorkdirAction) -> LayerRecord | None:
    """Make it, as root's, mode 0755; parents too."""
    with site.writable() as made:
        site.call("makedirs", {"upper": made.upper, "lowers": list(site.lowers()), "path": action.path})
        return site.adopt(made, {})
