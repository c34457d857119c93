"""Parser directives: the ``# key=value`` lines before everything else.

The rules are those of the Dockerfile reference, "Parser directives": ``syntax``, ``escape`` and ``check``, names in
any case, each at most once, ended by the first line that is none of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dockmagic.dockerfile.lexer.blanks import SPACES
from dockmagic.dockerfile.location import fault
from dockmagic.errors import DockerfileError, Location

BOM = "\ufeff"
DEFAULT_ESCAPE = "\\"
NAMES = ("syntax", "escape", "check")
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9]*\Z")
_ASCII_SPACES = "\t\n\f\r "
_ESCAPES = ("\\", "`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """One directive; ``name`` is in lower case, ``value`` as written without the spaces around it."""

    name: str
    value: str
    location: Location

    @property
    def word(self) -> str:
        """The value's first word: what follows a space is a comment."""
        return self.value.partition(" ")[0]


def leading_directives(lines: Iterable[str], *, first_line: int = 1, comment: str = "#") -> Iterator[Directive]:
    """The directives at the head of ``lines``, lazily.

    Raises:
        DockerfileError: a directive that is there twice; what stands before it has been yielded.
    """
    seen: set[str] = set()
    for number, line in enumerate(lines, first_line):
        found = _parse(line, comment)
        if found is None:
            return
        name, value = found
        location = Location(line=number, end_line=number)
        if name in seen:
            raise fault(f"only one {name} parser directive can be used", location)
        seen.add(name)
        yield Directive(name=name, value=value, location=location)


def escape_of(directives: Iterable[Directive]) -> str:
    r"""The escape character that the directives choose: ``\`` or a backquote.

    Raises:
        DockerfileError: another character.
    """
    for directive in directives:
        if directive.name == "escape":
            if directive.value not in _ESCAPES:
                reason = f"invalid escape token '{directive.value}' does not match ` or \\"
                raise fault(reason, directive.location)
            return directive.value
    return DEFAULT_ESCAPE


def find_directive(name: str, text: str) -> Directive | None:
    """The directive of that name at the head of ``text``, after a byte-order mark and a ``#!`` line."""
    lines, first_line = _without_shebang(text)
    return _find(name, lines, first_line, "#")


def detect_syntax(text: str) -> Directive | None:
    """The syntax that ``text`` asks for, whatever language it is in.

    Besides ``# syntax=`` this knows ``// syntax=`` and a JSON object with the member "syntax".
    """
    lines, first_line = _without_shebang(text)
    for comment in ("#", "//"):
        found = _find("syntax", lines, first_line, comment)
        if found is not None:
            return found
    return _syntax_of_object("\n".join(lines), first_line)


def _find(name: str, lines: list[str], first_line: int, comment: str) -> Directive | None:
    try:
        for directive in leading_directives(lines, first_line=first_line, comment=comment):
            if directive.name == name:
                return directive
    except DockerfileError:
        # A second one of the same name ends the search; the parser reports it.
        return None
    return None


def _parse(line: str, comment: str) -> tuple[str, str] | None:
    # Without a regular expression: one for "name = value" needs quadratic time on a long line of spaces.
    if not line.startswith(comment):
        return None
    name, equals, value = line.removeprefix(comment).lstrip(SPACES).partition("=")
    name, value = name.rstrip(_ASCII_SPACES).lower(), value.strip(_ASCII_SPACES)
    if not equals or not value or not _NAME.match(name) or name not in NAMES:
        return None
    return name, value


def _without_shebang(text: str) -> tuple[list[str], int]:
    lines = text.removeprefix(BOM).split("\n")
    return (lines[1:], 2) if lines[0].startswith("#!") else (lines, 1)


def _syntax_of_object(text: str, line: int) -> Directive | None:
    if not text.lstrip(_ASCII_SPACES).startswith("{"):
        return None
    try:
        value = json.loads(text).get("syntax")
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, str):
        return None
    return Directive(name="syntax", value=value, location=Location(line=line, end_line=line))
