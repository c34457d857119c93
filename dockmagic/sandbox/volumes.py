"""Directories and files of the host in a container: which may be, and how their owners are shown."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from errno import EINVAL
from pathlib import Path
from typing import Any

from dockmagic.errors import UsageError
from dockmagic.sandbox.places import copy_of
from dockmagic.sandbox.spec import Bind
from dockmagic.syscalls import mounts

_KERNELS = ("/proc", "/sys", "/dev")
_OURS = ("/proc", "/sys", "/dev", "/run/dockmagic")


def all_checked(binds: Sequence[Bind], store: Path) -> list[dict[str, Any]]:
    """Each bind as :func:`checked` gives it, a target before those below it.

    Raises:
        UsageError: as :func:`checked`; or two have one target.
    """
    found = sorted((checked(bind, store) for bind in binds), key=lambda bind: str(bind["target"]))
    for one, other in itertools.pairwise(found):
        if one["target"] == other["target"]:
            raise UsageError(f'-v: two volumes on "{one["target"]}"', hint="give each a target of its own")
    return found


def checked(bind: Bind, store: Path) -> dict[str, Any]:
    """A bind as the child wants it: with its true path, and the path below it that must stay hidden.

    Args:
        bind: as asked for.
        store: the directory of the store, which no container may see.

    Raises:
        UsageError: the source does not exist or may not be shown, or the target is not free.
    """
    try:
        source = Path(bind.source).resolve(strict=True)
    except OSError as error:
        raise UsageError(f'-v: "{bind.source}" does not exist on this machine', hint="make it first") from error
    home = store.resolve()
    if source == Path("/") or _inside(source, _KERNELS):
        raise UsageError(f'-v: "{bind.source}" is not given to a container', hint="name a directory of your own")
    if source.is_relative_to(home):
        raise UsageError(f'-v: "{bind.source}" is part of the store', hint="name a directory outside of it")
    if not (source.is_dir() or source.is_file() or (bind.socket and source.is_socket())):
        raise UsageError(f'-v: "{bind.source}" is neither a directory nor a regular file')
    target = Path(os.path.normpath(bind.target))
    if not target.is_absolute() or target == Path("/") or _inside(target, _OURS):
        raise UsageError(f'-v: nothing can be put on "{bind.target}"', hint="name an absolute path of its own")
    hidden = str(home.relative_to(source)) if home.is_relative_to(source) else ""
    return {"source": str(source), "target": str(target), "read_only": bind.read_only, "hidden": hidden}


def owned_trees(binds: list[dict[str, Any]], namespace: int) -> list[int]:
    """Detached mounts of the sources on which files of this process's user belong to another: mount_setattr(2), idmapped mounts.

    To be called by real root in the host's mount namespace.

    Args:
        binds: as :func:`checked` gives them.
        namespace: descriptor of a user namespace that calls the container's user 0.

    Raises:
        UsageError: the file system cannot show other owners, and the volume is to be written.
    """
    trees: list[int] = []
    try:
        for bind in binds:
            trees.append(_copy(bind["source"]))
            # Where systemd shares the host's mounts, what a container mounts within a copy would else appear on the host.
            mounts.mount_setattr(trees[-1], add=0, propagation=mounts.MS_PRIVATE, recursive=True)
            _map_owner(trees[-1], bind, namespace)
    except BaseException:
        for tree in trees:
            os.close(tree)
        raise
    return trees


def _copy(source: str) -> int:
    try:
        return copy_of(source)
    except OSError as error:
        raise UsageError(
            f'-v: "{source}" cannot be given to a container', hint="it must not change meanwhile", detail=str(error)
        ) from error


def _map_owner(tree: int, bind: dict[str, Any], namespace: int) -> None:
    try:
        mounts.mount_setattr(tree, add=mounts.IDMAP, userns=namespace, recursive=True)
    except OSError as error:
        if error.errno != EINVAL:
            raise
        if not bind["read_only"]:
            raise UsageError(
                f'-v: the file system of "{bind["source"]}" cannot show your files as the container\'s',
                hint="add :ro, or use a directory on a local disk",
            ) from error


def _inside(path: Path, tops: tuple[str, ...]) -> bool:
    return any(path == Path(top) or path.is_relative_to(top) for top in tops)
