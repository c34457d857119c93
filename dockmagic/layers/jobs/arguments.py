"""What jobs get: JSON objects, read as values; see the package."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dockmagic.errors import UsageError
from dockmagic.layers.arrivals import Wish
from dockmagic.layers.scan import Owners

_DESCRIPTOR = re.compile(r"/proc/self/fd/\d+")

Arguments = Mapping[str, Any]
Job = Callable[[Arguments, Sequence[int]], Any]


def inside(path: str) -> str:
    """A relative path that stays below the working directory, or what a descriptor of this process is open on.

    Raises:
        UsageError: it does not.
    """
    if _DESCRIPTOR.fullmatch(path):
        return path
    if not path or path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise UsageError(f"a path that leaves the scheme's root: {path!r}")
    return path


def lowers(arguments: Arguments) -> list[str]:
    """The trees of the layers below, top first."""
    return [inside(lower) for lower in arguments.get("lowers", ())]


def owners(arguments: Arguments) -> Owners:
    """Whose the files of a writable layer are."""
    uid, gid = arguments.get("default_owner", (0, 0))
    table = {str(k): (int(v[0]), int(v[1])) for k, v in arguments.get("owners", {}).items()}
    return Owners(single=bool(arguments.get("single")), default=(uid, gid), table=table)


def ignore(arguments: Arguments) -> frozenset[str]:
    """Paths that do not belong to a layer, relative to its root."""
    return frozenset(path.strip("/") for path in arguments.get("ignore", ()))


def wish(arguments: Arguments) -> Wish:
    """Where copied files land and as whose."""
    owner = arguments.get("chown")
    return Wish(
        destination=arguments["dest"],
        is_directory=bool(arguments.get("dest_is_dir")),
        single_file=bool(arguments.get("single_file")),
        owner=None if owner is None else (int(owner[0]), int(owner[1])),
        chmod=arguments.get("chmod") or "",
    )
