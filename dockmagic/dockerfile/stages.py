"""The stages of a multi-stage build: which there are, what each needs, which one is wanted."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dockmagic.dockerfile.instructions import (
    Arg,
    Copy,
    From,
    Instruction,
    Run,
    parse_instruction,
)
from dockmagic.dockerfile.instructions.suggestion import did_you_mean
from dockmagic.dockerfile.location import excerpts, fault
from dockmagic.dockerfile.parser import Dockerfile, ParseWarning, parse
from dockmagic.dockerfile.quoting import quote
from dockmagic.errors import DockerfileError, Location

if TYPE_CHECKING:
    from dockmagic.dockerfile.lexer.directives import Directive

_LONGEST_INDEX = 9
_NUMBER = re.compile(r"[+-]?\d+\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One FROM and what follows it.

    Attributes:
        index: its number, from 0.
        name: after AS, in lower case; "" without.
        base: a stage before it, an image or "scratch"; variables as written.
        platform: as written; "" where none is asked for.
        instructions: without the FROM.
        header: the FROM itself.
        location: the FROM's place.
    """

    index: int
    name: str
    base: str
    platform: str
    instructions: tuple[Instruction, ...]
    header: From
    location: Location

    @property
    def title(self) -> str:
        """What messages call it: its name, else ``stage-0``."""
        return self.name or f"stage-{self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """A whole Dockerfile.

    Attributes:
        stages: at least one.
        global_args: the ARGs before the first FROM.
        directives: the parser directives.
        escape: the escape character, which :func:`dockmagic.dockerfile.instructions.expand` wants.
        warnings: what Docker still accepts.
        text: what was parsed; ``first_line`` is the number that its first line has for the reader.
    """

    stages: tuple[Stage, ...]
    global_args: tuple[Arg, ...]
    directives: tuple[Directive, ...]
    escape: str
    warnings: tuple[ParseWarning, ...]
    text: str
    first_line: int
    _by_name: dict[str, list[int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the names, so that thousands of stages are no matter."""
        by_name: dict[str, list[int]] = {}
        for stage in self.stages:
            if stage.name:
                by_name.setdefault(stage.name, []).append(stage.index)
        object.__setattr__(self, "_by_name", by_name)

    def excerpts(self) -> AbstractContextManager[None]:
        """Puts the excerpt of the text into the located errors of the block: of an expansion, say."""
        return excerpts(self.text, first_line=self.first_line)

    def target(self, name: str | None = None) -> Stage:
        """The stage to build: by name in any case, by number, or the last one.

        Raises:
            DockerfileError: there is none of that name.
        """
        if not name:
            return self.stages[-1]
        found = self.named(name) or self.numbered(name)
        if found is None:
            names = [stage.title for stage in self.stages]
            suggestion = did_you_mean(name, names)
            raise DockerfileError(f"target stage {quote(name)} could not be found{suggestion}")
        return found

    def named(self, name: str, *, before: int | None = None) -> Stage | None:
        """The last stage of that name in any case, among those with an index below ``before``."""
        indexes = self._by_name.get(name.lower(), ())
        end = len(indexes) if before is None else bisect_left(indexes, before)
        return self.stages[indexes[end - 1]] if end else None

    def numbered(self, text: str) -> Stage | None:
        """The stage whose index is written ``text``."""
        if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST_INDEX:
            return None
        return self.stages[int(text)] if int(text) < len(self.stages) else None

    def source(self, name: str) -> Stage | None:
        """The stage that ``--from=name`` or a mount's ``from=name`` means; None is an image or a named context.

        Raises:
            DockerfileError: without location. ``name`` is a number that no stage has.
        """
        found = self.named(name) or self.numbered(name)
        if found is None and _NUMBER.match(name):
            raise DockerfileError(f"invalid stage index {name}")
        return found

    def needs(self, stage: Stage) -> tuple[tuple[Stage, Instruction], ...]:
        """The stages that ``stage`` reads from directly, each with the instruction that does, in order.

        Names that hold variables count once these are replaced: see :meth:`with_bases`.

        Raises:
            DockerfileError: a number that no stage has.
        """
        found: list[tuple[Stage, Instruction]] = []
        base = self.named(stage.base, before=stage.index)
        if base:
            found.append((base, stage.header))
        for instruction in stage.instructions:
            for name in _sources(instruction):
                try:
                    source = self.source(name)
                except DockerfileError as error:
                    raise fault(error.message, instruction.location) from None
                if source:
                    found.append((source, instruction))
        return tuple(found)

    def order(self, target: Stage) -> tuple[Stage, ...]:
        """The stages that ``target`` needs, itself included and last; each stands behind what it needs.

        Raises:
            DockerfileError: a stage needs itself.
        """
        done: dict[int, Stage] = {}
        self._visit(target, done)
        return tuple(done.values())

    def with_bases(self, bases: Sequence[tuple[str, str]]) -> Stages:
        """The same with every stage's base and platform replaced, as variables in FROM want it.

        Raises:
            DockerfileError: a stage now needs itself.
        """
        pairs = zip(self.stages, bases, strict=True)
        stages = tuple(replace(stage, base=base, platform=platform) for stage, (base, platform) in pairs)
        changed = replace(self, stages=stages)
        with self.excerpts():
            changed.check()
        return changed

    def check(self) -> None:
        """Refuse stages that need themselves.

        Raises:
            DockerfileError: there is one; with the location of the instruction that closes the circle.
        """
        done: dict[int, Stage] = {}
        for stage in self.stages:
            self._visit(stage, done)

    def _visit(self, first: Stage, done: dict[int, Stage]) -> None:
        """Depth first without recursion: a Dockerfile may have thousands of stages."""
        path: dict[int, Iterator[tuple[Stage, Instruction]]] = {}
        waiting = [first]
        while waiting:
            stage = waiting[-1]
            if stage.index in done:
                waiting.pop()
                continue
            if stage.index not in path:
                path[stage.index] = iter(self.needs(stage))
            step = next(path[stage.index], None)
            if step is None:
                done[stage.index] = waiting.pop()
                del path[stage.index]
            elif step[0].index in path:
                raise fault(f"circular dependency detected on stage: {first.title}", step[1].location)
            else:
                waiting.append(step[0])


