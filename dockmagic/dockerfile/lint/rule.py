"""A rule, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockmagic.errors import Location

if TYPE_CHECKING:
    from dockmagic.dockerfile.instructions import Instruction
    from dockmagic.dockerfile.lint.survey import Survey


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One place that a rule objects to.

    Attributes:
        detail: the sentence, BuildKit's.
        location: where; its line is the instruction's first one.
        comments: those above the instruction, which may switch the rule off.
    """

    detail: str
    location: Location
    comments: tuple[str, ...] = ()


Judge = Callable[["Survey"], Iterator[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of BuildKit's list.

    Attributes:
        name: what ``# check=skip=`` calls it.
        description: what it says in general.
        judge: finds its violations in a finished tree.
        page: the last part of ``url``, and of the page ``docs/rules/<page>.md``.
        documented: Docker has a page of it.
        experimental: runs only when ``experimental=`` names it.
        early: judged while instructions are read: also of a text that cannot be read to its end.
    """

    name: str
    description: str
    judge: Judge
    page: str
    documented: bool = True
    experimental: bool = False
    early: bool = False

    @property
    def url(self) -> str:
        """Docker's page; "" where it has none."""
        return f"https://docs.docker.com/go/dockerfile/rule/{self.page}/" if self.documented else ""


def finding(instruction: Instruction, detail: str, *, words: str = "") -> Finding:
    """A finding at an instruction; ``words`` are what the carets point at, where its first line has them."""
    return Finding(detail=detail, location=spot(instruction, words), comments=instruction.comments)


def spot(instruction: Instruction, words: str) -> Location:
    """Where ``words`` stand in the first line of ``instruction``, else its own location."""
    whole = instruction.location
    # Behind the keyword: a stage may be called "rom".
    begin = instruction.source.find(words, 0 if words == instruction.written_keyword else len(instruction.keyword))
    if not words or begin < 0:
        return whole
    column = whole.column + begin
    return Location(line=whole.line, end_line=whole.line, column=column, end_column=column + len(words))
