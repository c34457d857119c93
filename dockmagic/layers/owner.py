"""The seam between trees on disk and the ids they need.

A tree of a layer holds files of many owners; an ordinary user can make and remove them only as root of a user
namespace. ``store``, ``build`` and ``layers`` therefore never touch such a tree in their own process: they name a job,
and an ``Owner`` runs it where the ids exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Owner(Protocol):
    """Runs jobs on trees as root of one id scheme.

    Attributes:
        scheme: the name of the id scheme, part of a path: ``"range-1879048192"``, ``"range-1001-100000"``, ``"single-1001"``.
    """

    scheme: str

    def call(self, job: str, arguments: dict[str, Any], fds: Sequence[int] = ()) -> Any:
        """Run ``dockmagic.layers.jobs.JOBS[job](arguments, fds)`` and return its JSON-able result.

        Paths in ``arguments`` are relative to the scheme's root directory (``Store.roots``), which is the job's working
        directory; ``fds`` are duplicated into the job. Called by store, build and engine. Any DockmagicError of the job is
        raised here again with its type; an OSError too (with errno and filename).
        """
        ...
