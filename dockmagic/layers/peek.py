"""Looking into trees for a reader: what a writable layer holds, and the beginning of a file.

The container may live and change its files meanwhile, so a file is opened component by component, no link followed: what was a
directory a moment ago never leads out of the layer.
"""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from dockmagic.errors import NotFoundError, UsageError
from dockmagic.layers import metadata
from dockmagic.layers.scan import Owners, scan
from dockmagic.layers.stack import Found, Stack

_CHUNK = 1 << 20


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


def fetch(lowers: Sequence[str], path: str, out: int, *, limit: int, count: int) -> Mapping[str, Any]:
    """Write a regular file, or all regular files below a directory, to ``out``, one after the other.

    A link at ``path`` is followed within the merged root; links below a directory are left out, as devices and pipes are.

    Returns:
        ``{"kind": "-" or "d", "entries": [[path relative to the directory, "" for a file, and bytes written], …]}``.

    Raises:
        NotFoundError: nothing stands there.
        UsageError: it is neither a file nor a directory, or has more than ``limit`` bytes or ``count`` files.
    """
    stack = Stack(lowers)
    found = stack.lookup(path)
    if found is None:
        raise NotFoundError("nothing stands there")
    kind = stat.filemode(found.status.st_mode)[0]
    if kind not in "-d":
        raise UsageError("it is neither a file nor a directory")
    entries: list[tuple[str, int]] = []
    left = limit
    for name, file in _regular(stack, found):
        if len(entries) == count:
            raise UsageError(f"it has more than {count:,} files")
        written = _copy(file, out, left)
        left -= written
        entries.append((name, written))
    return {"kind": kind, "entries": entries}


def _regular(stack: Stack, top: Found) -> Iterator[tuple[str, Found]]:
    """The regular files of a tree with their paths below it."""
    pending = [("", top)]
    while pending:
        path, found = pending.pop()
        if found.is_dir:
            children = [(child.path.rsplit("/", 1)[-1], child) for child in stack.listdir(found)]
            pending += [(f"{path}/{name}" if path else name, child) for name, child in reversed(children)]
        elif stat.S_ISREG(found.status.st_mode):
            yield path, found


def _copy(found: Found, out: int, limit: int) -> int:
    written = 0
    with _opened(found) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise NotFoundError("the file changed while it was read", hint="look again")
        while chunk := stream.read(_CHUNK):
            written += len(chunk)
            if written > limit:
                raise UsageError("it is too large")
            view = memoryview(chunk)
            while view:
                view = view[os.write(out, view) :]
    return written


def _read(found: Found, limit: int) -> bytes:
    with _opened(found) as stream:
        return stream.read(limit) if stat.S_ISREG(os.fstat(stream.fileno()).st_mode) else b""


def _opened(found: Found) -> BinaryIO:
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
    return open(file, "rb")
