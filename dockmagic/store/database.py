"""The store's tables, and transactions on them.

SQLite with a rollback journal: no write-ahead log, because home directories are often on NFS. The journal's file stays
(``PERSIST``) and has room for what a deletion changes: a full disk can then still be cleared, since that needs no new
block. A connection lives for one transaction, so none is ever shared by threads or carried through a fork.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from dockmagic.errors import StoreError
from dockmagic.store.faults import told

BUSY_SECONDS = 30.0
# Bytes of the journal: some sixty pages, more than the tables and indexes have that the deletion of an image touches.
_JOURNAL = 1 << 18

_SCHEMA = """
CREATE TABLE layers (
    diff_id         TEXT PRIMARY KEY,
    size            INTEGER NOT NULL,  -- bytes of regular files
    files           INTEGER NOT NULL,  -- entries other than directories
    tar_size        INTEGER NOT NULL,  -- bytes of the uncompressed changeset
    tree_digest     TEXT NOT NULL,     -- of what packing its tree gives
    host_made       INTEGER NOT NULL,
    blob_digest     TEXT,              -- the original blob of a layer that came from a tar
    blob_size       INTEGER,
    blob_media_type TEXT
) WITHOUT ROWID;
CREATE TABLE images (
    sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT NOT NULL UNIQUE,
    manifest_digest TEXT NOT NULL
);
CREATE TABLE image_layers (
    image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    diff_id  TEXT NOT NULL REFERENCES layers (diff_id),
    PRIMARY KEY (image_id, position)
) WITHOUT ROWID;
CREATE TABLE tags (
    name     TEXT PRIMARY KEY,  -- the whole name: domain/path:tag or domain/path@digest
    image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE cache (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    key        TEXT NOT NULL UNIQUE,
    diff_id    TEXT REFERENCES layers (diff_id),  -- NULL: the step changed nothing
    components TEXT NOT NULL,
    lineage    TEXT NOT NULL,
    position   TEXT NOT NULL
);
CREATE INDEX cache_lineage ON cache (lineage);
CREATE INDEX cache_position ON cache (position);
CREATE TABLE containers (
    sequence  INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT NOT NULL UNIQUE,
    name      TEXT NOT NULL UNIQUE,
    image_id  TEXT NOT NULL REFERENCES images (id),
    image_ref TEXT NOT NULL,
    status    TEXT NOT NULL,
    exit_code INTEGER,
    command   TEXT NOT NULL,
    spec      TEXT NOT NULL,
    owners    TEXT NOT NULL,
    pid       INTEGER NOT NULL,
    birth     INTEGER NOT NULL,
    kernel    TEXT NOT NULL,
    kept      INTEGER NOT NULL
);
CREATE TABLE leases (
    kind   TEXT NOT NULL,
    digest TEXT NOT NULL,
    holder TEXT NOT NULL,
    taken  INTEGER NOT NULL,  -- seconds since 1970
    PRIMARY KEY (kind, digest, holder)
) WITHOUT ROWID;
"""

# A layer may be kept in several compressions, each wanted by some manifest; a name may stand for several platforms.
_COMPRESSIONS_AND_PLATFORMS = """
CREATE TABLE other_blobs (
    digest     TEXT PRIMARY KEY,  -- of a blob that is the layer in another compression than its own blob
    diff_id    TEXT NOT NULL REFERENCES layers (diff_id) ON DELETE CASCADE,
    size       INTEGER NOT NULL,
    media_type TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX other_blobs_of ON other_blobs (diff_id);
CREATE TABLE image_blobs (
    image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    digest   TEXT NOT NULL,  -- of a layer's blob that the image's manifest names
    PRIMARY KEY (image_id, digest)
) WITHOUT ROWID;
CREATE TABLE variants (
    name     TEXT NOT NULL,     -- whole, as in tags
    platform TEXT NOT NULL,     -- os/architecture, perhaps /variant
    image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    together INTEGER NOT NULL,  -- 1: goes out with the name's others as one index
    PRIMARY KEY (name, platform)
) WITHOUT ROWID;
"""

_VOLUMES = """
CREATE TABLE volumes (
    name      TEXT PRIMARY KEY,
    directory TEXT NOT NULL,     -- relative to the root of its scheme
    scheme    TEXT NOT NULL,     -- the ids that its files belong to
    created   INTEGER NOT NULL,  -- seconds since 1970
    labels    TEXT NOT NULL
) WITHOUT ROWID;
"""

# The index that a name's images of several platforms came as, byte for byte.
_INDEXES = """
CREATE TABLE indexes (
    name   TEXT PRIMARY KEY,  -- whole, as in tags; the images are in variants, together
    digest TEXT NOT NULL      -- of the index's blob
) WITHOUT ROWID;
CREATE TABLE index_blobs (
    index_digest TEXT NOT NULL,
    digest       TEXT NOT NULL,  -- its own, or of a blob that it leads to: manifests, configs, and layers but uncompressed ones
    PRIMARY KEY (index_digest, digest)
) WITHOUT ROWID;
"""

# What leads from each version of the tables to the next: the first entry from 0, which is an empty file, to 1. Entries are never
# changed, only added.
_STEPS = (
    _SCHEMA,
    # a pull asks for every layer by its blob
    "CREATE INDEX layers_blob ON layers (blob_digest);\n",
    _COMPRESSIONS_AND_PLATFORMS,
    _VOLUMES,
    # what the health check of a container said, as JSON
    "ALTER TABLE containers ADD COLUMN health TEXT NOT NULL DEFAULT '{}';\n",
    # of a container that is paused the processes that were stopped before, as JSON; null for one that is not
    "ALTER TABLE containers ADD COLUMN paused TEXT NOT NULL DEFAULT 'null';\n",
    _INDEXES,
    # a push asks for every layer which names have it
    "CREATE INDEX image_layers_of ON image_layers (diff_id);\nCREATE INDEX tags_of ON tags (image_id);\n",
)
_VERSION = len(_STEPS)


class Database:
    """Transactions on ``db.sqlite``.

    Args:
        path: the file.
        read_only: it belongs to somebody else, and nothing is ever written to it.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._mode = "ro" if read_only else "rw"

    @property
    def can_write(self) -> bool:
        """Whether this user may write the file: on a read-only file system nobody may."""
        return os.access(self.path, os.W_OK)

    def create(self) -> None:
        """Make file and tables where they are missing, and bring older tables up to date; several processes may do so at once.

        Raises:
            StoreError: the file cannot be made or written, or a newer dockmagic made it.
        """
        with told(self.path):
            if not self.path.exists():
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        if self._known() == _VERSION:
            return
        with self.writing() as connection:
            # another process may have been first
            found = _version(connection)
            for step in _STEPS[found:]:
                for statement in step.split(";\n"):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {max(found, _VERSION)}")

    def require_current(self) -> None:
        """Refuse tables that this dockmagic cannot read, or could only after it has written to them.

        Raises:
            StoreError: another version made them, or they cannot be read.
        """
        found = self._known()
        if found < _VERSION:
            raise StoreError(
                "the store was made by an older dockmagic",
                hint="its owner brings it up to date by any command that uses it, e.g. dockmagic images",
                detail=f"{self.path}: version {found}, this dockmagic needs {_VERSION}",
            )

    def _known(self) -> int:
        with self.reading() as connection:
            found = _version(connection)
        if found > _VERSION:
            raise StoreError(
                "the store was made by a newer dockmagic",
                hint="update dockmagic, or set DOCKMAGIC_HOME to another directory",
                detail=f"{self.path}: version {found}, this dockmagic knows {_VERSION}",
            )
        return found

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent look at the tables."""
        with told(self.path), closing(self._connect()) as connection:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that nobody else's overlaps; durable when the block has ended, undone when it raises."""
        with told(self.path), closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            self._make_room()
            yield connection
            connection.execute("COMMIT")

    def _make_room(self) -> None:
        """Let the journal, which nobody else writes now, have its room while there is some.

        What follows its last record is never read: it ends with a header of zeros, or with a page's number of 0;
        https://www.sqlite.org/fileformat.html#the_rollback_journal.
        """
        journal = self.path.with_name(f"{self.path.name}-journal")
        with suppress(OSError):  # there is none before the first transaction, and perhaps no room
            if journal.stat().st_size < _JOURNAL:
                descriptor = os.open(journal, os.O_RDWR | os.O_CLOEXEC)
                try:
                    os.posix_fallocate(descriptor, 0, _JOURNAL)
                finally:
                    os.close(descriptor)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={self._mode}", timeout=BUSY_SECONDS, isolation_level=None, uri=True
        )
        try:
            connection.row_factory = sqlite3.Row
            if self._mode == "rw":
                connection.execute("PRAGMA journal_mode = PERSIST")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
