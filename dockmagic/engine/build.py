"""``build``: the builder's events turned into a value."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dockmagic.builder.builder import Builder, BuildRequest
from dockmagic.engine import images
from dockmagic.errors import BuildError, DockmagicError
from dockmagic.events import Event, StepOutput, StepStarted
from dockmagic.results import Build, Layer, Row, Step

if TYPE_CHECKING:
    from dockmagic.builder.builder import StepRecord
    from dockmagic.engine.session import Session

EventListener = Callable[[Event], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to build and how; names as the options of ``docker build``."""

    text: str
    context: Path | None = None
    tags: tuple[str, ...] = ()
    build_args: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    no_cache: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    network: str = "host"


def build(session: Session, request: Request, *, listener: EventListener | None = None) -> Build:
    """Build an image; layers that are in the cache are not built again.

    Raises:
        DockerfileError: the text cannot be parsed or planned; nothing ran.
        BuildError: an instruction failed; ``.result`` is the failed Build.
        NotFoundError: the base image is not there.
        IsolationError: a wall could not be built; nothing of the step ran.
    """
    builder = Builder(session.store, lambda: session.runtime, epoch=session.epoch, network=request.network)
    log = _Log()
    begin = time.monotonic()
    wanted = BuildRequest(
        text=request.text,
        context=request.context or Path.cwd(),
        tags=request.tags,
        build_args=request.build_args,
        target=request.target,
        no_cache=request.no_cache,
        labels=request.labels,
    )
    try:
        for event in builder.build(wanted):
            log.take(event)
            if listener is not None:
                listener(event)
    except DockmagicError as error:
        failed = _value(session, builder, log, request.tags, seconds=time.monotonic() - begin, error=error)
        error.result = failed  # type: ignore[attr-defined]
        raise
    return _value(session, builder, log, request.tags, seconds=time.monotonic() - begin, error=None)


class _Log:
    """What the steps printed, each below a line that names it."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def take(self, event: Event) -> None:
        if isinstance(event, StepStarted):
            self.parts.append(f"[{event.index + 1}/{event.total}] {event.instruction}\n".encode("utf-8", "replace"))
        elif isinstance(event, StepOutput):
            self.parts.append(event.data)

    def text(self) -> str:
        return b"".join(self.parts).decode("utf-8", "replace")


def _value(
    session: Session, builder: Builder, log: _Log, names: Sequence[str], *, seconds: float, error: DockmagicError | None
) -> Build:
    image = None
    layers: dict[str, Layer] = {}
    if error is None:
        image = images.describe(session, session.store.images.get(builder.image_id), names)
        layers = {layer.diff_id: layer for layer in image.layers}
    records: Sequence[StepRecord] = builder.records
    rows = tuple(_row(record, layers, failed=record.failed) for record in records)
    steps = tuple(
        Step(
            instruction=r.instruction,
            line=r.line,
            cached=r.cached,
            reason=r.reason,
            seconds=r.seconds,
            layer=layers.get(r.diff_id),
            stage=r.stage,
        )
        for r in records
        if r.kind == "step" and r.done
    )
    return Build(
        image=image,
        steps=steps,
        log=log.text(),
        exit_code=0 if error is None else error.exit_code if isinstance(error, BuildError) else 125,
        error=error,
        rows=rows,
        warnings=tuple(builder.warnings),
        notes=tuple(builder.notes),
        seconds=seconds,
    )


def _row(record: StepRecord, layers: Mapping[str, Layer], *, failed: bool) -> Row:
    return Row(
        instruction=record.instruction,
        line=record.line,
        kind=record.kind,
        layer=layers.get(record.diff_id),
        failed=failed,
        done=record.done,
    )