def parse_stages(text: str, *, first_line: int = 1) -> Stages:
    """Parse a whole Dockerfile.

    Args:
        text: the Dockerfile.
        first_line: the number of its first line for the reader, in locations and errors.

    Raises:
        DockerfileError: with location and excerpt. See :func:`dockmagic.dockerfile.parser.parse` and
            :func:`dockmagic.dockerfile.instructions.parse_instruction`; also an instruction before the first FROM,
            no FROM at all, and stages that need themselves.
    """
    dockerfile = parse(text, first_line=first_line)
    with excerpts(text, first_line=first_line):
        stages = _collect(dockerfile)
        stages.check()
    return stages


def parse_prefix(text: str, *, first_line: int = 1) -> Stages | None:
    """The stages that stand before the first instruction that cannot be read; None where there is none.

    For what reads a text that :func:`parse_stages` refuses; arguments as there.
    """
    try:
        dockerfile = parse(text, first_line=first_line)
    except DockerfileError:
        return None
    readable = 0
    for node in dockerfile.nodes:
        try:
            parse_instruction(node)
        except DockerfileError:
            break
        readable += 1
    nodes = dockerfile.nodes[:readable]
    try:
        return _collect(replace(dockerfile, nodes=nodes)) if nodes else None
    except DockerfileError:
        return None


def _collect(dockerfile: Dockerfile) -> Stages:
    global_args: list[Arg] = []
    stages: list[tuple[From, list[Instruction]]] = []
    for node in dockerfile.nodes:
        instruction = parse_instruction(node)
        if isinstance(instruction, From):
            stages.append((instruction, []))
        elif stages:
            stages[-1][1].append(instruction)
        elif isinstance(instruction, Arg):
            global_args.append(instruction)
        else:
            raise fault("no build stage in current context", instruction.location)
    if not stages:
        raise fault("dockerfile contains no stages to build", dockerfile.nodes[-1].location)
    return Stages(
        stages=tuple(_stage(index, header, body) for index, (header, body) in enumerate(stages)),
        global_args=tuple(global_args),
        directives=dockerfile.directives,
        escape=dockerfile.escape,
        warnings=dockerfile.warnings,
        text=dockerfile.text,
        first_line=dockerfile.first_line,
    )


def _stage(index: int, header: From, body: list[Instruction]) -> Stage:
    return Stage(
        index=index,
        name=header.name,
        base=header.base,
        platform=header.platform,
        instructions=tuple(body),
        header=header,
        location=header.location,
    )


def _sources(instruction: Instruction) -> tuple[str, ...]:
    match instruction:
        case Copy(from_=name) if name:
            return (name,)
        case Run(mounts=mounts):
            return tuple(mount.from_ for mount in mounts if mount.from_)
        case _:
            return ()
