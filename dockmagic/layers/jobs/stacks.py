"""Jobs that look into a stack of layers."""

from __future__ import annotations

import base64
import posixpath
import stat
from collections.abc import Sequence
from typing import Any

from dockmagic.errors import NotFoundError
from dockmagic.layers import peek
from dockmagic.layers.digesting import digest_of
from dockmagic.layers.jobs.arguments import Arguments, lowers, owners
from dockmagic.layers.stack import Found, Stack


def read(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{lowers, path, limit}``: a regular file of a stack, base64."""
    data = Stack(lowers(arguments)).read(arguments["path"], limit=int(arguments.get("limit", 1 << 20)))
    return {"content": base64.b64encode(data).decode("ascii")}


def status(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{lowers, path}``: kind, mode and size of what stands there, None for nothing."""
    found = Stack(lowers(arguments)).lookup(arguments["path"], follow=bool(arguments.get("follow", True)))
    if found is None:
        return None
    mode = found.status.st_mode
    return {
        "path": f"/{found.path}",
        "kind": stat.filemode(mode)[0],
        "mode": stat.S_IMODE(mode),
        "size": found.status.st_size,
    }


def names(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{lowers, path}``: the names in a directory.

    Raises:
        NotFoundError: there is no such directory.
    """
    stack, found = _directory(arguments)
    return {"names": [posixpath.basename(child.path) for child in stack.listdir(found)]}


def walk(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{lowers, path}``: everything below a directory, parents first; links are not followed.

    Returns:
        ``{"entries": [[path relative to the directory, whether it is a directory], …]}``.

    Raises:
        NotFoundError: there is no such directory.
    """
    stack, found = _directory(arguments)
    entries: list[tuple[str, bool]] = []
    pending = [(found, "")]
    while pending:
        directory, path = pending.pop()
        for child in stack.listdir(directory):
            below = posixpath.join(path, posixpath.basename(child.path))
            entries.append((below, child.is_dir))
            if child.is_dir:
                pending.append((child, below))
    return {"entries": entries}


def _directory(arguments: Arguments) -> tuple[Stack, Found]:
    """The stack of ``lowers``, and the directory that stands at ``path`` in it."""
    stack = Stack(lowers(arguments))
    found = stack.lookup(arguments["path"])
    if found is None or not found.is_dir:
        raise NotFoundError(f"no such directory in the image: {arguments['path']}")
    return stack, found


def digest(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{lowers, path, only, special}``: a digest of the content, modes and owners of a tree in a stack; times do not count.

    With ``only``, of these paths below it alone; ``special`` has owners as in :func:`copy`.

    Raises:
        NotFoundError: there is no such path.
    """
    stack = Stack(lowers(arguments))
    only, special = arguments.get("only"), arguments.get("special")
    return {"digest": digest_of(stack, arguments["path"], owners(arguments), only=only, special=special)}


def beginning(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{lowers, path, limit}``: how a file begins; see :func:`dockmagic.layers.peek.beginning`."""
    return peek.beginning(lowers(arguments), arguments["path"], int(arguments["limit"]))


def fetch(arguments: Arguments, fds: Sequence[int]) -> Any:
    """``{lowers, path, limit, count}``, fds [out]: files by value; see :func:`dockmagic.layers.peek.fetch`."""
    limit, count = int(arguments["limit"]), int(arguments["count"])
    return peek.fetch(lowers(arguments), arguments["path"], fds[0], limit=limit, count=count)
