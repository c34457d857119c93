"""What verbs return: frozen values with the names of the docker field.

Sizes are bytes of regular files, hard links once. ``changes`` maps an absolute path to ``"A"``, ``"C"`` or ``"D"``.
A value holds no handle of the engine: reading one later never asks the store, except ``Container.logs()``, which reads
the container's log file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dockmagic.changes import ChangedPath, ChangeKind, LayerChanges
from dockmagic.errors import NotFoundError
from dockmagic.table import Table, decimal_size, shortened

if TYPE_CHECKING:
    from dockmagic.exchange.taken import Files


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One read-only layer of an image.

    Attributes:
        diff_id: digest of the uncompressed changeset, ``"sha256:…"``.
        digest: digest of its blob as the manifest names it (the diff_id for a built layer).
        size: bytes of regular files in it.
        files: entries other than directories; a whiteout counts.
        instruction: the instruction as written, its first line, e.g. ``"COPY app.py /app/"``; for layers that were not
            built here the history's ``created_by``.
        changes: what it adds, changes and deletes against the layers below.
        host_made: the layer was assembled from this machine (``localhost/base``), so its numbers vary between machines.
        volatile: the layer was made by RUN, so its numbers may vary.
    """

    diff_id: str
    digest: str
    size: int
    files: int
    instruction: str
    changes: Mapping[str, ChangeKind] = field(default_factory=dict, repr=False)
    host_made: bool = False
    volatile: bool = False

    @property
    def told(self) -> tuple[str, str]:
        """Files and bytes as printed; a layer that the machine or a RUN made has none that are the same everywhere."""
        if self.host_made:
            return "-", "made from this machine"
        return ("-", "-") if self.volatile else (f"{self.files:,}", decimal_size(self.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One row of an image's history, oldest first.

    Attributes:
        created_by: the instruction as docker words it.
        layer: the layer it made, None for a setting (``ENV``, ``CMD``, …).
        instruction: the instruction as written (first line), or ``created_by``.
    """

    created_by: str
    instruction: str
    layer: Layer | None
    created: str = ""
    comment: str = ""

    @property
    def size(self) -> int:
        """Bytes of the layer's regular files, 0 for a setting."""
        return self.layer.size if self.layer else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image: a config, its layers (base first) and the names it bears.

    Attributes:
        id: ``"sha256:…"``, the digest of the config.
        config: the OCI image config as parsed JSON (``config["config"]["Cmd"]`` …).
        digest: the manifest's digest.
        names: those names that the caller gave it or asked for it by. What other names it bears depends on what was
            done before in this store, so the record tells these alone.
        notes: what the verb that gave the image has to say besides, e.g. of a name that another image bore before.
        shared: it has a name in a shared store: others have it too, and nobody removes it from here.
    """

    id: str
    tags: tuple[str, ...]
    layers: tuple[Layer, ...]
    config: Mapping[str, Any] = field(repr=False)
    digest: str
    entries: tuple[HistoryEntry, ...] = field(repr=False)
    names: tuple[str, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()
    shared: bool = False

    @property
    def short_id(self) -> str:
        """``"sha256:"`` and the first 10 digits, as docker-py has it."""
        return self.id[:17]

    @property
    def size(self) -> int:
        """Bytes of regular files, each layer once."""
        return sum(layer.size for layer in self.layers)

    def history(self) -> Table[HistoryEntry]:
        """The rows of the history, newest first, as docker prints them."""
        return Table(
            columns=("CREATED BY", "SIZE"),
            items=tuple(reversed(self.entries)),
            rows=tuple(
                (shortened(e.instruction), e.layer.told[1] if e.layer else "setting") for e in reversed(self.entries)
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An instruction of a build that makes a layer (or found it in the cache).

    Attributes:
        line: its first line in the Dockerfile, from 1.
        reason: why it was not cached, "" when it was.
        network: that a RUN had: ``"none"``, ``"private"`` or ``"host"``; "" for what was not executed.
    """

    instruction: str
    line: int
    cached: bool
    reason: str
    seconds: float
    layer: Layer | None = None
    stage: str = ""
    network: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the build as the record draws it: an instruction, with its layer when it made one.

    Attributes:
        kind: ``"from"``, ``"step"`` or ``"setting"``.
        failed: this instruction failed.
        done: the build got past it.
    """

    instruction: str
    line: int
    kind: Literal["from", "step", "setting"]
    layer: Layer | None = None
    failed: bool = False
    done: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A finished or failed build.

    Attributes:
        image: None when it failed.
        log: what the steps printed, as text, with a header line for each step.
        exit_code: 0, or the failed command's, or 125.
        rows: every instruction of the target's stages that ran, in order, for the record.
        images: of a build for several platforms, the image of each by ``"os/architecture"``.
    """

    image: Image | None
    steps: tuple[Step, ...]
    log: str = field(repr=False)
    exit_code: int
    error: Exception | None = None
    rows: tuple[Row, ...] = field(default=(), repr=False)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    images: Mapping[str, Image] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthProbe:
    """One run of a container's health check.

    Attributes:
        start: when it began, RFC 3339, UTC; ``end`` the same.
        exit_code: 0 for well, -1 when it was ended because its time was up.
        output: what it printed, at most 4,096 bytes.
    """

    start: str
    end: str
    exit_code: int
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a container's health check says of it; names as python-on-whales has them.

    Attributes:
        status: ``"starting"``, ``"healthy"`` or ``"unhealthy"``.
        failing_streak: checks that failed since the last that did not.
        log: the last five checks.
    """

    status: str
    failing_streak: int = 0
    log: tuple[HealthProbe, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container: an image, a writable layer on it, and how its process ended.

    Attributes:
        id: 64 hex digits.
        status: ``"created"``, ``"running"`` or ``"exited"``.
        changes: what its writable layer adds, changes and deletes, cumulative over every exec; of ``ps`` it is read when it is looked at.
        exit_code: of the last process, None before the first ended.
        health: what its health check said last, None where nothing is checked.
        paused: it runs, and its processes are held.
        detached: it runs, and goes on without whoever started it.
        stopped: what ended its last process, as in :class:`Run`; "" when it ended by itself.
    """

    id: str
    name: str
    status: str
    image_id: str
    image: str
    changes: Mapping[str, ChangeKind] = field(default_factory=dict, repr=False)
    exit_code: int | None = None
    command: tuple[str, ...] = ()
    log_path: Path | None = field(default=None, repr=False)
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    health: Health | None = field(default=None, repr=False)
    paused: bool = field(default=False, repr=False)
    detached: bool = field(default=False, repr=False)
    stopped: str = field(default="", repr=False)

    @property
    def short_id(self) -> str:
        """The first 12 digits."""
        return self.id[:12]

    @property
    def size_rw(self) -> int:
        """Bytes of regular files in the writable layer."""
        return self.changes.size if isinstance(self.changes, LayerChanges) else 0

    def logs(self) -> str:
        """Everything that its processes printed, stdout and stderr as they came; "" when nothing.

        Raises:
            NotFoundError: the container has been removed.
        """
        if self.log_path is None:
            return ""
        try:
            return self.log_path.read_text("utf-8", "replace")
        except FileNotFoundError:
            message = f"container {self.name} has been removed"
            raise NotFoundError(message) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """How strong the wall around a run was.

    Attributes:
        tier: ``"T0"`` to ``"T3"``.
        ids: ``"range"`` or ``"single"``.
        network: ``"none"``, ``"private"``, ``"host"`` or ``"container:NAME"``.
        network_by: the program that connects a private one: ``"pasta"`` or ``"slirp4netns"``, else "".
        notes: what was honoured more weakly than asked, in words.
        limits: what held each limit of this run: ``{"memory": "cgroup v2"}``; also ``"cgroup v1"``, ``"watchdog"``, ``"processors"``.
    """

    tier: str
    ids: str
    network: str
    notes: tuple[str, ...] = ()
    limits: Mapping[str, str] = field(default_factory=dict)
    network_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A script or command that ran (or was stopped) in a container.

    Attributes:
        exit_code: docker's: 125 dockmagic failed, 126 not executable, 127 not found, 128+n signal, 137 killed,
            130 interrupted.
        stopped: ``""`` when it ended by itself, else ``"timeout"``, ``"memory limit"``, ``"pids limit"``,
            ``"disk limit"``, ``"killed"`` or ``"interrupted"``.
        output: stdout and stderr as they came, as text.
        changes: what this run added, changed and deleted.
        paths: the same with sizes, in the record's order.
        container: the container; a removed one when it was neither named nor kept.
        build: the build before it in the one-cell form.
        files: content of the paths that ``get`` named and that were there, a directory's as a mapping by path below it.
    """

    exit_code: int
    stopped: str
    error: Exception | None = None
    stdout: str = field(default="", repr=False)
    stderr: str = field(default="", repr=False)
    output: str = field(default="", repr=False)
    changes: Mapping[str, ChangeKind] = field(default_factory=dict)
    paths: tuple[ChangedPath, ...] = field(default=(), repr=False)
    isolation: Isolation | None = None
    seconds: float = 0.0
    container: Container | None = None
    image: Image | None = field(default=None, repr=False)
    build: Build | None = field(default=None, repr=False)
    verb: Literal["run", "exec"] = "run"
    kept: bool = False
    files: Mapping[str, Files] = field(default_factory=dict, repr=False)

    def check_returncode(self) -> None:
        """Raise ``error``, where there is one; the name is that of :class:`subprocess.CompletedProcess`."""
        if self.error is not None:
            raise self.error

    def value(self, path: str) -> Any:
        """What a path of ``files`` holds, as its name says; see :func:`dockmagic.exchange.taken.value`.

        Raises:
            NotFoundError: it was not asked for, or was not there.
            UsageError: the content is not what the name says.
        """
        from dockmagic.exchange.taken import value  # noqa: PLC0415 - few runs have files

        if path not in self.files:
            raise NotFoundError(f"the run has no file {path}", hint="get=(PATH,) asks for it")
        return value(path, self.files[path])


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What a container's writable layer, or a second image, changes against what is below it."""

    changes: Mapping[str, ChangeKind]
    paths: tuple[ChangedPath, ...] = ()

    def __str__(self) -> str:
        """Lines as ``docker diff`` prints them."""
        return "\n".join(f"{kind} {path}" for path, kind in self.changes.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of ``doctor``: something the host gives or refuses.

    Attributes:
        ok: the host gives it.
        call: the call that was tried, e.g. ``"unshare(CLONE_NEWUSER)"``.
        errno: its error number, 0 when it succeeded.
        fix: what to ask the administrator for, "".
    """

    name: str
    ok: bool
    call: str = ""
    errno: int = 0
    detail: str = ""
    fix: str = ""
