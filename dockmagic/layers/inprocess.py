"""An Owner that runs jobs in this process, with the ids that it has: for tests, and for root's own trees."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dockmagic.layers.jobs import JOBS

_directory = threading.Lock()


class InProcessOwner:
    """Runs jobs with the scheme's root as the process's working directory, one at a time.

    Args:
        root: the scheme's root, e.g. ``home / "roots" / scheme``; made when it is not there.
        scheme: its name; owners are set on disk in a ``range`` scheme, in attributes in a ``single`` one.
    """

    def __init__(self, root: Path, scheme: str = "range-0") -> None:
        self.scheme = scheme
        self._root = root

    def call(self, job: str, arguments: dict[str, Any], fds: Sequence[int] = ()) -> Any:
        """Run a job; see :class:`dockmagic.layers.owner.Owner`."""
        for name in ("snapshots", "containers", "tmp", "work"):
            (self._root / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        with _directory:
            before = os.open(".", os.O_PATH | os.O_DIRECTORY)
            os.chdir(self._root)
            try:
                return JOBS[job]({"single": self.scheme.startswith("single"), **arguments}, fds)
            finally:
                os.fchdir(before)
                os.close(before)
