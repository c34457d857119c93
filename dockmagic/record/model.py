"""What a record says, as frozen values: the one place that decides what is the same on every machine.

Nothing that can differ between machines or runs gets in here, so nothing drawn from here can differ. Every text is
already visible (see :mod:`dockmagic.record.escape`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dockmagic.changes import ChangeKind

Kind = Literal["run", "exec", "build", "container", "image", "layer", "diff"]
LineKind = Literal["layer", "from", "setting", "unchanged", "failed", "not run"]
Origin = Literal["counted", "host", "run"]
Mark = Literal["good", "bad", "open", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One instruction in the stack.

    Attributes:
        kind: ``"layer"`` is a slab; ``"from"`` stands above the layers that it brought; ``"setting"`` made no layer;
            ``"unchanged"`` could have made one, but changed nothing; ``"failed"`` and ``"not run"`` of a failed build.
        number: line in the Dockerfile, 0 where it does not matter.
        origin: of a layer: whether its numbers are the same everywhere (``"counted"``), depend on the machine that it
            was made from (``"host"``), or on what RUN did (``"run"``).
        files: entries of a counted layer, else 0.
        size: bytes of a counted layer, else 0.
    """

    kind: LineKind
    instruction: str
    number: int = 0
    origin: Origin = "counted"
    files: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """A sum over layers; those made from the machine or by RUN are counted, not summed.

    Attributes:
        layers: all of them.
        files: of the counted ones.
        size: bytes of the counted ones.
    """

    layers: int
    files: int
    size: int
    host: int
    run: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Layers that are not drawn one by one."""

    totals: Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Neighbouring settings that are not drawn one by one."""

    count: int


Drawn = Line | Fold | Group


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A changed path."""

    kind: ChangeKind
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Changed paths in reading order.

    Attributes:
        writable: they lie in a container's writable layer, drawn as the open tray.
        nothing: the sentence for when there are none.
        drawn: how many paths the drawings show.
    """

    paths: tuple[Change, ...]
    writable: bool
    nothing: str
    drawn: int

    def count(self, kind: ChangeKind) -> int:
        """How many paths are of this kind."""
        return sum(change.kind == kind for change in self.paths)

    @property
    def shown(self) -> tuple[Change, ...]:
        """The paths that the drawings show; one more line would tell no less than "+ 1 more"."""
        return self.paths if len(self.paths) <= self.drawn + 1 else self.paths[: self.drawn]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How it ended, e.g. ``exit 0``, ``stopped: timeout``, ``built``."""

    mark: Mark
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything that the drawings draw.

    Attributes:
        names: of the image, as the cell names it.
        container: its name, "" when nobody can use it.
        exit_code: when the process ended by itself.
        stopped: what ended it else.
        background: it goes on.
        detached: also without the notebook.
        lines: newest first, the base last.
        totals: None where no image is drawn.
        slabs: the drawings show the lines; an exec shows the sum alone.
    """

    kind: Kind
    verdict: Verdict
    names: tuple[str, ...] = ()
    container: str = ""
    exit_code: int | None = None
    stopped: str = ""
    background: bool = False
    detached: bool = False
    changes: Changes | None = None
    lines: tuple[Line, ...] = ()
    totals: Totals | None = None
    slabs: bool = True
    warnings: tuple[str, ...] = ()
