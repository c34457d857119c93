"""The steps of a build as rows: of one that is over, and of one that goes on. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dockmagic.errors import BuildError, DockmagicError
from dockmagic.events import (
    BuildFinished,
    Event,
    LayerProgress,
    LayerPulled,
    LayerPushed,
    PullStarted,
    PushStarted,
    StepFinished,
    StepOutput,
    StepStarted,
)
from dockmagic.record.escape import instruction_line, log_line, visible
from dockmagic.results import Build, Row, Step
from dockmagic.widgets.content import lines_of

State = Literal["cached", "running", "done", "failed", "waiting", "not run"]
_TAIL = 5
_MOST_LINES = 2000
_LONGEST_LINE = 500
_KEPT_BYTES = 1 << 18
_HEADER = re.compile(r"\[(\d+)/(\d+)\] (.*)")


def of_build(build: Build) -> dict[str, Any]:
    """A build that is over: its rows, how long it took, and how it failed."""
    logs = step_logs(build)
    steps: dict[tuple[int, str], Step] = {(step.line, step.instruction): step for step in build.steps}
    rows = [_row(number, row, steps.get((row.line, row.instruction)), logs) for number, row in enumerate(build.rows)]
    return {
        "rows": rows,
        "ms": round(build.seconds * 1000),
        "cached": sum(row["state"] == "cached" for row in rows),
        "notes": [visible(note) for note in build.notes],
        "error": _error(build.error),
        "running": False,
    }


def step_logs(build: Build) -> dict[int, list[str]]:
    """The lines of the log by row: each row's begin below a line that names it."""
    found: dict[int, list[str]] = {}
    number = -1
    for line in lines_of(build.log):
        head = _HEADER.fullmatch(line)
        if head is not None and int(head[1]) == number + 2:
            number += 1
            found[number] = []
        elif number >= 0:
            found[number].append(log_line(line)[:_LONGEST_LINE])
    return found


def page(lines: list[str]) -> dict[str, Any]:
    """The end of a step's log, with how many lines are left out."""
    return {"lines": lines[-_MOST_LINES:], "left_out": max(0, len(lines) - _MOST_LINES)}


def _row(number: int, row: Row, step: Step | None, logs: Mapping[int, list[str]]) -> dict[str, Any]:
    lines = logs.get(number, [])
    return {
        "line": row.line,
        "instruction": instruction_line(row.instruction),
        "kind": row.kind,
        "state": _state(row, step),
        "reason": visible(step.reason) if step is not None else "",
        "ms": round(step.seconds * 1000) if step is not None else None,
        "log": {"tail": lines[-_TAIL:] if row.failed else [], "count": len(lines)},
    }


def _state(row: Row, step: Step | None) -> State:
    if row.failed:
        return "failed"
    if not row.done:
        return "not run"
    return "cached" if step is not None and step.cached else "done"


def _error(error: Exception | None) -> dict[str, Any] | None:
    if error is None:
        return None
    told: dict[str, Any] = {
        "message": visible(str(error)),
        "detail": [],
        "hint": "",
        "exit_code": None,
        "container": "",
    }
    if isinstance(error, DockmagicError):
        detail = [log_line(line)[:_LONGEST_LINE] for line in lines_of(error.detail)]
        told |= {"message": visible(error.message), "hint": visible(error.hint), "detail": detail[-2 * _TAIL :]}
    if isinstance(error, BuildError):
        told |= {"exit_code": error.exit_code, "container": visible(error.container)}
    return told


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """A row of a build that goes on."""

    line: int
    instruction: str
    state: State = "running"
    reason: str = ""
    ms: int | None = None
    output: bytes = b""
    cut: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """An image on its way.

    Attributes:
        verb: ``pull`` or ``push``.
        done: bytes by layer, so far.
        total: bytes by layer, as far as it is known.
        present: how many layers were there already.
    """

    verb: Literal["pull", "push"]
    name: str
    layers: int
    done: Mapping[str, int] = field(default_factory=dict)
    total: Mapping[str, int] = field(default_factory=dict)
    present: int = 0

    def to_json(self) -> dict[str, Any]:
        """Sums over the layers, in bytes."""
        return {
            "verb": self.verb,
            "name": visible(self.name),
            "layers": self.layers,
            "present": self.present,
            "done": sum(self.done.values()),
            "total": sum(self.total.values()),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a build is: a new value for each event.

    Attributes:
        title: of the image, as the cell names it.
        total: of rows, 0 before the first began.
    """

    title: str
    rows: tuple[_Running, ...] = ()
    total: int = 0
    transfers: tuple[Transfer, ...] = ()
    finished: bool = False

    def after(self, event: Event) -> Progress:
        """The state after one more event."""
        match event:
            case StepStarted():
                row = _Running(line=event.line, instruction=instruction_line(event.instruction))
                return replace(self, rows=(*self.rows, row), total=event.total)
            case StepOutput():
                return self._with_last(event.index, lambda row: _longer(row, event.data))
            case StepFinished():
                return self._with_last(event.index, lambda row: _finished(row, event))
            case BuildFinished():
                return replace(self, finished=True)
            case PullStarted():
                sizes = dict(event.layers)
                begun = Transfer(verb="pull", name=event.name, layers=len(event.layers), total=sizes)
                return replace(self, transfers=(*self.transfers, begun))
            case PushStarted():
                begun = Transfer(verb="push", name=event.name, layers=len(event.layers))
                return replace(self, transfers=(*self.transfers, begun))
            case LayerProgress():
                return self._moved(event.digest, event.done, event.total)
            case LayerPulled() | LayerPushed():
                return self._moved(event.digest, event.size, event.size, present=event.present)

    def _moved(self, digest: str, done: int, total: int, *, present: bool = False) -> Progress:
        if not self.transfers:
            return self
        *before, last = self.transfers
        moved = replace(
            last,
            done={**last.done, digest: 0 if present else done},
            total={**last.total, digest: 0 if present else total},
            present=last.present + present,
        )
        return replace(self, transfers=(*before, moved))

    def _with_last(self, index: int, change: Any) -> Progress:
        if not 0 <= index < len(self.rows):
            return self
        return replace(self, rows=(*self.rows[:index], change(self.rows[index]), *self.rows[index + 1 :]))

    def to_json(self) -> dict[str, Any]:
        """As :func:`of_build` has it; only the running row has lines of its log."""
        return {
            "title": self.title,
            "rows": [_running_row(row) for row in self.rows],
            "transfers": [transfer.to_json() for transfer in self.transfers],
            "waiting": max(0, self.total - len(self.rows)),
            "total": self.total,
            "cached": sum(row.state == "cached" for row in self.rows),
            "notes": [],
            "error": None,
            "ms": None,
            "running": not self.finished,
        }


def _longer(row: _Running, data: bytes) -> _Running:
    output = row.output + data
    over = output[: max(0, len(output) - _KEPT_BYTES)]
    return replace(row, output=output[len(over) :], cut=row.cut + over.count(b"\n"))


def _finished(row: _Running, event: StepFinished) -> _Running:
    state: State = "cached" if event.cached else "done"
    return replace(row, state=state, reason=visible(event.reason), ms=round(event.seconds * 1000), output=b"")


def _running_row(row: _Running) -> dict[str, Any]:
    lines = [log_line(line)[:_LONGEST_LINE] for line in lines_of(row.output.decode("utf-8", "replace"))]
    return {
        "line": row.line,
        "instruction": row.instruction,
        "kind": "step",
        "state": row.state,
        "reason": row.reason,
        "ms": row.ms,
        "log": {"tail": lines[-_TAIL:], "count": len(lines) + row.cut},
    }
