"""One stage of a build: its rows in order, each step from the cache or executed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from dockmagic.builder import history
from dockmagic.builder.actions import RunAction
from dockmagic.builder.built import Kind, StepRecord, Stopped
from dockmagic.builder.cache import Place
from dockmagic.builder.execution import Execution, Made, settle
from dockmagic.builder.failure import at_line
from dockmagic.builder.plan import PlannedStage, Row
from dockmagic.builder.platforms import BaseImage
from dockmagic.builder.request import BuildRequest
from dockmagic.builder.running import Running
from dockmagic.builder.steps.site import Site
from dockmagic.errors import EXIT_INTERNAL, EXIT_NOT_EXECUTABLE, BuildError, DockmagicError, UsageError
from dockmagic.events import Event, StepFinished, StepOutput, StepStarted
from dockmagic.oci.config import History, ImageConfig
from dockmagic.sandbox.pump import Stream
from dockmagic.sandbox.spec import MOST_LAYERS
from dockmagic.store import Store

if TYPE_CHECKING:
    from dockmagic.sandbox.runtime import Runtime
    from dockmagic.store.leases import Hold

Emit = Callable[[Event], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltStage:
    """A stage as far as it was built.

    Attributes:
        diff_ids: of its layers, base first.
        config: the image that it is.
        records: what became of its rows.
        notes: what was honoured more weakly than asked.
        error: why it was not finished, or None.
        stopped: where, when a RUN failed.
    """

    diff_ids: tuple[str, ...]
    config: ImageConfig
    records: tuple[StepRecord, ...]
    notes: tuple[str, ...] = ()
    error: DockmagicError | None = None
    stopped: Stopped | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all stages of a build have in common.

    Attributes:
        images: the layers of the base images.
        total: rows of the whole build.
        hold: keeps what was built from being swept.
        running: the build's processes.
    """

    store: Store
    runtime: Callable[[], Runtime]
    request: BuildRequest
    images: Mapping[BaseImage, tuple[str, ...]]
    total: int
    hold: Hold
    running: Running


def build_stage(
    shared: Shared, stage: PlannedStage, index: int, done: Mapping[int, BuiltStage], emit: Emit
) -> BuiltStage:
    """Build one stage.

    Args:
        shared: the build.
        stage: what to build.
        index: of its first row in the whole build.
        done: the stages that it needs, by their number.
        emit: is told of every row as it happens.

    Returns:
        The stage, or how far it came and the error; unfinished without an error when the build was stopped.
    """
    return _Work(shared=shared, stage=stage, index=index, done=done, emit=emit).run()


def unbuilt(stage: PlannedStage) -> tuple[StepRecord, ...]:
    """The rows of a stage of which nothing was done."""
    return tuple(
        StepRecord(instruction=row.source, line=row.line, kind=row.kind, stage=stage.title) for row in stage.rows
    )


