"""The store and the runtime of one home directory, opened when first needed."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dockmagic.errors import IsolationError, StoreError, UsageError
from dockmagic.store import Store

if TYPE_CHECKING:
    from dockmagic.engine.reading import ReadingOwner
    from dockmagic.layers.owner import Owner
    from dockmagic.registry.registries import Registries
    from dockmagic.sandbox.runtime import Runtime

HOME_VARIABLE = "DOCKMAGIC_HOME"
ISOLATION_VARIABLE = "DOCKMAGIC_ISOLATION"
SHARED_VARIABLE = "DOCKMAGIC_SHARED"
EPOCH_VARIABLE = "SOURCE_DATE_EPOCH"
# The first second that a zip file can hold: byte-compiling tools and wheels take it.
DEFAULT_EPOCH = 315532800
# Seconds that a background container's end may take to be written down.
_PATIENCE = 10.0


def default_home() -> Path:
    """``$DOCKMAGIC_HOME``, else the user's data directory."""
    if named := os.environ.get(HOME_VARIABLE):
        return Path(named).expanduser()
    import platformdirs  # noqa: PLC0415 - not needed where the variable is set

    return platformdirs.user_data_path("dockmagic")


def default_shared() -> tuple[Path, ...]:
    """The directories that ``$DOCKMAGIC_SHARED`` names, divided by ``:``."""
    return tuple(Path(named).expanduser() for named in os.environ.get(SHARED_VARIABLE, "").split(os.pathsep) if named)


def default_epoch() -> int:
    """``$SOURCE_DATE_EPOCH`` (seconds), else 1980-01-01."""
    value = os.environ.get(EPOCH_VARIABLE, "")
    return int(value) if value.isascii() and value.isdigit() else DEFAULT_EPOCH


class RefusedOwner:
    """Stands for the runtime where not even jobs can be run: what needs no tree works, the rest says why not."""

    def __init__(self, refusal: IsolationError) -> None:
        self.refusal = refusal
        self.scheme = "none"

    def call(self, job: str, arguments: dict[str, Any], fds: Sequence[int] = ()) -> Any:
        """Raises the refusal."""
        del job, arguments, fds
        raise self.refusal


def weak_is_asked_for() -> bool:
    """``$DOCKMAGIC_ISOLATION`` is ``weak``: where a machine builds no walls, cells run without.

    Raises:
        UsageError: it is another word.
    """
    value = os.environ.get(ISOLATION_VARIABLE, "")
    if value not in {"", "weak"}:
        raise UsageError(f"{ISOLATION_VARIABLE} is neither weak nor empty", hint="weak: cells may run without walls")
    return value == "weak"


class Living(Protocol):
    """The part of ``background.Background`` that a session needs to end one."""

    @property
    def running(self) -> bool: ...
    def kill(self) -> None: ...
    def join(self, timeout: float) -> None: ...


