"""What a build will do, before it does anything: rows in order, variables replaced, every setting decided. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from dockmagic.builder import epoch, named
from dockmagic.builder.actions import Action, run_action, stages_of, workdir_action
from dockmagic.builder.arguments import (
    Arguments,
    expand_arguments,
    is_undeclared,
    platform_arguments,
    read_arguments,
)
from dockmagic.builder.built import Kind
from dockmagic.builder.checking import base_of, inputs_for
from dockmagic.builder.epoch import Dated
from dockmagic.builder.history import run_words, transfer_words
from dockmagic.builder.mounts import mount_actions
from dockmagic.builder.named import Contexts
from dockmagic.builder.platforms import BaseImage, base_image, machine_of, of_image, target_of, wanted_by
from dockmagic.builder.request import BuildRequest
from dockmagic.builder.scope import Scope, argument_words, declared, settled, with_path
from dockmagic.builder.transfers import add_action, check_source, copy_action
from dockmagic.dockerfile import instructions as kinds
from dockmagic.dockerfile import shell
from dockmagic.dockerfile.instructions import Instruction, expand, parse_trigger
from dockmagic.dockerfile.instructions.suggestion import did_you_mean
from dockmagic.dockerfile.lint import lint, refusal
from dockmagic.dockerfile.location import fault, located
from dockmagic.dockerfile.stages import Stage, Stages, parse_stages
from dockmagic.errors import DockerfileError, Location
from dockmagic.oci.config import ContainerConfig, ImageConfig
from dockmagic.oci.platform import Platform

SCRATCH = "scratch"
_CACHES = "BUILDKIT_CACHE_MOUNT_NS"
_NOT_IN_TRIGGERS = (kinds.From, kinds.OnBuild, kinds.Maintainer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An instruction of the plan.

    Attributes:
        kind: ``"from"``, ``"step"`` for what may make a layer, or ``"setting"``.
        source: its first line as written.
        code: all of it, for telling steps apart.
        line: its first line's number.
        action: what a step does.
        created_by: the history's words; "" for FROM.
        scope: the stage behind it.
    """

    kind: Kind
    source: str
    code: str
    location: Location
    action: Action | None
    created_by: str
    scope: Scope

    @property
    def line(self) -> int:
        """Its first line's number."""
        return self.location.line


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """A stage that the target needs.

    Attributes:
        title: its name, else ``stage-0``.
        base: name of the image or stage that it starts from, or "scratch".
        below: the number of the stage that it starts from, None for an image.
        key: the base image, None for a stage and for scratch.
        image: the base image's config, None for a stage and for scratch.
        platform: what it is for.
        rows: FROM first.
    """

    index: int
    title: str
    base: str
    below: int | None
    key: BaseImage | None
    image: ImageConfig | None
    platform: Platform
    rows: tuple[Row, ...]

    @property
    def scope(self) -> Scope:
        """The stage at its end."""
        return self.rows[-1].scope

    @property
    def needs(self) -> frozenset[int]:
        """The numbers of the stages that must be built before it."""
        found = {self.below} | {number for row in self.rows for number in stages_of(row.action)}
        return frozenset(number for number in found if number is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Stages in the order to build them; the last one is wanted.

    Attributes:
        stages: by their order, each behind what it needs.
        warnings: what Docker accepts and should not be there.
    """

    stages: tuple[PlannedStage, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A Dockerfile read as far as it can be without its base images.

    Attributes:
        stages: all of them, variables in FROM replaced.
        order: those that the target needs.
        arguments: from outside of the stages.
        request: what was asked for.
        dated: what tells the build's date, where that has to be asked; None where it is known.
    """

    stages: Stages
    order: tuple[Stage, ...]
    arguments: Arguments
    request: BuildRequest
    dated: Dated | None = None

    def at(self, seconds: int | None) -> Draft:
        """The same with the date that :attr:`dated` tells; None for the request's own."""
        request = self.request if seconds is None else replace(self.request, epoch=seconds)
        return replace(self, arguments=epoch.settled(self.arguments, seconds), request=request, dated=None)

    def images(self) -> Iterator[tuple[BaseImage, kinds.From]]:
        """The base images that are needed, each with its first FROM."""
        told: dict[BaseImage, kinds.From] = {}
        for stage in self.order:
            if self.stages.named(stage.base, before=stage.index) is None and stage.base.lower() != SCRATCH:
                told.setdefault(base_image(stage, self.request), stage.header)
        yield from told.items()


def draft(request: BuildRequest) -> Draft:
    """Read the Dockerfile and choose the stages.

    Raises:
        DockerfileError: it cannot be parsed, has no such target, or asks for a platform that is none.
        UsageError: the request's platform is none.
    """
    stages = parse_stages(request.text)
    with stages.excerpts():
        target = stages.target(request.target)
        known = platform_arguments(machine_of(request), target_of(request), request.target or "default")
        arguments = read_arguments(stages.global_args, request.build_args, known, escape=stages.escape)
        stages = stages.with_bases([_base(stage, arguments, stages.escape) for stage in stages.stages])
        wanted = epoch.asked_for(stages, arguments, request.contexts)
        stages = named.replaced(stages, named.read(request.contexts))
        order = stages.order(stages.stages[target.index])
        for stage in order:
            wanted_by(stage, request)
    read = Draft(stages=stages, order=order, arguments=arguments, request=request)
    return replace(read, dated=wanted) if isinstance(wanted, Dated) else read.at(wanted)


def _base(stage: Stage, arguments: Arguments, escape: str) -> tuple[str, str]:
    variables = arguments.in_from()
    header = expand(stage.header, variables, escape)
    if not header.base:
        hint = "declare it by ARG with a default before the first FROM, or give --build-arg"
        error = fault(f"base name ({stage.header.base}) should not be blank", stage.location)
        error.hint = hint
        raise error
    written = stage.header.platform
    if written and not header.platform:
        unknown = shell.expand(written, variables, escape=escape).unmatched
        near = next(filter(None, (did_you_mean(name, variables) for name in sorted(unknown))), "")
        raise fault(f"empty platform value from expression {written}{near}", stage.location)
    return header.base, header.platform


def plan(read: Draft, images: Mapping[BaseImage, ImageConfig], *, ignored: Callable[[str], bool] | None = None) -> Plan:
    """Decide everything that is known before the first step.

    Args:
        read: the Dockerfile.
        images: configs of the base images that :meth:`Draft.images` names.
        ignored: which paths of the context ``.dockerignore`` excludes, for the linter; None for no opinion.

    Raises:
        DockerfileError: an instruction that is not executed, a value that cannot be, or a warning where the Dockerfile
            wants none.
    """
    with read.stages.excerpts():
        warnings = tuple(_warnings(read, images, ignored))
        done: dict[int, PlannedStage] = {}
        for stage in read.order:
            done[stage.index] = _Stage(read, stage, images, done).planned()
    return Plan(stages=tuple(done.values()), warnings=warnings)


def _warnings(
    read: Draft, images: Mapping[BaseImage, ImageConfig], ignored: Callable[[str], bool] | None
) -> Iterator[str]:
    bases = {base.name: base_of(config) for base, config in images.items()}
    inputs = inputs_for(read.request, bases.get, ignored)
    found = lint(read.stages, inputs)
    error = refusal(read.stages, inputs, found)
    if error is not None:
        raise error
    yield from map(str, found)
    names = {d.name for arg in read.stages.global_args for d in arg.definitions}
    for stage in read.order:
        names |= {d.name for i in stage.instructions if isinstance(i, kinds.Arg) for d in i.definitions}
    unused = sorted(name for name in read.arguments.given if name not in names and not is_undeclared(name))
    if unused:
        yield f"--build-arg {', '.join(unused)}: no ARG of this build has that name"


@dataclass(slots=True)
class _Stage:
    """One stage while it is being planned."""

    read: Draft
    stage: Stage
    images: Mapping[BaseImage, ImageConfig]
    done: Mapping[int, PlannedStage]
    rows: list[Row] = field(default_factory=list)
    contexts: Contexts = field(init=False)
    platform: Platform = field(init=False)

    def __post_init__(self) -> None:
        self.contexts = named.read(self.read.request.contexts)
        self.platform = wanted_by(self.stage, self.read.request)

    def planned(self) -> PlannedStage:
        stage = self.stage
        below = self.read.stages.named(stage.base, before=stage.index)
        key = base_image(stage, self.read.request)
        image = None if below is not None else self.images.get(key)
        if below is not None:
            self.platform = self.done[below.index].platform
        elif image is not None:
            self.platform = of_image(image, self.platform)
        scope = self._first(below, image)
        triggers = scope.config.on_build
        scope = replace(scope, config=replace(scope.config, on_build=()))
        self.rows.append(_row("from", stage.header, scope))
        for text in triggers:
            scope = self._trigger(text, scope)
        for instruction in stage.instructions:
            scope = self._add(instruction, scope)
        return PlannedStage(
            index=stage.index,
            title=stage.title,
            base=SCRATCH if below is None and image is None else stage.base,
            below=None if below is None else below.index,
            key=None if image is None else key,
            image=image,
            platform=self.platform,
            rows=tuple(self.rows),
        )

    def _first(self, below: Stage | None, image: ImageConfig | None) -> Scope:
        if below is not None:
            return replace(self.done[below.index].scope, has_cmd=False)
        if image is not None:
            return Scope(config=with_path(image.config), author=image.author)
        return Scope(config=with_path(ContainerConfig(working_dir="/")))

    def _trigger(self, text: str, scope: Scope) -> Scope:
        """An ONBUILD instruction of the base image."""
        with located(self.stage.location):
            instruction = parse_trigger(text)
            if isinstance(instruction, _NOT_IN_TRIGGERS):
                raise DockerfileError(f"the base image's ONBUILD {instruction.keyword} is not allowed")
        return self._add(replace(instruction, location=self.stage.location), scope)

    def _add(self, instruction: Instruction, scope: Scope) -> Scope:
        with located(instruction.location):
            if isinstance(instruction, kinds.Copy):
                check_source(instruction)
            expanded = named.instruction(self._expanded(instruction, scope), self.contexts)
            row = self._planned_row(expanded, scope)
        self.rows.append(row)
        return row.scope

    def _expanded(self, instruction: Instruction, scope: Scope) -> Instruction:
        escape = self.read.stages.escape
        if isinstance(instruction, kinds.Arg):
            return expand_arguments(instruction, scope.variables(), self.read.arguments.given, escape=escape)
        return expand(instruction, scope.variables(), escape)

    def _planned_row(self, instruction: Instruction, scope: Scope) -> Row:
        match instruction:
            case kinds.Arg():
                scope = declared(scope, instruction, self.read.arguments)
                return _row("setting", instruction, scope, created_by=argument_words(instruction, scope))
            case kinds.Run():
                namespace = self.read.request.build_args.get(_CACHES, "")
                mounts = mount_actions(
                    instruction, scope, self.read.stages, self.stage, self.contexts, namespace=namespace
                )
                action = run_action(instruction, scope, self.read.request, mounts, self.platform)
                words = run_words(action.argv, scope.arguments)
                return _row("step", instruction, scope, action=action, created_by=words)
            case kinds.Copy():
                copied = copy_action(instruction, scope, self.read.stages, self.stage, self.contexts)
                return _row("step", instruction, scope, action=copied, created_by=transfer_words(instruction))
            case kinds.Workdir():
                scope, words = settled(scope, instruction)
                return _row("step", instruction, scope, action=workdir_action(scope), created_by=words)
            case kinds.Add():
                added = add_action(instruction, scope)
                return _row("step", instruction, scope, action=added, created_by=transfer_words(instruction))
            case _:
                scope, words = settled(scope, instruction)
                return _row("setting", instruction, scope, created_by=words)


def _row(
    kind: Kind,
    instruction: Instruction,
    scope: Scope,
    *,
    action: Action | None = None,
    created_by: str = "",
) -> Row:
    return Row(
        kind=kind,
        source=instruction.source,
        code=instruction.code,
        location=instruction.location,
        action=action,
        created_by=created_by,
        scope=scope,
    )
