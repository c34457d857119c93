"""What rules look at: a Dockerfile followed once as a build would follow it, with every question noted on the way."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dockmagic.dockerfile import shell
from dockmagic.dockerfile.instructions import Arg, Env, Expose, Instruction, OnBuild, Shell, Workdir, parse_trigger
from dockmagic.dockerfile.instructions.expansion import Part, expand_by, reader
from dockmagic.dockerfile.instructions.suggestion import nearest
from dockmagic.dockerfile.lint.inputs import Base, Inputs
from dockmagic.errors import DockerfileError

if TYPE_CHECKING:
    from dockmagic.dockerfile.stages import Stage, Stages

SCRATCH = "scratch"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Arguments that are never environment.
_NO_ENV = frozenset({"BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"})
# Names compared in search of suggestions, in one file.
_MOST_COMPARISONS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A variable that is used and that nothing set; ``suggestion`` is a name that is near, or ""."""

    name: str
    suggestion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A FROM with its variables replaced; None where that fails or none is written."""

    stage: Stage
    base: shell.Expansion | None
    platform: shell.Expansion | None
    missing: tuple[Missing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """An instruction when a build comes to it.

    Attributes:
        instruction: as written; of an ONBUILD trigger at the place of its FROM.
        expanded: with variables replaced as far as that succeeds.
        missing: the unset variables of its words; one that two words use is there twice.
        shell: what reads its shell form, () for the default.
        first_workdir: no WORKDIR of this file stands before it.
    """

    stage: Stage
    instruction: Instruction
    expanded: Instruction | None
    missing: tuple[Missing, ...]
    shell: tuple[str, ...]
    first_workdir: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A Dockerfile and what following it shows.

    Attributes:
        headers: every FROM.
        wanted: the numbers of the stages that are linted as a build follows them.
        default_bases: every FROM's base as it is without any ``--build-arg``; empty where a default cannot be read.
        visits: instructions of the wanted stages in order.
    """

    stages: Stages
    inputs: Inputs
    headers: tuple[Header, ...]
    wanted: frozenset[int]
    default_bases: tuple[str, ...]
    visits: tuple[Visit, ...]

    def written(self) -> Iterator[Instruction]:
        """Every instruction as it stands in the text: global ARGs, then each FROM and its stage."""
        yield from self.stages.global_args
        for stage in self.stages.stages:
            yield stage.header
            yield from stage.instructions


def survey(stages: Stages, inputs: Inputs) -> Survey:
    """Follow a Dockerfile; what cannot be expanded is left out, never an error."""
    return _Follower(stages=stages, inputs=inputs).survey()


@dataclass(slots=True, kw_only=True)
class _State:
    """A stage while it is followed."""

    env: dict[str, str]
    arguments: dict[str, str] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)
    shell: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    has_workdir: bool = False
    # Of an unknown base image no variable is known to be missing.
    complete: bool = True

    def next_stage(self, triggers: tuple[str, ...]) -> _State:
        """What a stage on top of this one begins with."""
        return replace(
            self, env=dict(self.env), arguments=dict(self.arguments), declared=set(self.declared), triggers=triggers
        )

    def variables(self) -> Mapping[str, str]:
        return ChainMap(self.env, self.arguments)


