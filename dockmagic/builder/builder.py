"""A build: the plan's rows in order, each step from the cache or executed, then the image."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from dockmagic.builder import bases, history
from dockmagic.builder.actions import RunAction
from dockmagic.builder.built import Built, Kind, StepRecord, Stopped
from dockmagic.builder.cache import Place
from dockmagic.builder.checking import ignored_by
from dockmagic.builder.context import ignore_text
from dockmagic.builder.execution import Execution, Made
from dockmagic.builder.failure import at_line
from dockmagic.builder.plan import Draft, Plan, PlannedStage, Row, draft, plan
from dockmagic.builder.request import BuildRequest
from dockmagic.builder.steps.site import Site
from dockmagic.errors import BuildError, DockmagicError, UsageError
from dockmagic.events import BuildFinished, Event, StepFinished, StepOutput, StepStarted
from dockmagic.oci import reference
from dockmagic.oci.config import History, ImageConfig
from dockmagic.sandbox.pump import Stream
from dockmagic.store import Store

if TYPE_CHECKING:
    from dockmagic.sandbox.runtime import Runtime
    from dockmagic.store.images import ImageRecord
    from dockmagic.store.leases import Hold

Emit = Callable[[Event], None]


def build(store: Store, runtime: Callable[[], Runtime], request: BuildRequest, emit: Emit) -> Built:
    """Build an image.

    Args:
        store: where layers, cache and image are.
        runtime: gives what executes RUN; asked only where a step has to be executed.
        request: what to build.
        emit: is told of every row as it happens; see :mod:`dockmagic.events`.

    Returns:
        What was built, or how far it came and the error. A failed build keeps the layers of its finished steps.

    Raises:
        KeyboardInterrupt: it was interrupted; nothing of the step that ran is left.
    """
    try:
        for tag in request.tags:
            reference.parse_normalized(tag)
        read = draft(request)
    except DockmagicError as error:
        return Built(image_id="", error=error)
    with store.leases.hold("build") as hold:
        try:
            images = _base_images(store, read, hold)
            made = plan(read, {name: record.config for name, record in images.items()}, ignored=ignored_paths(request))
        except DockmagicError as error:
            return Built(image_id="", records=_unplanned(read, error), error=error)
        layers = {name: record.diff_ids for name, record in images.items()}
        work = _Build(store=store, runtime=runtime, request=request, emit=emit, hold=hold, plan=made, images=layers)
        return work.run()


def ignored_paths(request: BuildRequest) -> Callable[[str], bool] | None:
    """What the linter is told of the context's ``.dockerignore``: None where it cannot be read, which COPY says."""
    try:
        return ignored_by(ignore_text(request.context, dockerfile=request.dockerfile))
    except UsageError:
        return None


def _base_images(store: Store, read: Draft, hold: Hold) -> dict[str, ImageRecord]:
    """The images that the stages start from, held against removal."""
    found = {}
    for name, header in read.images():
        with at_line(header, read.request.text):
            found[name] = bases.find(store, name, epoch=read.request.epoch)
        hold.add(found[name].id)
    return found


def _unplanned(read: Draft, error: DockmagicError) -> tuple[StepRecord, ...]:
    """The instructions of a build of which nothing was executed; the one at fault is marked."""
    location = getattr(error, "location", None)
    line = location.line if location is not None else getattr(error, "line", 0)
    records: list[StepRecord] = []
    for stage in read.order:
        for instruction in (stage.header, *stage.instructions):
            kind: Kind = "from" if instruction is stage.header else "setting"
            first, last = instruction.location.line, instruction.location.end_line
            records.append(
                StepRecord(
                    instruction=instruction.source,
                    line=first,
                    kind=kind,
                    stage=stage.title,
                    failed=first <= line <= last,
                )
            )
    return tuple(records)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """A stage that is built."""

    diff_ids: tuple[str, ...]
    config: ImageConfig


