"""SOURCE_DATE_EPOCH: the second that a build's files have, or the name of what has a date of its own. Pure.

``--build-arg SOURCE_DATE_EPOCH=…``, else the default of an ARG before the first FROM. As for BuildKit a name stands for the build context
(``context``), a named context, or a stage that is nothing but one ADD of a URL or a repository.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dockmagic.builder import named, remotes
from dockmagic.builder.arguments import Arguments, expand_arguments
from dockmagic.builder.remotes import Git, Url
from dockmagic.dockerfile import instructions as kinds
from dockmagic.dockerfile.instructions import expand
from dockmagic.dockerfile.location import located
from dockmagic.errors import DockerfileError, UsageError

if TYPE_CHECKING:
    from dockmagic.dockerfile.stages import Stage, Stages

VARIABLE = "SOURCE_DATE_EPOCH"
_CONTEXT = "context"
_SCRATCH = "scratch"
_NUMBER = re.compile(r"\+?\d{1,18}\Z", re.ASCII)
# the last second that a date of four digits has
_LATEST = 253_402_300_799
_ONE_ADD = f"{VARIABLE} stage must contain exactly one remote ADD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """What has a date: a commit, or a file of a server.

    Attributes:
        remote: where it is.
        checksum: what it must be, "" for anything.
    """

    remote: Url | Git
    checksum: str = ""


def asked_for(
    stages: Stages, arguments: Arguments, contexts: Mapping[str, str | named.Directory]
) -> int | Dated | None:
    """The second that a build asks for, what tells it, or None where it asks for none.

    Args:
        stages: with variables in FROM replaced.
        arguments: from outside of the stages.
        contexts: named ones, as the build's request has them.

    Raises:
        DockerfileError: the value is no number and names nothing, or a stage that has no date.
    """
    value = arguments.given.get(VARIABLE, arguments.declared.get(VARIABLE)) or ""
    if _NUMBER.match(value) and int(value) <= _LATEST:
        return int(value)
    if value in {"", _CONTEXT}:
        return None  # a directory has no date
    known = named.read(contexts)
    key = named.key_of(value)
    if key in known.fetched:
        return Dated(remote=known.fetched[key])
    if key in known.images or key in known.directories:
        return None
    stage = stages.named(value)
    if stage is None:
        raise DockerfileError(f"invalid {VARIABLE}: {value[:80]}")
    with located(stage.location):
        return _of_stage(stage, arguments, stages.escape)


def settled(arguments: Arguments, epoch: int | None) -> Arguments:
    """The arguments with the number in place of the name, or without it where there is none."""

    def changed(values: Mapping[str, str | None]) -> dict[str, str | None]:
        others = {name: value for name, value in values.items() if name != VARIABLE}
        return {**others, VARIABLE: str(epoch)} if VARIABLE in values and epoch is not None else others

    given = {name: value for name, value in changed(arguments.given).items() if value is not None}
    return replace(arguments, given=given, declared=changed(arguments.declared))


def _of_stage(stage: Stage, arguments: Arguments, escape: str) -> Dated:
    """The one source of a stage that is nothing else.

    Raises:
        DockerfileError: it is more, or something else.
    """
    if stage.base != _SCRATCH:
        raise DockerfileError(f"{VARIABLE} stage must use FROM scratch")
    variables = {name: value for name, value in arguments.in_from().items() if name != VARIABLE}
    found: Dated | None = None
    for instruction in stage.instructions:
        match instruction:
            case kinds.Arg():
                expanded = expand_arguments(instruction, variables, arguments.given, escape=escape)
                values = {each.name: arguments.given.get(each.name, each.value) for each in expanded.definitions}
                variables |= {name: value for name, value in values.items() if value is not None}
            case kinds.Add() if found is None:
                found = _of_add(expand(instruction, variables, escape))
            case kinds.Add():
                raise DockerfileError(_ONE_ADD)
            case _:
                raise DockerfileError(
                    f"{VARIABLE} stage does not meet source-only requirements:"
                    f" unsupported {instruction.written_keyword} instruction"
                )
    if found is None:
        raise DockerfileError(_ONE_ADD)
    return found


def _of_add(instruction: kinds.Add) -> Dated:
    if instruction.inline or len(instruction.sources) != 1:
        raise DockerfileError(f"{_ONE_ADD} source")
    try:
        remote = remotes.read(instruction.sources[0], keep_git_dir=instruction.keep_git_dir)
    except UsageError as error:
        raise DockerfileError(error.message) from None
    if remote is None:
        raise DockerfileError(f"{VARIABLE} stage source must be a single HTTP(S) or Git ADD")
    return Dated(remote=remote, checksum=instruction.checksum)