class Session:
    """What every verb works on.

    Args:
        home: the store's directory; None for :func:`default_home`.
        runtime: what starts containers; None for the best that this host allows.
        shared: directories of stores that are read where the own one has not what is asked for; None for :func:`default_shared`.

    Attributes:
        home: the store's directory.
        shared: the same.
        epoch: seconds since 1970 that every timestamp in an image has.
        background: containers that go on while the notebook does, by id; ended ones too.
    """

    def __init__(
        self, home: Path | None = None, runtime: Runtime | None = None, shared: Sequence[Path] | None = None
    ) -> None:
        self.home = Path(home) if home is not None else default_home()
        self.shared = tuple(shared) if shared is not None else default_shared()
        self.epoch = default_epoch()
        self.background: dict[str, Living] = {}
        self._lock = threading.RLock()
        self._given = runtime
        self._weak = weak_is_asked_for()
        self._runtime: Runtime | None = None
        self._idle: Runtime | None = None
        self._refusal: IsolationError | None = None
        self._reader: ReadingOwner | None = None
        self._store: Store | None = None
        self._registries: Registries | None = None

    @property
    def registries(self) -> Registries:
        """The registries, as the user's settings and credentials say."""
        with self._lock:
            if self._registries is None:
                from dockmagic.registry.registries import Registries  # noqa: PLC0415 - HTTP and TLS are slow to import

                self._registries = Registries.of_user()
            return self._registries

    @property
    def store(self) -> Store:
        """The store, created when it is not there.

        Raises:
            StoreError: it cannot be read or written.
        """
        with self._lock:
            if self._store is None:
                self._store = self._open_store()
                self._remove_abandoned()
            return self._store

    @property
    def runtime(self) -> Runtime:
        """What starts containers.

        Raises:
            IsolationError: this host builds no wall (tiers T2 and T3).
        """
        with self._lock:
            store = self.store
            if self._runtime is None:
                raise self._refusal or IsolationError("no runtime for this store", detail=str(store.path))
            return self._runtime

    @property
    def worker(self) -> Runtime:
        """What works on trees: the runtime; where none can be opened, one that starts nothing and raises the reason.

        Raises:
            IsolationError: not even that can be.
        """
        with self._lock:
            _ = self.store
            return self._idle or self.runtime

    def call(self, job: str, arguments: dict[str, Any], fds: Sequence[int] = ()) -> Any:
        """Run a job on trees; see :mod:`dockmagic.layers.jobs`.

        Raises:
            StoreError: the kernel refused it.
        """
        from dockmagic.store.faults import told  # noqa: PLC0415 - only what touches trees needs it

        with self._lock:
            _ = self.store
            owner = self._reader or self.worker
        with told(self.home):
            return owner.call(job, arguments, fds)

    @property
    def is_weak(self) -> bool:
        """Where this machine builds no walls, cells run without."""
        return self._weak

    @property
    def is_given(self) -> bool:
        """The runtime was given: no other process can have it."""
        return self._given is not None

    def allow_weak(self) -> None:
        """Do without walls where this machine builds none."""
        with self._lock:
            if not self._weak and self._refusal is not None:
                self._close_idle()
                self._store = self._refusal = self._reader = None
            self._weak = True

    def close(self) -> None:
        """End the launch server and every container that it started."""
        for handle in self.background.values():
            if handle.running:
                handle.kill()
                handle.join(_PATIENCE)
        self.background.clear()
        with self._lock:
            if self._runtime is not None:
                self._runtime.close()
            self._close_idle()
            self._runtime = self._store = self._refusal = self._reader = None

    def _close_idle(self) -> None:
        if self._idle is not None:
            self._idle.close()
        self._idle = None

    def _remove_abandoned(self) -> None:
        """Remove the containers that a killed kernel would have removed itself: nobody asked to keep them."""
        if self._store is None or self._runtime is None:
            return
        for row in self._store.containers.abandoned():
            self._store.containers.delete(row.id)
            self.call("remove", {"path": f"containers/{row.id}"})
            self._store.volumes.drop_anonymous(row.spec)

    def _open_store(self) -> Store:
        from dockmagic.sandbox.runtime import open_runtime  # noqa: PLC0415 - Linux only: elsewhere importing still works

        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                "the store's directory cannot be made",
                hint=f"set {HOME_VARIABLE} to a directory that you can write",
                detail=f"{self.home}: {error.strerror}",
            ) from error
        try:
            self._runtime = self._given or open_runtime(self.home / "roots", weak=self._weak)
        except IsolationError as refusal:
            self._refusal = refusal
            return Store.open(self.home, self._without_runtime(refusal), self.shared)
        return Store.open(self.home, self._runtime, self.shared)

    def _without_runtime(self, refusal: IsolationError) -> Owner:
        """What works on trees where nothing runs: reading where the store cannot be written, everything else elsewhere."""
        from dockmagic.engine.reading import ReadingOwner, can_write  # noqa: PLC0415 - rarely needed
        from dockmagic.sandbox.idle import IdleRuntime  # noqa: PLC0415 - rarely needed

        if not can_write(self.home):
            self._reader = ReadingOwner(self.home / "roots", refusal)
            return self._reader
        try:
            self._idle = IdleRuntime(self.home / "roots", refusal)
        except IsolationError:
            return RefusedOwner(refusal)
        return self._idle
