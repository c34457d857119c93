"""Rules about how a Dockerfile is written: its letters and forms, whatever is built from it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dockmagic.dockerfile.instructions import (
    Arg,
    Cmd,
    Entrypoint,
    Env,
    From,
    Healthcheck,
    Instruction,
    Label,
    Maintainer,
)
from dockmagic.dockerfile.lexer.directives import leading_directives
from dockmagic.dockerfile.lint.rule import Finding, finding
from dockmagic.dockerfile.lint.survey import Survey
from dockmagic.dockerfile.parser import EMPTY_CONTINUATION
from dockmagic.dockerfile.quoting import quote

_RESERVED = frozenset({"context", "scratch"})
# "FROM [--flags] BASE AS NAME": the word between base and name.
_AS = re.compile(r"\s([aA][sS])\s+\S+\s*\Z")


def empty_continuation(survey: Survey) -> Iterator[Finding]:
    """Blank lines within a continued instruction, as the parser notes them."""
    for warning in survey.stages.warnings:
        if warning.detail == EMPTY_CONTINUATION:
            yield Finding(detail="Empty continuation line", location=warning.location)


def maintainer(survey: Survey) -> Iterator[Finding]:
    """MAINTAINER."""
    for instruction in survey.written():
        if isinstance(instruction, Maintainer):
            yield finding(instruction, "Maintainer instruction is deprecated in favor of using label")


def stage_name_casing(survey: Survey) -> Iterator[Finding]:
    """Capitals in the name of a stage."""
    for stage in survey.stages.stages:
        name = stage.header.written_name
        if name != name.lower():
            yield finding(stage.header, f"Stage name '{name}' should be lowercase", words=name)


def from_as_casing(survey: Survey) -> Iterator[Finding]:
    """FROM and AS in different cases. A FROM in mixed case is another rule's."""
    for stage in survey.stages.stages:
        header = stage.header
        written, found = header.written_keyword, _AS.search(header.code) if header.name else None
        if found is None or written not in {written.lower(), written.upper()}:
            continue
        word = found[1]
        if word != (word.lower() if written == written.lower() else word.upper()):
            detail = f"'{word}' and '{written}' keywords' casing do not match"
            yield finding(header, detail, words=f"{word} {header.written_name}")


def instruction_casing(survey: Survey) -> Iterator[Finding]:
    """Instructions in another case than most of the others; ARGs before the first FROM do not count."""
    body = [each for stage in survey.stages.stages for each in (stage.header, *stage.instructions)]
    names = [each.written_keyword for each in body]
    lower = sum(name == name.lower() for name in names)
    upper = sum(name == name.upper() for name in names)
    casing, right = ("lowercase", str.lower) if lower > upper else ("uppercase", str.upper)
    for instruction, name in zip(body, names, strict=True):
        if name != right(name):
            detail = f"Command '{name}' should match the case of the command majority ({casing})"
            yield finding(instruction, detail, words=name)


def duplicate_stage_name(survey: Survey) -> Iterator[Finding]:
    """A second stage of the same name."""
    seen: set[str] = set()
    for stage in survey.stages.stages:
        if stage.name in seen:
            detail = f"Duplicate stage name {quote(stage.name)}, stage names should be unique"
            yield finding(stage.header, detail, words=stage.header.written_name)
        if stage.name:
            seen.add(stage.name)


def reserved_stage_name(survey: Survey) -> Iterator[Finding]:
    """A stage whose name means something else."""
    for stage in survey.stages.stages:
        if stage.name in _RESERVED:
            detail = f"Stage name should not use the same name as reserved stage {quote(stage.name)}"
            yield finding(stage.header, detail)


def definition_description(survey: Survey) -> Iterator[Finding]:
    """A comment above a stage or an argument that does not begin with its name."""
    for instruction in survey.written():
        match instruction:
            case From(name=name) if name:
                names = [name]
            case Arg(definitions=definitions):
                names = [each.name for each in definitions]
            case _:
                continue
        comments = [comment for comment in instruction.comments if not _is_directive(comment)]
        if comments and comments[-1].partition(" ")[0] not in names:
            example = names[0] if len(names) == 1 else "<arg_key>"
            detail = f"Comment for {instruction.keyword} should follow the format: `# {example} <description>`"
            yield finding(instruction, detail)


def _is_directive(comment: str) -> bool:
    return next(leading_directives((f"# {comment}",)), None) is not None


def legacy_pairs(survey: Survey) -> Iterator[Finding]:
    """``ENV name value``."""
    for visit in survey.visits:
        if isinstance(visit.instruction, Env | Label):
            name = visit.instruction.written_keyword
            for pair in visit.instruction.pairs:
                if not pair.separator:
                    detail = f'"{name} key=value" should be used instead of legacy "{name} key value" format'
                    yield finding(visit.instruction, detail)


def json_arguments(survey: Survey) -> Iterator[Finding]:
    """CMD and ENTRYPOINT for a shell that nobody chose: signals end there."""
    for visit in survey.visits:
        instruction = visit.instruction
        if isinstance(instruction, Cmd | Entrypoint) and instruction.shell_form and not visit.shell:
            reason = "to prevent unintended behavior related to OS signals"
            yield finding(instruction, f"JSON arguments recommended for {instruction.written_keyword} {reason}")


def multiple_instructions(survey: Survey) -> Iterator[Finding]:
    """CMD, ENTRYPOINT or HEALTHCHECK twice in a stage: reported at the one that has no effect."""
    last: dict[tuple[int, type[Instruction]], Instruction] = {}
    for visit in survey.visits:
        instruction = visit.instruction
        if not isinstance(instruction, Cmd | Entrypoint | Healthcheck):
            continue
        key = (visit.stage.index, type(instruction))
        if key in last:
            name = instruction.written_keyword
            reason = "should not be used in the same stage because only the last one will be used"
            detail = f"Multiple {name} instructions {reason}"
            yield Finding(detail=detail, location=last[key].location, comments=instruction.comments)
        last[key] = instruction
