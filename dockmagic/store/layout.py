r"""Where things lie in the store's directory.

::

    version               the store's format, "1\\n"
    shared                there where everybody may read the store
    db.sqlite             references, images, cache, containers, volumes, leases
    blobs/sha256/<hex>    configs, manifests, original blobs of layers
    layers/<hex>.json     the truth of a layer: owners, modes, times and the rest of its entries
    roots/<scheme>/       trees, owned by the ids of a scheme, touched by jobs only
        snapshots/<hex>/              a layer's tree, immutable
        containers/<id>/{upper,work}  a container's writable layer
        caches/<hex>/                 what RUN --mount=type=cache keeps
        volumes/<hex>/                the files of a named volume
        tmp/<name>/                   trees in the making
        work/<name>/                  writable layers in the making
    logs/<id>             what a container printed
    logs/<id>.times       when
    locks/<hex>           files that users of a cache lock
    locks/volumes         locked by who decides what volumes hold
    tmp/<name>            files in the making
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dockmagic.errors import ArchiveError, UsageError

FORMAT = "1\n"  # of the directory; the tables have a version of their own
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CONTAINER = re.compile(r"[0-9a-f]{64}")

# Everything that may stand in a directory before it is known as a store.
NAMES = frozenset(
    {
        "version",
        "shared",
        "db.sqlite",
        "db.sqlite-journal",
        "blobs",
        "layers",
        "roots",
        "logs",
        "locks",
        "tmp",
        "lost+found",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Paths of one store.

    Attributes:
        home: the store's directory.
        scheme: the id scheme of its trees.
    """

    home: Path
    scheme: str

    @property
    def version(self) -> Path:
        """The file that says which format this is."""
        return self.home / "version"

    @property
    def shared(self) -> Path:
        """An empty file that is there where everybody may read the store."""
        return self.home / "shared"

    @property
    def mode(self) -> int:
        """Permissions of content that is made here."""
        return 0o444 if self.shared.exists() else 0o400

    @property
    def database(self) -> Path:
        """The tables."""
        return self.home / "db.sqlite"

    @property
    def blobs(self) -> Path:
        """Content by its digest."""
        return self.home / "blobs" / "sha256"

    @property
    def layers(self) -> Path:
        """Metadata of layers."""
        return self.home / "layers"

    @property
    def logs(self) -> Path:
        """What containers printed."""
        return self.home / "logs"

    @property
    def locks(self) -> Path:
        """Files to lock."""
        return self.home / "locks"

    @property
    def tmp(self) -> Path:
        """Files in the making."""
        return self.home / "tmp"

    @property
    def roots(self) -> Path:
        """The working directory of the scheme's jobs."""
        return self.home / "roots" / self.scheme

    def blob(self, digest: str) -> Path:
        """Where the content of that digest lies."""
        return self.blobs / hexadecimal(digest)

    def metadata(self, diff_id: str) -> Path:
        """Where the truth of that layer lies."""
        return self.layers / f"{hexadecimal(diff_id)}.json"

    def log(self, container_id: str) -> Path:
        """Where the output of that container lies."""
        if not _CONTAINER.fullmatch(container_id):
            raise UsageError("a container's id is 64 hexadecimal digits", detail=repr(container_id))
        return self.logs / container_id


def snapshot(diff_id: str) -> str:
    """A layer's tree, relative to the scheme's root."""
    return f"snapshots/{hexadecimal(diff_id)}"


def hexadecimal(digest: str) -> str:
    """The digits of a digest; nothing that could lead a path elsewhere.

    Raises:
        ArchiveError: it is not ``sha256:`` and 64 lower-case hexadecimal digits.
    """
    if not _DIGEST.fullmatch(digest):
        raise ArchiveError("a digest in the store is sha256: and 64 lower-case hexadecimal digits", detail=repr(digest))
    return digest.removeprefix("sha256:")