@dataclass(slots=True, kw_only=True)
class _Work:
    """A stage while it is built."""

    shared: Shared
    stage: PlannedStage
    index: int
    done: Mapping[int, BuiltStage]
    emit: Emit
    diff_ids: tuple[str, ...] = ()
    config: ImageConfig = field(default_factory=lambda: ImageConfig(architecture="", os="linux"))
    records: list[StepRecord] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)

    def run(self) -> BuiltStage:
        self.records = list(unbuilt(self.stage))
        self.diff_ids, self.config = self._base()
        number = 0
        try:
            for number, row in enumerate(self.stage.rows):
                if self.shared.running.stopped:
                    break
                self._row(number, row)
            with at_line(self.stage.rows[number], self.shared.request.text):
                settle(self.shared.hold, self.shared.store)
        except DockmagicError as error:
            self.records[number] = replace(self.records[number], failed=True)
            return replace(self._built(), error=error, stopped=self._stopped(self.stage.rows[number], error))
        return self._built()

    def _built(self) -> BuiltStage:
        return BuiltStage(
            diff_ids=self.diff_ids, config=self.config, records=tuple(self.records), notes=tuple(self.notes)
        )

    def _base(self) -> tuple[tuple[str, ...], ImageConfig]:
        """The layers and the config that it starts from."""
        stage = self.stage
        if stage.below is not None:
            return self.done[stage.below].diff_ids, self.done[stage.below].config
        if stage.key is not None and stage.image is not None:
            return self.shared.images[stage.key], stage.image
        made = ImageConfig(architecture="", os="", config=stage.rows[0].scope.config)
        return (), made.on(stage.platform)

    def _row(self, number: int, row: Row) -> None:
        begin = time.monotonic()
        index = self.index + number
        self.emit(
            StepStarted(
                index=index,
                total=self.shared.total,
                stage=self.stage.title,
                instruction=row.source,
                line=row.line,
            )
        )
        record = self.records[number]
        if row.kind != "from":
            record = self._instruction(number, row, record)
        record = replace(record, done=True, seconds=time.monotonic() - begin)
        self.records[number] = record
        self.emit(
            StepFinished(
                index=index,
                diff_id=record.diff_id,
                cached=record.cached,
                reason=record.reason,
                seconds=record.seconds,
            )
        )

    def _instruction(self, number: int, row: Row, record: StepRecord) -> StepRecord:
        if row.action is not None:
            made = self._step(number, row)
            kind: Kind = "step" if made.executed else "setting"
            record = replace(
                record,
                kind=kind,
                diff_id=made.diff_id,
                cached=made.cached,
                reason=made.reason,
                key=made.key,
                network=made.network,
            )
        diff_id = record.diff_id
        entry = history.row(row.source, row.created_by, epoch=self.shared.request.epoch, empty_layer=not diff_id)
        self.config = _with(self.config, row, entry, diff_id)
        if diff_id:
            self.diff_ids = (*self.diff_ids, diff_id)
        return record

    def _step(self, number: int, row: Row) -> Made:
        shared = self.shared
        site = Site(
            store=shared.store,
            runtime=shared.runtime,
            below=self.diff_ids,
            epoch=shared.request.epoch,
            running=shared.running,
            limits=shared.request.limits,
            timeout=shared.request.timeout,
        )
        place = Place(
            build=shared.request.tags,
            base=self.stage.base,
            stage=self.stage.title,
            number=number,
            code=row.code,
            first=self.stage.below is None and self.diff_ids == self._base()[0],
        )
        execution = Execution(
            site=site,
            request=shared.request,
            place=place,
            sources={planned: built.diff_ids for planned, built in self.done.items()},
            hold=shared.hold,
            listener=partial(self._output, self.index + number),
        )
        with at_line(row, shared.request.text):
            made = execution.made(row.action)
            if made.diff_id and len(self.diff_ids) >= MOST_LAYERS:
                raise UsageError(
                    f"this would be layer {MOST_LAYERS + 1}, and an image of more than {MOST_LAYERS} cannot be run",
                    hint="put several RUN into one with a here-document, or copy a stage's files onto scratch",
                )
        self.notes.update(dict.fromkeys(made.notes))
        return made

    def _output(self, index: int, stream: Stream, data: bytes) -> None:
        self.emit(StepOutput(index=index, stream=stream, data=data))

    def _stopped(self, row: Row, error: DockmagicError) -> Stopped | None:
        if not isinstance(error, BuildError) or not isinstance(row.action, RunAction):
            return None
        refused = error.exit_code == EXIT_NOT_EXECUTABLE and row.action.foreign
        if error.exit_code == EXIT_INTERNAL or refused:  # nothing was executed that one would want to look at
            return None
        return Stopped(
            diff_ids=self.diff_ids,
            config=replace(self.config, config=row.scope.config),
            env=row.scope.arguments,
            network=row.action.network,
        )


def _with(config: ImageConfig, row: Row, entry: History, diff_id: str) -> ImageConfig:
    """The image's config behind a row."""
    changed = replace(config, created=entry.created, author=row.scope.author, config=row.scope.config)
    return changed.appended(diff_id or None, entry)