@dataclass(slots=True, kw_only=True)
class _Build:
    """One build while it runs."""

    store: Store
    runtime: Callable[[], Runtime]
    request: BuildRequest
    emit: Emit
    hold: Hold
    plan: Plan
    images: Mapping[str, tuple[str, ...]]
    records: list[StepRecord] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    done: dict[int, _Stage] = field(default_factory=dict)

    def run(self) -> Built:
        self.records = [_record(row, stage) for stage in self.plan.stages for row in stage.rows]
        index = 0
        try:
            for stage in self.plan.stages:
                for number, row in enumerate(stage.rows):
                    self._row(index, stage, row, number)
                    index += 1
            image_id = self._finish()
        except DockmagicError as error:
            if index < len(self.records):
                self.records[index] = replace(self.records[index], failed=True)
            return replace(self._built("", error), stopped=self._stopped(index, error))
        self.emit(BuildFinished(image_id=image_id, tags=self.request.tags))
        return self._built(image_id, None)

    def _built(self, image_id: str, error: DockmagicError | None) -> Built:
        return Built(
            image_id=image_id,
            records=tuple(self.records),
            warnings=self.plan.warnings,
            notes=tuple(self.notes),
            error=error,
        )

    def _stopped(self, index: int, error: DockmagicError) -> Stopped | None:
        rows = [(stage, row) for stage in self.plan.stages for row in stage.rows]
        if not isinstance(error, BuildError) or index >= len(rows):
            return None
        stage, row = rows[index]
        if not isinstance(row.action, RunAction):
            return None
        before = self.done[stage.index]
        return Stopped(
            diff_ids=before.diff_ids,
            config=replace(before.config, config=row.scope.config),
            env=row.scope.arguments,
            network=row.action.network,
        )

    def _row(self, index: int, stage: PlannedStage, row: Row, number: int) -> None:
        begin = time.monotonic()
        record = self.records[index]
        total = len(self.records)
        self.emit(StepStarted(index=index, total=total, stage=stage.title, instruction=row.source, line=row.line))
        if row.kind == "from":
            self.done[stage.index] = self._first(stage)
        else:
            record = self._instruction(index, stage, row, number)
        record = replace(record, done=True, seconds=time.monotonic() - begin)
        self.records[index] = record
        self.emit(
            StepFinished(
                index=index,
                diff_id=record.diff_id,
                cached=record.cached,
                reason=record.reason,
                seconds=record.seconds,
            )
        )

    def _first(self, stage: PlannedStage) -> _Stage:
        if stage.below is not None:
            return self.done[stage.below]
        if stage.image is not None:
            return _Stage(diff_ids=self.images[stage.base], config=stage.image)
        return _Stage(diff_ids=(), config=ImageConfig(architecture=self.request.machine, os="linux"))

    def _instruction(self, index: int, stage: PlannedStage, row: Row, number: int) -> StepRecord:
        before, record = self.done[stage.index], self.records[index]
        if row.action is not None:
            made = self._step(index, stage, row, number)
            kind: Kind = "step" if made.executed else "setting"
            record = replace(record, kind=kind, diff_id=made.diff_id, cached=made.cached, reason=made.reason)
        diff_id = record.diff_id
        entry = history.row(row.source, row.created_by, epoch=self.request.epoch, empty_layer=not diff_id)
        self.done[stage.index] = _Stage(
            diff_ids=(*before.diff_ids, *((diff_id,) if diff_id else ())),
            config=_with(before.config, row, entry, diff_id),
        )
        return record

    def _step(self, index: int, stage: PlannedStage, row: Row, number: int) -> Made:
        below = self.done[stage.index].diff_ids
        site = Site(store=self.store, runtime=self.runtime, below=below, epoch=self.request.epoch)
        execution = Execution(
            site=site,
            request=self.request,
            place=Place(
                build=self.request.tags,
                base=stage.base,
                stage=stage.title,
                number=number,
                code=row.code,
                first=below == self._first(stage).diff_ids and stage.below is None,
            ),
            sources={planned: made.diff_ids for planned, made in self.done.items()},
            listener=partial(self._output, index),
        )
        with at_line(row, self.request.text):
            made = execution.made(row.action)
        if made.diff_id:
            self.hold.add(made.diff_id)
        self.notes.update(dict.fromkeys(made.notes))
        return made

    def _output(self, index: int, stream: Stream, data: bytes) -> None:
        self.emit(StepOutput(index=index, stream=stream, data=data))

    def _finish(self) -> str:
        """Store the image and name it; only then does anybody see it."""
        target = self.done[self.plan.stages[-1].index]
        config = target.config
        if self.request.labels:
            labels = {**config.config.labels, **self.request.labels}
            config = replace(config, config=replace(config.config, labels=labels))
        image_id = self.store.images.put(config, target.diff_ids)
        for tag in self.request.tags:
            self.store.images.tag(tag, image_id)
        return image_id


def _record(row: Row, stage: PlannedStage) -> StepRecord:
    return StepRecord(instruction=row.source, line=row.line, kind=row.kind, stage=stage.title)


def _with(config: ImageConfig, row: Row, entry: History, diff_id: str) -> ImageConfig:
    """The image's config behind a row."""
    changed = replace(config, created=entry.created, author=row.scope.author, config=row.scope.config)
    return changed.appended(diff_id or None, entry)
