"""WORKDIR: its directory, made when it is missing."""

from __future__ import annotations

from dockmagic.builder import chown
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


def _owner(site: Site, user: str) -> tuple[int, int]:
    """Whose the directories become: root's, as for BuildKit, where the image does not know the user yet."""
    passwd, group = site.accounts() if chown.needs_files(user) else ("", "")
    try:
        return chown.owner(user, passwd, group, asked="USER")
    except UsageError:
        return 0, 0


def make(site: Site, action: WorkdirAction) -> LayerRecord | None:
    """Make it, mode 0755, as the user's that USER names; parents too.

    Raises:
        UsageError: something on the way is no directory.
    """
    owner = _owner(site, action.user) if action.user else (0, 0)
    lowers = list(site.lowers())
    with site.writable() as made:
        site.call("makedirs", {"upper": made.upper, "lowers": lowers, "path": action.path, "owner": list(owner)})
        return site.adopt(made, {})
