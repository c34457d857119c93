"""Looking into trees for a reader: what a writable layer holds, and the beginning of a file.

The container may live and change its files meanwhile, so a file is opened component by component, no link followed: what was a
directory a moment ago never leads out of the layer.
"""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Mapping, Sequence
from typing import Any

from dockmagic.errors import NotFoundError
from dockmagic.layers import metadata
from dockmagic.layers.scan import Owners, scan
from dockmagic.layers.stack import Found, Stack


def entries(upper: str, lowers: Sequence[str], *, owners: Owners, ignore: frozenset[str]) -> list[list[Any]]:
    """A writable layer as a changeset: rows as a layer's metadata has them, bytewise by path."""
    return [metadata.row(change.entry) for change in scan(upper, Stack(lowers), owners, ignore)]


def beginning(lowers: Sequence[str], path: str, limit: int) -> Mapping[str, Any]:
    """The first bytes of a regular file, or the text of a symbolic link, at exactly ``path``.

    Returns:
        ``{"kind", "size", "content", "mode"}``: kind as ``ls`` letters it, content base64 and "" for what has none.

    Raises:
        NotFoundError: nothing stands there.
    """
    found = Stack(lowers).lookup(path, follow=False)
    if found is None:
        raise NotFoundError("no such file in this layer")
    kind = stat.filemode(found.status.st_mode)[0]
    content = b""
    if kind == "-":
        content = _read(found, limit)
    elif kind == "l":
        content = os.fsencode(os.readlink(found.real))[:limit]
    return {
        "kind": kind,
        "mode": stat.S_IMODE(found.status.st_mode),
        "size": found.status.st_size,
        "content": base64.b64encode(content).decode("ascii"),
    }


def _read(found: Found, limit: int) -> bytes:
    *parents, name = found.real.split("/")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    directory = os.open(".", flags | os.O_DIRECTORY)
    try:
        for parent in parents:
            below = os.open(parent, flags | os.O_DIRECTORY, dir_fd=directory)
            os.close(directory)
            directory = below
        file = os.open(name, flags | os.O_NONBLOCK, dir_fd=directory)
    except OSError as error:
        raise NotFoundError("the file changed while it was read", hint="look again") from error
    finally:
        os.close(directory)
    with open(file, "rb") as stream:
        return stream.read(limit) if stat.S_ISREG(os.fstat(file).st_mode) else b""
