"""A digest of a tree in a stack of layers: what a cache key holds of ``COPY --from``."""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat

from dockmagic.errors import NotFoundError
from dockmagic.layers.scan import Owners
from dockmagic.layers.stack import Found, Stack

_CHUNK = 1 << 20


def digest_of(stack: Stack, path: str, owners: Owners) -> str:
    """Over kinds, names, modes, owners, link targets and content below ``path``, in bytewise order.

    Raises:
        NotFoundError: nothing stands there.
    """
    found = stack.lookup(path)
    if found is None:
        raise NotFoundError(f'no such file in the image: "{path}"')
    state = hashlib.sha256()
    pending = [(found, "" if found.is_dir else posixpath.basename(posixpath.normpath(path)))]
    while pending:
        node, name = pending.pop()
        state.update(_head(node, name, owners))
        if node.is_dir:
            children = [(child, posixpath.join(name, posixpath.basename(child.path))) for child in stack.listdir(node)]
            pending += reversed(children)
        elif stat.S_ISREG(node.status.st_mode):
            file = os.open(node.real, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                while data := os.read(file, _CHUNK):
                    state.update(data)
            finally:
                os.close(file)
    return f"sha256:{state.hexdigest()}"


def _head(node: Found, name: str, owners: Owners) -> bytes:
    mode = node.status.st_mode
    link = os.readlink(node.real) if stat.S_ISLNK(mode) else ""
    size = node.status.st_size if stat.S_ISREG(mode) else 0
    fields = (name, oct(mode), *map(str, owners.of(node.real, node.status)), link, str(size))
    return "\0".join(fields).encode("utf-8", "surrogateescape") + b"\0\0"
