"""A digest of a tree in a stack of layers: what a cache key holds of ``COPY --from``."""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from collections.abc import Iterator, Mapping, Sequence

from dockmagic.errors import NotFoundError
from dockmagic.layers.arrivals import special_owner
from dockmagic.layers.landing import Owner, content_of
from dockmagic.layers.scan import Owners
from dockmagic.layers.stack import Found, Stack


def digest_of(
    stack: Stack,
    path: str,
    owners: Owners,
    *,
    only: Sequence[str] | None = None,
    special: Mapping[str, Sequence[int]] | None = None,
) -> str:
    """Over kinds, names, modes, owners, link targets and content below ``path``, in bytewise order.

    Args:
        stack: where ``path`` is.
        path: a file or directory.
        owners: whose files are.
        only: what alone counts below ``path``, relative to it; None for everything.
        special: owners of what has no attributes, by its path in the root.

    Raises:
        NotFoundError: nothing stands there.
    """
    found = stack.lookup(path)
    if found is None:
        raise NotFoundError(f'no such file in the image: "{path}"')
    state = hashlib.sha256()
    for node, name in _nodes(stack, found, path, only):
        state.update(_head(node, name, special_owner(node, owners, special)))
        if stat.S_ISREG(node.status.st_mode):
            for data in content_of(node.real):
                state.update(data)
    return f"sha256:{state.hexdigest()}"


def _nodes(stack: Stack, found: Found, path: str, only: Sequence[str] | None) -> Iterator[tuple[Found, str]]:
    if only is not None:
        for name in only:
            node = stack.lookup(posixpath.join(found.path, name), follow=False)
            if node is not None:
                yield node, name
        return
    pending = [(found, "" if found.is_dir else posixpath.basename(posixpath.normpath(path)))]
    while pending:
        node, name = pending.pop()
        yield node, name
        if node.is_dir:
            children = [(child, posixpath.join(name, posixpath.basename(child.path))) for child in stack.listdir(node)]
            pending += reversed(children)


def _head(node: Found, name: str, owner: Owner) -> bytes:
    mode = node.status.st_mode
    link = os.readlink(node.real) if stat.S_ISLNK(mode) else ""
    size = node.status.st_size if stat.S_ISREG(mode) else 0
    fields = (name, oct(mode), *map(str, owner), link, str(size))
    return "\0".join(fields).encode("utf-8", "surrogateescape") + b"\0\0"