@dataclass(slots=True, kw_only=True)
class _Follower:
    stages: Stages
    inputs: Inputs
    globals_: dict[str, str] = field(default_factory=dict)
    comparisons: int = 0
    ends: dict[int, _State] = field(default_factory=dict)

    def survey(self) -> Survey:
        known = {name: self.inputs.build_args.get(name, value) for name, value in self.inputs.known.items()}
        defaults = self._global_values(known, {})
        self.globals_ = self._global_values(known, self.inputs.build_args) or known
        declared = {each.name for arg in self.stages.global_args for each in arg.definitions}
        headers = tuple(self._header(stage, declared | self.globals_.keys()) for stage in self.stages.stages)
        wanted = self._wanted(headers)
        visits = tuple(visit for header in headers if header.stage.index in wanted for visit in self._stage(header))
        return Survey(
            stages=self.stages,
            inputs=self.inputs,
            headers=headers,
            wanted=wanted,
            default_bases=() if defaults is None else self._default_bases(defaults),
            visits=visits,
        )

    def _expand(self, text: str, env: Mapping[str, str]) -> shell.Expansion | None:
        try:
            return shell.expand(text, env, escape=self.stages.escape)
        except DockerfileError:
            return None

    def _global_values(self, known: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str] | None:
        """The variables of FROM lines; None where a default cannot be read."""
        values = dict(known)
        for definition in (each for arg in self.stages.global_args for each in arg.definitions):
            value = given.get(definition.name)
            if value is None and definition.value is not None:
                expansion = self._expand(definition.value, values)
                if expansion is None:
                    return None
                value = expansion.word
            if value is not None:
                values[definition.name] = value
        return values

    def _default_bases(self, defaults: Mapping[str, str]) -> tuple[str, ...]:
        bases: list[str] = []
        for stage in self.stages.stages:
            expansion = self._expand(stage.header.base, defaults)
            if expansion is None:
                break
            bases.append(expansion.word)
        return tuple(bases)

    def _header(self, stage: Stage, names: set[str]) -> Header:
        base = self._expand(stage.header.base, self.globals_)
        platform = self._expand(stage.header.platform, self.globals_) if stage.header.platform else None
        missing = [
            self._missing(name, names)
            for expansion in (base, platform)
            if expansion is not None
            for name in sorted(expansion.unmatched - names)
        ]
        return Header(stage=stage, base=base, platform=platform, missing=tuple(missing))

    def _missing(self, name: str, names: Mapping[str, str] | set[str]) -> Missing:
        self.comparisons += len(names)
        near = nearest(name, names) if self.comparisons <= _MOST_COMPARISONS else ""
        return Missing(name=name, suggestion=near)

    def _wanted(self, headers: tuple[Header, ...]) -> frozenset[int]:
        everything = frozenset(stage.index for stage in self.stages.stages)
        if self.inputs.target is None:
            return everything
        try:
            bases = [("" if header.base is None else header.base.word, "") for header in headers]
            stages = self.stages.with_bases(bases)
            return frozenset(stage.index for stage in stages.order(stages.target(self.inputs.target)))
        except DockerfileError:
            # No such target, or stages that need themselves: the build says so.
            return everything

    def _first(self, header: Header) -> _State:
        """The state that a stage begins with."""
        name = "" if header.base is None else header.base.word
        below = self.stages.named(name, before=header.stage.index)
        if below is not None and below.index in self.ends:
            triggers = tuple(each.expression for each in below.instructions if isinstance(each, OnBuild))
            return self.ends[below.index].next_stage(triggers)
        base = Base() if name == SCRATCH else self.inputs.base(name)
        env = shell.environment((_PATH, *(base.env if base else ())))
        if base is None:
            return _State(env=env, complete=False)
        return _State(env=env, shell=base.shell, triggers=base.on_build)

    def _stage(self, header: Header) -> Iterator[Visit]:
        state = self._first(header)
        self.ends[header.stage.index] = state
        for expression in state.triggers:
            try:
                trigger = parse_trigger(expression)
            except DockerfileError:
                continue
            yield self._visit(header.stage, replace(trigger, location=header.stage.location), state)
        for instruction in header.stage.instructions:
            yield self._visit(header.stage, instruction, state)

    def _visit(self, stage: Stage, instruction: Instruction, state: _State) -> Visit:
        missing: list[Missing] = []
        if isinstance(instruction, Arg):
            self._declare(instruction, state, missing)
            expanded: Instruction | None = instruction
        else:
            expanded = self._expanded(instruction, state, missing)
        visit = Visit(
            stage=stage,
            instruction=instruction,
            expanded=expanded,
            missing=tuple(missing),
            shell=state.shell,
            first_workdir=not state.has_workdir,
        )
        match expanded:
            case Env(pairs=pairs):
                state.env |= {pair.name: pair.value for pair in pairs}
            case Shell(command=command):
                state.shell = command
            case Workdir():
                state.has_workdir = True
            case _:
                pass
        return visit

    def _expanded(self, instruction: Instruction, state: _State, missing: list[Missing]) -> Instruction | None:
        read = reader(state.variables(), self.stages.escape)

        def noting(text: str, part: Part) -> shell.Expansion:
            expansion = read(text, part)
            # Docker does not ask which variables of EXPOSE are set.
            if not isinstance(instruction, Expose):
                self._note(expansion, state, missing)
            return expansion

        try:
            return expand_by(instruction, noting)
        except DockerfileError:
            return None

    def _note(self, expansion: shell.Expansion, state: _State, missing: list[Missing]) -> None:
        if not state.complete:
            return
        names = sorted(expansion.unmatched - state.declared - _NO_ENV)
        missing.extend(self._missing(name, {**state.arguments, **state.env}) for name in names)

    def _declare(self, instruction: Arg, state: _State, missing: list[Missing]) -> None:
        for definition in instruction.definitions:
            value = self.inputs.build_args.get(definition.name)
            if value is None and definition.value is not None:
                expansion = self._expand(definition.value, state.variables())
                if expansion is not None:
                    self._note(expansion, state, missing)
                    value = expansion.word
            elif value is None:
                value = self.globals_.get(definition.name)
            if value is not None and definition.name not in _NO_ENV:
                state.arguments[definition.name] = value
            state.declared.add(definition.name)
