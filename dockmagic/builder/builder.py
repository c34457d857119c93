"""A build: the plan's rows in order, each step from the cache or executed, then the image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from dockmagic.builder import bases, named
from dockmagic.builder.actions import Action, RunAction
from dockmagic.builder.built import Built, Kind, StepRecord
from dockmagic.builder.checking import ignored_by
from dockmagic.builder.context import ignore_text
from dockmagic.builder.failure import at_line
from dockmagic.builder.mounts import BindMount, CacheMount
from dockmagic.builder.plan import Draft, Plan, PlannedStage, Row, draft, plan
from dockmagic.builder.platforms import BaseImage, platform_of
from dockmagic.builder.request import BuildRequest
from dockmagic.builder.running import Running
from dockmagic.builder.schedule import run_stages
from dockmagic.builder.stagework import BuiltStage, Emit, Shared, build_stage, unbuilt
from dockmagic.builder.steps.dating import date_of
from dockmagic.builder.steps.fetching import fetched
from dockmagic.builder.transfers import CopyAction
from dockmagic.builder.triggers import with_triggers
from dockmagic.errors import DockmagicError, NotFoundError, UsageError
from dockmagic.events import BuildFinished
from dockmagic.oci import reference
from dockmagic.store import Store

if TYPE_CHECKING:
    from dockmagic.sandbox.runtime import Runtime
    from dockmagic.store.images import ImageRecord
    from dockmagic.store.leases import Hold

# How often a base is looked for that other processes remove.
_TRIES = 3


def build(
    store: Store,
    runtime: Callable[[], Runtime],
    request: BuildRequest,
    emit: Emit,
    *,
    puller: bases.Puller | None = None,
) -> Built:
    """Build an image.

    Args:
        store: where layers, cache and image are.
        runtime: gives what executes RUN; asked only where a step has to be executed.
        request: what to build.
        emit: is told of every row as it happens; see :mod:`dockmagic.events`.
        puller: fetches images that are not in the store; None for a build of what is there.

    Returns:
        What was built, or how far it came and the error. A failed build keeps the layers of its finished steps.

    Raises:
        KeyboardInterrupt: it was interrupted; nothing of the step that ran is left.
    """
    try:
        for tag in request.tags:
            reference.parse_given(tag)
        read = draft(request)
    except DockmagicError as error:
        return Built(image_id="", error=error)
    with store.leases.hold("build") as hold, ExitStack() as stack:
        try:
            if read.dated is not None:
                read = read.at(date_of(store, read.dated, request))
            request = read.request
            read, images = _with_bases(store, read, hold, puller)
            needed = with_triggers(read, {base: record.config for base, record in images.items()})
            contexts = stack.enter_context(fetched(store, request, named.wanted(needed)))
            read = replace(read, request=replace(request, contexts=contexts))
            made = plan(read, {name: record.config for name, record in images.items()}, ignored=ignored_paths(request))
            if puller is not None:
                _fetch_others(store, made, request, hold, puller)
        except DockmagicError as error:
            return Built(image_id="", records=_unplanned(read, error), error=error)
        shared = Shared(
            store=store,
            runtime=runtime,
            request=request,
            images={name: record.diff_ids for name, record in images.items()},
            total=sum(len(stage.rows) for stage in made.stages),
            hold=hold,
            running=Running(),
        )
        return _build(shared, made, emit)


def ignored_paths(request: BuildRequest) -> Callable[[str], bool] | None:
    """What the linter is told of the context's ``.dockerignore``: None where it cannot be read, which COPY says."""
    try:
        return ignored_by(ignore_text(request.context, dockerfile=request.dockerfile))
    except UsageError:
        return None


def _with_bases(
    store: Store, read: Draft, hold: Hold, puller: bases.Puller | None
) -> tuple[Draft, dict[BaseImage, ImageRecord]]:
    """The base images, and the draft with the stages that only their triggers need; such a stage may have a base of its own."""
    images: dict[BaseImage, ImageRecord] = {}
    while True:
        images |= _base_images(store, read, hold, puller, images)
        needed = with_triggers(read, {base: record.config for base, record in images.items()})
        order = tuple(read.stages.stages[stage.index] for stage in needed)
        if len(order) == len(read.order):
            return read, images
        read = replace(read, order=order)


def _base_images(
    store: Store,
    read: Draft,
    hold: Hold,
    puller: bases.Puller | None,
    known: Mapping[BaseImage, ImageRecord],
) -> dict[BaseImage, ImageRecord]:
    """The images that the stages start from and that are not known yet, held against removal."""
    found = {}
    for base, header in read.images():
        if base not in known:
            with at_line(header, read.request.text):
                found[base] = _held(store, base, read.request, hold, puller)
    return found


