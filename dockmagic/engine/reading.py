"""Looking at a store that cannot be written, e.g. on a read-only file system: nothing runs in it, but its trees can be read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dockmagic.errors import IsolationError, StoreError
from dockmagic.layers.inprocess import InProcessOwner

_READING = frozenset(
    {
        "beginning",
        "changes",
        "digest",
        "entries",
        "fetch",
        "flatten",
        "list",
        "listing",
        "pack",
        "read",
        "stat",
        "usage",
    }
    | {"verify", "walk"}
)


class ReadingOwner:
    """Runs the jobs that change nothing, in this process.

    Args:
        roots: the store's directory of roots.
        refusal: why no runtime could be opened.
    """

    def __init__(self, roots: Path, refusal: IsolationError) -> None:
        self.scheme = _scheme(roots)
        self._refusal = refusal
        self._owner = InProcessOwner(roots / self.scheme, self.scheme)

    def call(self, job: str, arguments: dict[str, Any], fds: Sequence[int] = ()) -> Any:
        """Run a job.

        Raises:
            StoreError: it would change something.
        """
        if job not in _READING:
            raise StoreError(
                "the store cannot be written",
                hint="set DOCKMAGIC_HOME to a directory that you can write",
                detail=self._refusal.message,
            )
        return self._owner.call(job, arguments, fds)


def can_write(home: Path) -> bool:
    """Whether this user may make names in the store's directory."""
    return os.access(home, os.W_OK | os.X_OK)


def _scheme(roots: Path) -> str:
    """The best scheme that this user has, of those that the store has trees in."""
    from dockmagic.sandbox import ids  # noqa: PLC0415 - Linux only

    names = [scheme.name for scheme in ids.candidates()]
    return next((name for name in names if (roots / name).is_dir()), names[0])
