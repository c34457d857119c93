"""Content by its digest: configs, manifests and original blobs of layers.

A blob is written aside, its bytes are counted and hashed on the way, and it gets its name only when both are what was
expected and the content is on the disk. A name that is there already is success: it is the same content.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dockmagic.errors import ArchiveError, NotFoundError, StoreCorruptError
from dockmagic.layers.compression import Stream
from dockmagic.oci.descriptor import Descriptor
from dockmagic.store.aside import Aside
from dockmagic.store.database import Database
from dockmagic.store.faults import told
from dockmagic.store.layout import Layout
from dockmagic.store.leases import FRESH, take

OCTETS = "application/octet-stream"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Content that has come in and has no name yet.

    Attributes:
        digest: of its bytes.
        size: in bytes.
        file: the bytes; gone when the receiving block ends.
    """

    digest: str
    size: int
    file: Aside = field(repr=False)


class Blobs:
    """The room of blobs."""

    def __init__(self, layout: Layout, database: Database) -> None:
        self._layout = layout
        self._database = database

    def put(
        self, source: Stream | bytes, expected: Descriptor | None = None, *, media_type: str = OCTETS
    ) -> Descriptor:
        """Store content; when this returns it is there for good, though perhaps not by this call.

        It is kept at least until this process ends or an image takes it up.

        Args:
            source: the bytes, or a stream of them.
            expected: what it must be; no byte more than its size is read.
            media_type: what it is, where nothing is expected.

        Raises:
            ArchiveError: the content is not what was expected; nothing is stored.
            StoreFullError: there is no space for it.
            StoreError: the store cannot be written.
        """
        with self.receive(source, expected) as received:
            with self._database.writing() as connection:
                take(connection, FRESH, [received.digest])
            self.publish(received)
            return expected or Descriptor(media_type=media_type, digest=received.digest, size=received.size)

    @contextmanager
    def receive(self, source: Stream | bytes, expected: Descriptor | None = None) -> Iterator[Received]:
        """Take content in without giving it a name; it is gone when the block ends, unless it was published.

        Raises:
            ArchiveError: the content is not what was expected.
        """
        with told(self._layout.tmp):
            file = Aside(self._layout.tmp)
        with file:
            digest, size = self.take_in(io.BytesIO(source) if isinstance(source, bytes) else source, file, expected)
            if expected is not None:
                require(expected, digest, size)
            file.rewind()
            yield Received(digest=digest, size=size, file=file)

    def publish(self, received: Received) -> None:
        """Give received content its name; whoever calls this holds a lease on it."""
        with told(self._layout.blobs):
            received.file.publish(self._layout.blob(received.digest), mode=self._layout.mode)

    def take_in(
        self, source: Stream, file: Aside, expected: Descriptor | None, grown: Callable[[int], object] | None = None
    ) -> tuple[str, int]:
        """Write a stream to a file; returns its digest and size.

        Args:
            source: the stream.
            file: where it goes.
            expected: no byte more than its size is read.
            grown: is told of each size that the file has on the way.

        Raises:
            ArchiveError: it is longer than expected.
        """
        hasher, size = hashlib.sha256(), 0
        while data := source.read(_CHUNK):
            hasher.update(data)
            size += len(data)
            if expected is not None and size > expected.size:
                raise _differs(expected, f"more than {expected.size} bytes")
            with told(self._layout.tmp):
                file.write(data)
            if grown is not None:
                grown(size)
        return f"sha256:{hasher.hexdigest()}", size

    def has(self, digest: str) -> bool:
        """Whether content of that digest is there; nothing is read."""
        return self._layout.blob(digest).is_file()

    def open(self, digest: str) -> io.BufferedReader:
        """The content as a file, unverified: who reads it whole should verify.

        Raises:
            NotFoundError: it is not there.
        """
        path = self._layout.blob(digest)
        with told(path):
            try:
                return path.open("rb")
            except FileNotFoundError:
                raise NotFoundError(f"no such blob: {digest}", detail=str(path)) from None

    def read(self, digest: str) -> bytes:
        """The content, verified; for what fits into memory.

        Raises:
            NotFoundError: it is not there.
            StoreCorruptError: the bytes do not have that digest.
        """
        with self.open(digest) as file, told(self._layout.blob(digest)):
            content = file.read()
        if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
            raise corrupt(digest)
        return content

    def verify(self, digest: str) -> None:
        """Read content of any size and compare it with its digest.

        Raises:
            NotFoundError: it is not there.
            StoreCorruptError: the bytes do not have that digest.
        """
        with self.open(digest) as file, told(self._layout.blob(digest)):
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if f"sha256:{found}" != digest:
            raise corrupt(digest)


def require(expected: Descriptor, digest: str, size: int) -> None:
    """Compare what came with what was expected.

    Raises:
        ArchiveError: they differ.
    """
    if size != expected.size:
        raise _differs(expected, f"{size} bytes instead of {expected.size}")
    if digest != expected.digest:
        raise _differs(expected, f"digest {digest}")


def _differs(expected: Descriptor, found: str) -> ArchiveError:
    return ArchiveError(
        f"content differs from its digest {expected.digest}",
        hint="it is truncated or was changed on its way: fetch it again",
        detail=f"expected {expected.size} bytes, found {found}",
    )


def corrupt(digest: str) -> StoreCorruptError:
    """Stored content is not what it was."""
    return StoreCorruptError(
        f"content in the store differs from its digest {digest}",
        hint="%container fsck names what it belongs to; load or build that again",
    )