def _held(store: Store, base: BaseImage, request: BuildRequest, hold: Hold, puller: bases.Puller | None) -> ImageRecord:
    """An image that stays as long as the build; one that another process removed before it was held is looked for again."""
    for _ in range(_TRIES):
        found = _found(store, base, request, puller)
        hold.add(found.id)
        with suppress(NotFoundError):
            return store.images.get(found.id)
    raise NotFoundError(f"image not found: {base.name}", hint="another process removes it again and again")


def _found(store: Store, base: BaseImage, request: BuildRequest, puller: bases.Puller | None) -> ImageRecord:
    if request.pull and puller is not None:
        return bases.renewed(store, base.name, epoch=request.epoch, puller=puller, platform=base.platform)
    return bases.find(store, base.name, epoch=request.epoch, puller=puller, platform=base.platform)


def _fetch_others(store: Store, made: Plan, request: BuildRequest, hold: Hold, puller: bases.Puller) -> None:
    """Fetch what COPY and RUN take from images, before anything is executed: then nothing waits for a network half-way."""
    wanted: dict[str, Row] = {}
    for stage in made.stages:
        for row in stage.rows:
            for name in _images_of(row.action):
                wanted.setdefault(name, row)
    here = {stage.key for stage in made.stages}
    for name, row in wanted.items():
        base = BaseImage(name, platform_of(request))
        if base not in here:
            with at_line(row, request.text):
                _held(store, base, request, hold, puller)


def _images_of(action: Action | None) -> list[str]:
    match action:
        case CopyAction():
            return [action.image] if action.image else []
        case RunAction():
            origins = [mount.origin for mount in action.mounts if isinstance(mount, BindMount | CacheMount)]
            return [origin.image for origin in origins if origin is not None and origin.image]
        case _:
            return []


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


def _build(shared: Shared, made: Plan, emit: Emit) -> Built:
    """Build the stages, then store the image and name it: only then does anybody see it."""
    first: dict[int, int] = {}
    for stage in made.stages:
        first[stage.index] = sum(len(before.rows) for before in made.stages[: len(first)])

    def work(stage: PlannedStage, done: Mapping[int, BuiltStage], told: Emit) -> BuiltStage:
        return build_stage(shared, stage, first[stage.index], done, told)

    done = run_stages(made.stages, work, emit, shared.running)
    last = next(reversed(done.values()))
    built = Built(
        image_id="",
        records=tuple(record for stage in made.stages for record in _records(stage, done, last)),
        warnings=made.warnings,
        notes=tuple(dict.fromkeys(note for stage in done.values() for note in stage.notes)),
        error=last.error,
        stopped=last.stopped,
        below={d: stage.diff_ids[:n] for stage in done.values() for n, d in enumerate(stage.diff_ids)},
        keys=tuple(key for index in _chain(made) if index in done for key in _keys(done[index])),
    )
    if last.error is not None:
        return built
    try:
        image_id = _finish(shared, done[made.stages[-1].index])
    except DockmagicError as error:
        return replace(built, error=error)
    emit(BuildFinished(image_id=image_id, tags=shared.request.tags))
    return replace(built, image_id=image_id)


def _records(stage: PlannedStage, done: Mapping[int, BuiltStage], last: BuiltStage) -> tuple[StepRecord, ...]:
    """What became of a stage's rows; only the one that failed first is told as failed, those were stopped that came after."""
    built = done.get(stage.index)
    if built is None:
        return unbuilt(stage)
    if built is last:
        return built.records
    return tuple(replace(record, failed=False) for record in built.records)


def _chain(made: Plan) -> list[int]:
    """Numbers of the stages that the image is made of: the target, and what it stands on."""
    stages = {stage.index: stage for stage in made.stages}
    found: list[int] = []
    below: int | None = made.stages[-1].index
    while below is not None:
        found.insert(0, below)
        below = stages[below].below
    return found


def _keys(stage: BuiltStage) -> list[str]:
    return [record.key for record in stage.records if record.key and record.done]


def _finish(shared: Shared, target: BuiltStage) -> str:
    config, request = target.config, shared.request
    if request.labels:
        labels = {**config.config.labels, **request.labels}
        config = replace(config, config=replace(config.config, labels=labels))
    image_id = shared.store.images.put(config, target.diff_ids)
    for tag in request.tags:
        shared.store.images.tag(tag, image_id)
    return image_id
