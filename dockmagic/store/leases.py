"""Leases: what a living process works with is not swept away, though nothing refers to it yet.

A lease names its holder, so one of a killed process counts for nothing. A *fresh* lease is taken by the store itself for
content that has just come in; the first image or cache row that refers to the content ends it.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from dockmagic.store import holder
from dockmagic.store.database import Database
from dockmagic.store.holder import Holder

FRESH = "fresh"
# Of an image that this process made or took in: it keeps the image, which may have no name, from the prune of another process.
MADE = "made"
# How long a lease counts whose holder cannot be seen from here, because it is on another machine.
_GRACE_SECONDS = 86_400


class Leases:
    """The room of leases.

    Args:
        database: the store's tables.
        sweeper: removes what nothing refers to.
    """

    def __init__(self, database: Database, sweeper: Callable[[], None]) -> None:
        self._database = database
        self._sweeper = sweeper

    @contextmanager
    def hold(self, kind: str, *digests: str) -> Iterator[Hold]:
        """Keep content while the block runs.

        Args:
            kind: what it is for, e.g. ``"build"``.
            digests: DiffIDs of layers, digests of blobs, or an image's id, which stands for its layers too. What is held
                should be looked for again after this: it may have gone just before. Where the store cannot be written nothing is.

        Yields:
            The hold, to which more can be added.
        """
        # Two holds of one process on the same content are two leases.
        hold = Hold(self._database, f"{kind} {secrets.token_hex(8)}")
        hold.add(*digests)
        try:
            yield hold
        finally:
            hold.end()

    def is_held(self, digest: str) -> bool:
        """Some living process holds it."""
        with self._database.reading() as connection:
            return digest in held(connection)

    def sweep(self) -> None:
        """Remove layers, blobs and temporary things that nothing refers to; see :mod:`dockmagic.store.sweep`.

        Raises:
            StoreError: the store cannot be written.
        """
        self._sweeper()


class Hold:
    """What one user of the store keeps from being swept; it ends with its block, or with the process. Several threads may share one."""

    def __init__(self, database: Database, kind: str) -> None:
        self._database = database
        self._kind = kind
        self._lock = threading.Lock()
        self._later: list[str] = []

    def add(self, *digests: str) -> None:
        """Keep more content."""
        if digests and self._database.can_write:
            with self._database.writing() as connection:
                take(connection, self._kind, digests)

    def later(self, digest: str) -> None:
        """Keep more content with the next :meth:`settle`: a build finds many layers in a row, and each transaction waits for the disk."""
        with self._lock:
            self._later.append(digest)

    def settle(self) -> tuple[str, ...]:
        """Keep what was put off, and tell what it is: it may have gone before this. Whoever begins what takes its time calls this first."""
        with self._lock:
            digests, self._later = tuple(self._later), []
        self.add(*digests)
        return digests

    def take(self, connection: sqlite3.Connection, digest: str) -> None:
        """Keep more content, as a part of somebody's transaction."""
        take(connection, self._kind, [digest])

    def end(self) -> None:
        """Keep nothing any more."""
        if not self._database.can_write:
            return
        with self._database.writing() as connection:
            connection.execute("DELETE FROM leases WHERE kind = ?", (self._kind,))


def take(connection: sqlite3.Connection, kind: str, digests: Iterable[str]) -> None:
    """Add leases of this process, and forget those of dead ones."""
    drop_dead(connection)
    token = holder.of(os.getpid()).token()
    rows = [(kind, digest, token, int(time.time())) for digest in digests]
    connection.executemany("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)", rows)


def release(connection: sqlite3.Connection, kind: str, digests: Iterable[str]) -> None:
    """End leases of this process."""
    token = holder.of(os.getpid()).token()
    rows = [(kind, digest, token) for digest in digests]
    connection.executemany("DELETE FROM leases WHERE kind = ? AND digest = ? AND holder = ?", rows)


def drop_dead(connection: sqlite3.Connection) -> None:
    """Forget the leases of processes that have ended."""
    # one row a holder, for a build of many steps holds many layers, and takes one more with each
    rows = connection.execute("SELECT holder, max(taken) AS taken FROM leases GROUP BY holder")
    dead = [(row["holder"],) for row in rows.fetchall() if not _counts(row)]
    connection.executemany("DELETE FROM leases WHERE holder = ?", dead)


def held(connection: sqlite3.Connection) -> frozenset[str]:
    """Every digest that a living process holds."""
    return frozenset(row["digest"] for row in _rows(connection) if _counts(row))


def in_use(connection: sqlite3.Connection) -> frozenset[str]:
    """Every digest that a living process works with; an image that it has only made is not among them."""
    return frozenset(row["digest"] for row in _rows(connection) if row["kind"] != MADE and _counts(row))


def made_by_others(connection: sqlite3.Connection) -> frozenset[str]:
    """Images that other living processes have made."""
    own = holder.of(os.getpid()).token()
    rows = (row for row in _rows(connection) if row["kind"] == MADE and row["holder"] != own)
    return frozenset(row["digest"] for row in rows if _counts(row))


def _rows(connection: sqlite3.Connection) -> list[sqlite3.Row]:
    return connection.execute(
        "SELECT kind, digest, holder, max(taken) AS taken FROM leases GROUP BY kind, digest, holder"
    ).fetchall()


def _counts(row: sqlite3.Row) -> bool:
    maker = Holder.parse(row["holder"])
    lives = maker.lives() if maker is not None else None
    return row["taken"] + _GRACE_SECONDS > time.time() if lives is None else lives
