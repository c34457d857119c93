"""The body of a cell: option lines at its top, a Dockerfile, and below the line ``---`` a script.

Lines keep their numbers: the first line below the magic line is line 1 of the Dockerfile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dockmagic.dockerfile.lexer.lines import Line, Reader
from dockmagic.errors import DockerfileError

SEPARATOR = "---"
_OPTIONS = re.compile(r"[ \t]*#[ \t]*dockmagic:[ \t]*(.*?)[ \t\r]*")
_COMMENT = re.compile(r"[ \t]*#.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body without its option lines.

    Attributes:
        header: what stands behind ``# dockmagic:`` in them.
        text: the rest, with as many empty lines as were taken out, below the comments at the top: directives and a
            script's ``#!`` come first, and every line further down keeps its number.
    """

    header: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The two parts of the one-cell form.

    Attributes:
        script: None where there is no line ``---``.
        line: the number of that line, 0 where there is none.
    """

    dockerfile: str
    script: str | None = None
    line: int = 0


def without_options(body: str) -> Body:
    """Take ``# dockmagic:`` lines out of the comment lines at the top of a body."""
    lines = body.split("\n")
    top = 0
    while top < len(lines) and _COMMENT.fullmatch(lines[top]):
        top += 1
    found = [_OPTIONS.fullmatch(line) for line in lines[:top]]
    header = tuple(match[1] for match in found if match)
    comments = [line for line, match in zip(lines, found, strict=False) if not match]
    return Body(header=header, text="\n".join([*comments, *[""] * len(header), *lines[top:]]))


def split(text: str) -> Parts:
    """Cut a body at the first line ``---`` that is no here-document's."""
    lines = text.split("\n")
    for index in _outside_heredocs(text):
        if lines[index].rstrip() == SEPARATOR:
            return Parts(
                dockerfile="".join(f"{line}\n" for line in lines[:index]),
                script="\n".join(lines[index + 1 :]),
                line=index + 1,
            )
    return Parts(dockerfile=text)


def _outside_heredocs(text: str) -> Iterator[int]:
    """The indices of lines that are no part of a here-document, as far as the Dockerfile can be read."""
    if SEPARATOR not in text:
        return
    seen = 0
    try:
        for line in Reader(text):
            inside = _heredoc_lines(line)
            yield from range(seen, line.location.end_line - inside)
            seen = line.location.end_line
    except DockerfileError:
        # A fault above any separator: whoever parses the Dockerfile reports it, with its line.
        return
    yield from range(seen, text.count("\n") + 1)


def _heredoc_lines(line: Line) -> int:
    return sum(heredoc.content.count("\n") + 1 for heredoc in line.heredocs)
