"""``build``: the builder's events turned into a value."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dockmagic.builder import builder
from dockmagic.builder.built import Built, StepRecord
from dockmagic.builder.exports import CacheFrom
from dockmagic.builder.request import BuildRequest, Network, Secret
from dockmagic.engine import encodable, failed_step, images
from dockmagic.engine.products import Finished, Products, prepare, write
from dockmagic.errors import ArchiveError, BuildError, NotFoundError
from dockmagic.events import Event, StepOutput, StepStarted
from dockmagic.oci import platform, reference
from dockmagic.results import Build, Layer, Row, Step
from dockmagic.sandbox.spec import Limits

if TYPE_CHECKING:
    from dockmagic.engine.session import Session
    from dockmagic.store.cache_archive import CachedSteps

EventListener = Callable[[Event], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to build and how; names as the options of ``docker build``.

    Attributes:
        pull: registries are asked anew for the images that it needs.
        cache_from: where else a step is looked for.
        products: what it leaves besides the image in the store.
        platforms: what the image is for, in one spelling each; none for this machine.
        limits: of each RUN.
        timeout: seconds that each RUN may take.
    """

    text: str
    context: Path | None = None
    tags: tuple[str, ...] = ()
    build_args: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    no_cache: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    network: Network = "default"
    dockerfile: Path | None = None
    no_cache_filter: tuple[str, ...] = ()
    add_hosts: tuple[tuple[str, str], ...] = ()
    build_contexts: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    agents: Mapping[str, Path] = field(default_factory=dict)
    pull: bool = False
    cache_from: tuple[CacheFrom, ...] = ()
    products: Products = field(default_factory=Products)
    platforms: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    timeout: float | None = None


def build(session: Session, request: Request, *, listener: EventListener | None = None) -> Build:
    """Build an image; layers that are in the cache are not built again.

    Raises:
        DockerfileError: the text cannot be parsed or planned; nothing ran.
        BuildError: an instruction failed; ``.result`` is the failed Build.
        NotFoundError: the base image is not there.
        IsolationError: a wall could not be built; nothing of the step ran.
        UsageError, ArchiveError, ConflictError: a product cannot be written; see :mod:`dockmagic.engine.products`.
    """
    encodable.require_dockerfile(request.text)
    encodable.require_pairs("a build argument", request.build_args)
    encodable.require_pairs("a label", request.labels)
    prepare(request.products, request.tags)
    log = _Log()
    begin = time.monotonic()

    def take(event: Event) -> None:
        log.take(event)
        if listener is not None:
            listener(event)

    puller = images.puller(session, take, anew=request.pull)
    imported, unread = _imported(session, request.cache_from)
    asked = replace(wanted(session, request), imported=tuple(imported.values()))
    built = builder.build(session.store, lambda: session.worker, asked, take, puller=puller)
    built = replace(built, notes=(*built.notes, *unread, *_damaged(imported)))
    value = _value(session, built, log, request.tags, seconds=time.monotonic() - begin)
    if isinstance(built.error, BuildError) and built.stopped is not None:
        failed_step.keep(session, built.stopped, built.error, text=request.text)
    if built.error is not None:
        built.error.result = value  # type: ignore[attr-defined]
        raise built.error
    if request.products != Products():
        notes = write(session, request.products, _finished(value, built, request.tags))
        value = replace(value, notes=(*value.notes, *notes))
    return value


def _imported(session: Session, wanted: Sequence[CacheFrom]) -> tuple[dict[str, CachedSteps], list[str]]:
    """The caches of ``--cache-from`` by their path, and notes of those that cannot be read: a build goes on without them."""
    found, notes = {}, []
    for cache in wanted:
        path = cache.src.expanduser()
        try:
            found[str(cache.src)] = session.store.cache_archive.open(path, tag=cache.tag, digest=cache.digest)
        except (NotFoundError, ArchiveError) as error:
            notes.append(f"--cache-from {cache.src} is not used: {error.message}")
    return found, notes


def _damaged(imported: Mapping[str, CachedSteps]) -> list[str]:
    return [f"--cache-from {src}: {problem}" for src, steps in imported.items() for problem in steps.problems]


def _finished(value: Build, built: Built, tags: Sequence[str]) -> Finished:
    assert value.image is not None  # noqa: S101 - it has succeeded
    everything = tuple(record.key for record in built.records if record.key and record.done)
    return Finished(
        image=value.image,
        names=tuple(reference.parse_normalized(tag).full for tag in tags),
        keys={"min": built.keys, "max": everything},
    )


def wanted(session: Session, request: Request) -> BuildRequest:
    """What the builder is asked for: the request, and what this session and machine add."""
    return BuildRequest(
        text=request.text,
        context=request.context or Path.cwd(),
        dockerfile=request.dockerfile,
        tags=request.tags,
        build_args=request.build_args,
        target=request.target,
        no_cache=request.no_cache,
        labels=request.labels,
        network=request.network,
        no_cache_filter=frozenset(name.lower() for name in request.no_cache_filter),
        hosts=request.add_hosts,
        contexts=request.build_contexts,
        secrets=request.secrets,
        agents=request.agents,
        limits=request.limits,
        timeout=request.timeout,
        pull=request.pull,
        platform="".join(request.platforms[:1]),
        epoch=session.epoch,
        machine=platform.architecture(os.uname().machine),
    )


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


def _value(session: Session, built: Built, log: _Log, names: Sequence[str], *, seconds: float) -> Build:
    image, error = None, built.error
    layers: dict[str, Layer] = {}
    if error is None:
        image = images.describe(session, session.store.images.get(built.image_id), names)
        layers = {layer.diff_id: layer for layer in image.layers}
    for record in built.records:  # of a failed build, and of stages that the image only copies from
        if record.diff_id and record.diff_id not in layers:
            below = built.below[record.diff_id]
            with suppress(NotFoundError):  # nothing holds it any more
                layers[record.diff_id] = images.layer_of(session, record.diff_id, record.instruction, below)
    rows = tuple(_row(record, layers) for record in built.records)
    steps = tuple(
        Step(
            instruction=r.instruction,
            line=r.line,
            cached=r.cached,
            reason=r.reason,
            seconds=r.seconds,
            layer=layers.get(r.diff_id),
            stage=r.stage,
            network=r.network,
        )
        for r in built.records
        if r.kind == "step" and r.done
    )
    return Build(
        image=image,
        steps=steps,
        log=log.text(),
        exit_code=0 if error is None else error.exit_code if isinstance(error, BuildError) else 125,
        error=error,
        rows=rows,
        warnings=built.warnings,
        notes=built.notes,
        seconds=seconds,
    )


def _row(record: StepRecord, layers: Mapping[str, Layer]) -> Row:
    return Row(
        instruction=record.instruction,
        line=record.line,
        kind=record.kind,
        layer=layers.get(record.diff_id),
        failed=record.failed,
        done=record.done,
    )
