"""From logical lines to nodes: every instruction's arguments cut by its own rule, nothing interpreted yet.

The rules are those of BuildKit's parser, whose dump of the tree :func:`dump` prints.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockmagic.dockerfile.lexer.blanks import BLANK_RUN, SPACE_RUN, SPACES
from dockmagic.dockerfile.lexer.json_form import json_words
from dockmagic.dockerfile.lexer.lines import Line, Reader, split_command
from dockmagic.dockerfile.location import excerpts, fault, located
from dockmagic.dockerfile.quoting import quote
from dockmagic.errors import DockerfileError, Location

if TYPE_CHECKING:
    from dockmagic.dockerfile.lexer.directives import Directive
    from dockmagic.dockerfile.lexer.heredoc import Heredoc

EMPTY_CONTINUATION = "Empty continuation lines will become errors in a future release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One instruction, cut into words.

    Attributes:
        name: as written.
        flags: the ``--`` words, unquoted, with their dashes.
        args: the words. ENV and LABEL have three for each pair: name, value, and "=" or "" (the old form). The
            shell form of RUN and its like is one word.
        json: the arguments were written as a JSON array.
        trigger: the instruction below ONBUILD.
        heredocs: with their bodies.
        comments: the comment lines just above.
        code: the logical line; ``text`` is every physical line as written.
        known: the name is an instruction's. Of others the arguments are not cut.
        location: the physical lines.
    """

    name: str
    flags: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    json: bool = False
    trigger: Node | None = None
    heredocs: tuple[Heredoc, ...] = ()
    comments: tuple[str, ...] = ()
    code: str
    text: str
    known: bool = True
    location: Location

    @property
    def source(self) -> str:
        """The first line as written, without the spaces around it."""
        return self.text.partition("\n")[0].strip(SPACES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseWarning:
    """Something that Docker still accepts."""

    message: str
    detail: str
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Dockerfile:
    """A parsed text.

    Attributes:
        nodes: at least one.
        directives: the parser directives, in order.
        escape: the escape character.
        text: what was parsed; ``first_line`` is the number that its first line has for the reader.
    """

    nodes: tuple[Node, ...]
    directives: tuple[Directive, ...]
    escape: str
    warnings: tuple[ParseWarning, ...]
    text: str
    first_line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arguments:
    words: tuple[str, ...] = ()
    json: bool = False
    trigger: Node | None = None


def parse(text: str, *, first_line: int = 1) -> Dockerfile:
    """Cut ``text`` into nodes.

    Args:
        text: a Dockerfile; line ends may be CRLF, a byte-order mark may stand before it.
        first_line: the number of its first line for the reader, in locations and errors.

    Raises:
        DockerfileError: the text is no Dockerfile; with location and excerpt.
    """
    with excerpts(text, first_line=first_line):
        reader = Reader(text, first_line=first_line)
        nodes: list[Node] = []
        warnings: list[ParseWarning] = []
        for line in reader:
            if line.gap:
                warnings.append(_empty_continuation(line))
            with located(line.location):
                nodes.append(_node(line.code, line, reader.escape))
        if not nodes:
            raise fault("file with no instructions")
    return Dockerfile(
        nodes=tuple(nodes),
        directives=reader.directives,
        escape=reader.escape,
        warnings=tuple(warnings),
        text=text,
        first_line=first_line,
    )


def dump(dockerfile: Dockerfile) -> str:
    """The tree as S-expressions, one instruction a line, in BuildKit's notation."""
    return "".join(f"({_dump_node(node)})\n" for node in dockerfile.nodes)


def words(text: str, escape: str = "\\") -> tuple[str, ...]:
    """The words of ``text`` with their quotes and escapes; a quote that does not close reaches to the end."""
    found: list[str] = _words_pattern(escape).findall(text)
    if found and found[-1].endswith(escape):
        found[-1] = _word_pattern(escape).sub(r"\1", found[-1])
    return tuple(word for word in found if word)


def name_values(text: str, instruction: str, escape: str = "\\") -> tuple[str, ...]:
    """Name, value and separator of each pair: ``a=b c=d``, or the old form ``a b c``, which is one pair.

    Raises:
        DockerfileError: a word without "=", or a name without value.
    """
    cut = words(text, escape)
    if not cut:
        return ()
    if "=" not in cut[0]:
        name, *value = BLANK_RUN.split(text, maxsplit=1)
        if not value:
            raise DockerfileError(f"{instruction} must have two arguments")
        return (name, value[0], "")
    triples: list[str] = []
    for word in cut:
        name, equals, value_ = word.partition("=")
        if not equals:
            reason = f"Syntax error - can't find = in {quote(word)}. Must be of the form: name=value"
            raise DockerfileError(reason)
        triples += (name, value_, equals)
    return tuple(triples)


def _node(code: str, line: Line, escape: str, *, trigger: bool = False) -> Node:
    command = split_command(code)
    cut = _CUTTERS.get(command.name.lower())
    arguments = cut(command.rest, line, escape) if cut else _Arguments()
    return Node(
        name=command.name,
        flags=command.flags,
        args=arguments.words,
        json=arguments.json,
        trigger=arguments.trigger,
        heredocs=line.heredocs,
        comments=() if trigger else line.comments,
        code=code,
        text=line.text,
        known=cut is not None,
        location=line.location,
    )


_Cutter = Callable[[str, Line, str], _Arguments]


def _one_string(rest: str, _line: Line, _escape: str) -> _Arguments:
    return _Arguments(words=(rest,) if rest else ())


def _blank_separated(rest: str, _line: Line, _escape: str) -> _Arguments:
    return _Arguments(words=tuple(BLANK_RUN.split(rest)) if rest else ())


def _shell_words(rest: str, _line: Line, escape: str) -> _Arguments:
    return _Arguments(words=words(rest, escape))


def _env(rest: str, _line: Line, escape: str) -> _Arguments:
    return _Arguments(words=name_values(rest, "ENV", escape))


def _label(rest: str, _line: Line, escape: str) -> _Arguments:
    return _Arguments(words=name_values(rest, "LABEL", escape))


def _json_or_string(rest: str, line: Line, escape: str) -> _Arguments:
    array = json_words(rest)
    return _one_string(rest, line, escape) if array is None else _Arguments(words=array, json=True)


def _json_or_blanks(rest: str, line: Line, escape: str) -> _Arguments:
    array = json_words(rest)
    return _blank_separated(rest, line, escape) if array is None else _Arguments(words=array, json=True)


def _health_check(rest: str, line: Line, escape: str) -> _Arguments:
    """A type, then its command in either form."""
    if not rest:
        return _Arguments()
    kind = SPACE_RUN.split(rest, maxsplit=1)[0]
    command = _json_or_string(rest[len(kind) :].strip(SPACES), line, escape)
    return _Arguments(words=(kind, *command.words), json=command.json)


def _sub_command(rest: str, line: Line, escape: str) -> _Arguments:
    if not rest:
        return _Arguments()
    node = _node_below(rest, line, escape)
    return _Arguments(words=(node.name, *node.args), trigger=node)


def _node_below(rest: str, line: Line, escape: str) -> Node:
    command = split_command(rest)
    if command.name.lower() == "onbuild":
        # Not nested any further: the instruction is refused, and a line of thousands of them must not exhaust the stack.
        arguments = (split_command(command.rest).name,) if command.rest else ()
        return Node(
            name=command.name, flags=command.flags, args=arguments, code=rest, text=line.text, location=line.location
        )
    return _node(rest, line, escape, trigger=True)


_CUTTERS: dict[str, _Cutter] = {
    "add": _json_or_blanks,
    "arg": _shell_words,
    "cmd": _json_or_string,
    "copy": _json_or_blanks,
    "entrypoint": _json_or_string,
    "env": _env,
    "expose": _blank_separated,
    "from": _blank_separated,
    "healthcheck": _health_check,
    "label": _label,
    "maintainer": _one_string,
    "onbuild": _sub_command,
    "run": _json_or_string,
    "shell": _json_or_string,
    "stopsignal": _one_string,
    "user": _one_string,
    "volume": _json_or_blanks,
    "workdir": _one_string,
}


def _empty_continuation(line: Line) -> ParseWarning:
    end = line.location.end_line
    return ParseWarning(
        message=f"Empty continuation line found in: {line.code}",
        detail=EMPTY_CONTINUATION,
        location=Location(line=end, end_line=end),
    )


@functools.cache
def _words_pattern(escape: str) -> re.Pattern[str]:
    """One word: plain characters, escaped ones, quoted runs (in single quotes nothing is escaped)."""
    escape = re.escape(escape)
    piece = rf"""[^{SPACES}'"{escape}]|{escape}.|{escape}\Z|'[^']*+(?:'|\Z)|"(?:[^"{escape}]|{escape}.)*+(?:"|{escape}?\Z)"""
    return re.compile(f"(?:{piece})++", re.DOTALL)


@functools.cache
def _word_pattern(escape: str) -> re.Pattern[str]:
    """A word whose last character is an escape without anything to escape, which is dropped."""
    escape = re.escape(escape)
    return re.compile(rf"\A((?:[^{escape}]|{escape}.)*+){escape}\Z", re.DOTALL)


def _dump_node(node: Node) -> str:
    parts = [node.name.lower()]
    if node.flags:
        parts.append(f"[{' '.join(map(quote, node.flags))}]")
    if not node.known:
        parts.append('""')
    elif node.trigger:
        parts.append(f"({_dump_node(node.trigger)})")
    else:
        parts += map(quote, node.args)
    return " ".join(parts)
