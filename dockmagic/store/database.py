"""The store's tables, and transactions on them.

SQLite with a rollback journal: no write-ahead log, because home directories are often on NFS. The journal's file stays
(``PERSIST``): a full disk can then still be cleared, since a deletion needs no new block. A connection lives for one
transaction, so none is ever shared by threads or carried through a fork.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from dockmagic.errors import StoreError
from dockmagic.store.faults import told

BUSY_SECONDS = 30.0
_VERSION = 1

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


class Database:
    """Transactions on ``db.sqlite``.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make file and tables where they are missing; several processes may do so at once.

        Raises:
            StoreError: the file cannot be made, or a newer dockmagic made it.
        """
        with told(self.path):
            if not self.path.exists():
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with self.reading() as connection:
            found = _version(connection)
        if found == 0:
            with self.writing() as connection:
                found = _version(connection)
                if found == 0:
                    for statement in _SCHEMA.split(";\n"):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
                    found = _VERSION
        if found > _VERSION:
            raise StoreError(
                "the store was made by a newer dockmagic",
                hint="update dockmagic, or set DOCKMAGIC_HOME to another directory",
                detail=f"{self.path}: version {found}, this dockmagic knows {_VERSION}",
            )

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
            yield connection
            connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=rw", timeout=BUSY_SECONDS, isolation_level=None, uri=True
        )
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = PERSIST")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
