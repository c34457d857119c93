"""Errors of the kernel and of SQLite, told in the words of the error tree.

The texts are fixed, because notebooks are compared by them; paths, numbers and the system's own words stand in
``.detail``.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dockmagic.errors import StoreCorruptError, StoreError, StoreFullError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FULL_HINT = "free some space: %container rmi removes an image, %container prune what nothing uses"
_WRITE_HINT = "set DOCKMAGIC_HOME to a directory that you can write"


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Raise what goes wrong inside as an error of the store.

    Args:
        path: what is worked on; an error's own path is more exact and wins.

    Raises:
        StoreFullError: ENOSPC, EDQUOT, SQLITE_FULL.
        StoreCorruptError: the database is none.
        StoreError: everything else.
    """
    try:
        yield
    except OSError as error:
        raise _of_system(error, path) from error
    except sqlite3.Error as error:
        raise _of_database(error, path) from error


def _of_system(error: OSError, path: Path) -> StoreError:
    name = errno.errorcode.get(error.errno or 0, "")
    detail = f"{_absolute(error.filename, path)}: {error.strerror or error} [{name}]"
    if error.errno in _FULL:
        return full(detail)
    if error.errno == errno.EFBIG:
        hint = "raise the limit of a file's size (ulimit -f), or the store's file system has too small a one"
        return StoreError("a file of the store may not grow that large", hint=hint, detail=detail)
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return StoreError("too many files are open", hint="restart the kernel, or raise ulimit -n", detail=detail)
    if error.errno == errno.EOPNOTSUPP:
        hint = "set DOCKMAGIC_HOME to a directory on another file system: some network file systems cannot do it"
        return StoreError("the store's file system keeps no extended attributes", hint=hint, detail=detail)
    if error.errno == errno.ENOENT:
        return StoreError("a file of the store is missing", hint="%container fsck names what is lost", detail=detail)
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return StoreError("the store cannot be written", hint=_WRITE_HINT, detail=detail)
    return StoreError("the store's file system failed", hint=_WRITE_HINT, detail=detail)


def _of_database(error: sqlite3.Error, path: Path) -> StoreError:
    # The low byte is the kind; the rest says where in SQLite it happened.
    code = getattr(error, "sqlite_errorcode", 0)
    detail = f"{path}: {error} [{getattr(error, 'sqlite_errorname', '')}]"
    match code & 0xFF:
        case sqlite3.SQLITE_FULL:
            return full(detail)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            hint = "another kernel works on it: try again when that has ended"
            return StoreError("the store is busy", hint=hint, detail=detail)
        case sqlite3.SQLITE_READONLY:
            return StoreError("the store cannot be written", hint=_WRITE_HINT, detail=detail)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            hint = "keep a copy of db.sqlite for a repair, or start with an empty DOCKMAGIC_HOME"
            return StoreCorruptError("the store's database is damaged", hint=hint, detail=detail)
        case _:
            return StoreError("the store's database cannot be read or written", hint=_WRITE_HINT, detail=detail)


def full(detail: str) -> StoreFullError:
    """No space or inode is left."""
    return StoreFullError("the store is full", hint=_FULL_HINT, detail=detail)


def _absolute(named: object, path: Path) -> str:
    """A job's error names a path relative to its root: then the store's own path stands before it."""
    if not isinstance(named, str | bytes):
        return str(path)
    text = named if isinstance(named, str) else named.decode("utf-8", "replace")
    return text if text.startswith("/") else f"{path}: {text}"
