"""Logical lines: comments left out, continuations joined, bodies of here-documents attached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dockmagic.dockerfile.lexer.blanks import BLANK_RUN, SPACES
from dockmagic.dockerfile.lexer.directives import BOM, Directive, escape_of, leading_directives
from dockmagic.dockerfile.lexer.heredoc import Heredoc, heredocs_of
from dockmagic.dockerfile.lexer.json_form import json_words
from dockmagic.dockerfile.location import fault, located
from dockmagic.errors import DockerfileError, Location

MAX_TEXT = 16 * 1024 * 1024
MAX_LINE = 65_535
_UTF8_MAX = 4
_HEREDOC_NAMES = frozenset({"add", "copy", "run"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One logical line, which is one instruction.

    Attributes:
        code: the joined text, without comments and continuation characters.
        text: every physical line of it as written, bodies included.
        comments: the comment lines just above it, without ``#``; an empty one, or an empty line, starts over.
        heredocs: with their bodies.
        gap: an empty line stands inside a continuation.
        location: its physical lines.
    """

    code: str
    text: str
    comments: tuple[str, ...]
    heredocs: tuple[Heredoc, ...]
    gap: bool
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A logical line cut into name, flags and the rest."""

    name: str
    flags: tuple[str, ...]
    rest: str


class Reader:
    """Cuts a text into logical lines, lazily: so the first fault in the text is the one that is reported.

    Attributes:
        directives: the parser directives.
        escape: the escape and continuation character.
    """

    def __init__(self, text: str, *, first_line: int = 1) -> None:
        """Read the directives.

        Raises:
            DockerfileError: a bad directive, or more than :data:`MAX_TEXT` bytes.
        """
        if len(text) > MAX_TEXT or (len(text) > MAX_TEXT // _UTF8_MAX and _size(text) > MAX_TEXT):
            raise fault(f"dockerfile larger than max allowed size of {MAX_TEXT}")
        self._lines = text.removeprefix(BOM).split("\n")
        self._first = first_line
        self._next = 0
        # What follows the last newline is a line only if there is something.
        self._end = len(self._lines) - (not self._lines[-1])
        stripped = (line.lstrip(SPACES).rstrip("\r") for line in self._lines)
        self.directives: tuple[Directive, ...] = tuple(leading_directives(stripped, first_line=first_line))
        self.escape = escape_of(self.directives)

    def __iter__(self) -> Iterator[Line]:
        """The logical lines.

        Raises:
            DockerfileError: a line that is too long, or a here-document without end.
        """
        self._next = len(self.directives)
        comments: list[str] = []
        while self._next < self._end:
            start = self._next
            physical = self._take()
            code = physical.lstrip(SPACES)
            if code.startswith("#"):
                comment = code[1:].strip(SPACES)
                comments = [*comments, comment] if comment else []
            else:
                if code:
                    yield self._logical(start, code, tuple(comments))
                comments = []

    def _logical(self, start: int, code: str, comments: tuple[str, ...]) -> Line:
        code, gap = self._join(code)
        joined = self._location(start)
        heredocs: tuple[Heredoc, ...] = ()
        if "<<" in code and _may_hold_heredocs(code):
            with located(joined):
                pending = heredocs_of(code)
            heredocs = tuple(self._body(heredoc, start) for heredoc in pending)
        return Line(
            code=code,
            text="\n".join(self._lines[start : self._next]),
            comments=comments,
            heredocs=heredocs,
            gap=gap,
            location=self._location(start),
        )

    def _join(self, code: str) -> tuple[str, bool]:
        """The whole logical line that begins with ``code``; whether an empty line stands in it."""
        parts, gap = [], False
        part, more = self._continued(code)
        parts.append(part)
        while more and self._next < self._end:
            line = self._take()
            blank = line.lstrip(SPACES)
            if not blank:
                gap = True
            elif not blank.startswith("#"):
                part, more = self._continued(line)
                parts.append(part)
        return "".join(parts), gap

    def _continued(self, line: str) -> tuple[str, bool]:
        """The line without its continuation character, and whether it had one (a doubled one is an escaped one)."""
        bare = line.rstrip(" \t")
        if bare.endswith(self.escape) and not bare.endswith(self.escape * 2):
            return bare[:-1], True
        return line, False

    def _body(self, heredoc: Heredoc, start: int) -> Heredoc:
        first = self._next
        while self._next < self._end:
            line = self._take()
            if (line.lstrip("\t") if heredoc.chomp else line) == heredoc.name:
                content = "".join(f"{body}\n" for body in self._lines[first : self._next - 1])
                return replace(heredoc, content=content)
        reason = f"unterminated heredoc: no line {heredoc.name} ends it"
        raise fault(reason, self._location(start))

    def _take(self) -> str:
        """The next physical line, without its line end."""
        line = self._lines[self._next]
        if len(line) > MAX_LINE // _UTF8_MAX and _size(line) > MAX_LINE:
            number = self._first + self._next
            reason = f"dockerfile line greater than max allowed size of {MAX_LINE}"
            raise fault(reason, Location(line=number, end_line=number))
        self._next += 1
        return line.rstrip("\r")

    def _location(self, start: int) -> Location:
        """The lines from ``start`` up to what was taken; the column of the first that is no space."""
        line = self._lines[start]
        return Location(
            line=self._first + start,
            end_line=self._first + self._next - 1,
            column=len(line) - len(line.lstrip(SPACES)) + 1,
        )


def split_command(code: str) -> Command:
    """Cut a logical line into its name as written, its ``--`` flags (unquoted) and the rest."""
    name, *following = BLANK_RUN.split(code.strip(SPACES), maxsplit=1)
    rest = following[0].lstrip(SPACES) if following else ""
    if not rest.startswith("--"):
        return Command(name=name, flags=(), rest=rest)
    flags, rest = _split_flags(rest)
    return Command(name=name, flags=flags, rest=rest.strip(SPACES))


def _split_flags(text: str) -> tuple[tuple[str, ...], str]:
    """The leading words that start with two dashes; ``--`` alone ends them."""
    flags: list[str] = []
    position = 0
    while text.startswith("--", position):
        word, position = _flag_word(text, position)
        if word == "--":
            break
        flags.append(word)
        while position < len(text) and text[position] in SPACES:
            position += 1
    return tuple(flags), text[position:]


def _flag_word(text: str, position: int) -> tuple[str, int]:
    """The shell word at ``position`` without quotes and escapes, and where it ends.

    Here the escape character is always the backslash, and it escapes within both kinds of quotes.
    """
    word: list[str] = []
    quote = ""
    while position < len(text):
        character = text[position]
        if not quote and character in SPACES:
            break
        if character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        elif character == "\\":
            position += 1
            word.append(text[position : position + 1])
        else:
            word.append(character)
        position += 1
    return "".join(word), min(position, len(text))


def _may_hold_heredocs(code: str) -> bool:
    """Only RUN, COPY and ADD have here-documents, also below ONBUILD, and not in the JSON form."""
    command = split_command(code)
    if command.name.lower() == "onbuild":
        command = split_command(command.rest)
    if command.name.lower() not in _HEREDOC_NAMES:
        return False
    try:
        return json_words(command.rest) is None
    except DockerfileError:
        # The parser reports this array.
        return False


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
