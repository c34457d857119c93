"""``localhost/base`` and ``localhost/python`` in the store."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from typing import Any

from dockmagic.builder.history import rfc3339
from dockmagic.builder.hostimage.base import base
from dockmagic.builder.hostimage.python import of_this_process, python
from dockmagic.builder.hostimage.tree import Piece, tar
from dockmagic.errors import UsageError
from dockmagic.oci import reference
from dockmagic.oci.config import ContainerConfig, History, ImageConfig
from dockmagic.oci.platform import architecture
from dockmagic.store import Store

_BASE = "localhost/base:latest"
_PYTHON = "localhost/python:latest"
# Whole names of all of them.
NAMES = frozenset({_BASE, _PYTHON})
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Else every run that imports a module would show caches of the standard library as its changes.
_NO_CACHES = "PYTHONDONTWRITEBYTECODE=1"
_BUFFER = 1 << 20


def is_host_image(name: str) -> bool:
    """Whether a name, in any of docker's spellings, means an image that is made from this machine."""
    try:
        return _full(name) in NAMES
    except UsageError:
        return False


def environment(name: str) -> tuple[str, ...]:
    """The ``NAME=value`` entries of an image that :func:`is_host_image` knows."""
    return (_PATH, _NO_CACHES) if _full(name) == _PYTHON else (_PATH,)


def ensure(store: Store, name: str, *, epoch: int) -> str:
    """The image of that name; it is assembled when the store has none, and stays as it is from then on.

    Args:
        store: where it is kept.
        name: one that :func:`is_host_image` knows.
        epoch: seconds since 1970, the time of every file.

    Returns:
        The image's id.

    Raises:
        NotFoundError: a program or library is missing on this machine; the error names its Debian package.
        DockmagicError: a file of this machine cannot be read, or changed meanwhile.
        IsolationError: layers cannot be unpacked on this host.
        StoreError: the store cannot be written.
    """
    full = _full(name)
    found = store.images.resolve(full)
    if found is not None:
        return found
    made = _assemble(store, full, epoch)
    other = store.images.tag(full, made)
    if other is None:
        return made
    # Another process, perhaps of another Python, was first: its image stays.
    store.images.tag(full, other)
    return other


def _full(name: str) -> str:
    return reference.parse_normalized(name).full


def _assemble(store: Store, full: str, epoch: int) -> str:
    """The image of this machine as it is now.

    The Python's layer gets its base anew, not from the stored ``localhost/base``: its libraries are those of today. As long as
    the machine has not changed this is the same layer.
    """
    layers = {"FROM localhost/base": base()}
    if full == _PYTHON:
        layers["FROM localhost/python"] = python(of_this_process(), layers["FROM localhost/base"])
    created = rfc3339(epoch)
    diff_ids = tuple(_add(store, pieces, epoch) for pieces in layers.values())
    config = ImageConfig(
        architecture=architecture(os.uname().machine),
        os="linux",
        created=created,
        config=ContainerConfig(env=environment(full)),
        diff_ids=diff_ids,
        history=tuple(History(created=created, created_by=row, comment="made from this machine") for row in layers),
    )
    return store.images.put(config, diff_ids)


def _add(store: Store, pieces: Mapping[str, Piece], epoch: int) -> str:
    with io.BufferedReader(_Chunks(tar(pieces, epoch)), _BUFFER) as stream:
        return store.layers.add_tar(stream, host_made=True).diff_id


class _Chunks(io.RawIOBase):
    """A readable file over pieces of bytes."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        with memoryview(buffer) as room:
            size = min(len(room), len(self._rest))
            room[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
