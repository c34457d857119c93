"""Where a step works: on the layers below it, in a fresh writable layer above them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from dockmagic.builder.running import Running
from dockmagic.errors import NotFoundError
from dockmagic.sandbox.runtime import Runtime
from dockmagic.sandbox.spec import Limits
from dockmagic.store import Store
from dockmagic.store.faults import told
from dockmagic.store.layer_rows import LayerRecord

_ACCOUNTS_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Writable:
    """A writable layer in the making; paths relative to the scheme's root."""

    upper: str
    work: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The place of one step.

    Attributes:
        below: DiffIDs of the layers below it, base first.
        epoch: seconds since 1970 that every timestamp becomes.
        running: the build's processes.
        limits: of each RUN.
        timeout: seconds that each RUN may take, None for ever.
    """

    store: Store
    runtime: Callable[[], Runtime]
    below: tuple[str, ...]
    epoch: int
    running: Running
    limits: Limits = field(default_factory=Limits)
    timeout: float | None = None

    def lowers(self, diff_ids: Sequence[str] | None = None) -> tuple[str, ...]:
        """The trees of these layers, top first; by default of those below the step.

        Raises:
            StoreError: a tree is missing and cannot be made again.
        """
        found = self.below if diff_ids is None else diff_ids
        return tuple(self.store.layers.snapshot(diff_id) for diff_id in reversed(found))

    def call(self, job: str, arguments: Mapping[str, Any], fds: Sequence[int] = ()) -> Any:
        """Run a job on trees; see :mod:`dockmagic.layers.jobs`.

        Raises:
            StoreError: the kernel refused it, for want of space say.
        """
        with told(self.store.path):
            return self.runtime().call(job, dict(arguments), fds)

    @contextmanager
    def writable(self) -> Iterator[Writable]:
        """A fresh writable layer; what is not adopted is gone when the block ends."""
        with self.store.scratch("work", "upper", "work") as directory:
            yield Writable(upper=f"{directory}/upper", work=f"{directory}/work")

    def adopt(
        self,
        made: Writable,
        owners: Mapping[str, Sequence[int]],
        *,
        lowers: Sequence[str] | None = None,
        last: Mapping[str, Any] | None = None,
        fds: Sequence[int] = (),
    ) -> LayerRecord | None:
        """Make the writable layer a layer; None when it holds no change.

        Args:
            made: the writable layer.
            owners: what only a table can hold.
            lowers: what it is a change of, top first; by default the layers below the step.
            last: arguments of a job ``copy`` that goes before.
            fds: of that job.
        """
        below = self.lowers() if lowers is None else tuple(lowers)
        return self.store.layers.adopt(made.upper, lowers=below, epoch=self.epoch, owners=owners, last=last, fds=fds)

    def accounts(self) -> tuple[str, str]:
        """The image's /etc/passwd and /etc/group; "" for one that is not there.

        Raises:
            UsageError: one is no regular file, or too large.
        """
        return self._text("/etc/passwd"), self._text("/etc/group")

    def _text(self, path: str) -> str:
        try:
            found = self.call("read", {"lowers": list(self.lowers()), "path": path, "limit": _ACCOUNTS_LIMIT})
        except NotFoundError:
            return ""
        return base64.b64decode(found["content"]).decode("utf-8", "replace")
