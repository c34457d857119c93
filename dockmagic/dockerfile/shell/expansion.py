"""Words as a shell reads them: quotes, escapes, and variables in all the forms that a Dockerfile knows.

``$name``, ``${name}``, ``${name:-word}`` and ``-``, ``:+`` and ``+``, ``:?`` and ``?``, ``#`` and ``##``, ``%`` and
``%%``, ``/`` and ``//`` (POSIX 2.6.2 and bash, as the Dockerfile reference lists them, "Environment replacement").
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dockmagic.dockerfile.lexer.blanks import SPACE_RUN
from dockmagic.dockerfile.quoting import quote
from dockmagic.dockerfile.shell.pattern import Pattern, PatternError, parse_pattern
from dockmagic.errors import DockerfileError

MAX_EXPANSION = 1024 * 1024
MAX_DEPTH = 40
MAX_SUBSTITUTIONS = 200_000
_SPECIAL = frozenset("@*#?-$!0")
_NO_NAME = frozenset("{}:")
_OPERATORS = frozenset("-+?#%")
_NO_BRACE = "syntax error: missing '}'"
_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """What became of a word.

    Attributes:
        word: the text, in which spaces are spaces.
        words: the same cut at the spaces that no quote or escape holds together.
        matched: the variables that were asked for and are set.
        unmatched: those that are not.
    """

    word: str
    words: tuple[str, ...]
    matched: frozenset[str]
    unmatched: frozenset[str]


def expand(
    text: str,
    env: Mapping[str, str],
    *,
    escape: str = "\\",
    quotes: bool = True,
    limit: int = MAX_EXPANSION,
) -> Expansion:
    """Replace the variables of ``text`` and take its quotes and escapes away.

    Args:
        text: one word or several.
        env: the variables that are set.
        escape: the escape character.
        quotes: False takes quotes as letters, as in the body of a here-document.
        limit: the most characters that the result may have.

    Raises:
        DockerfileError: without location. A quote or brace is not closed, the substitution is no known one,
            ``${name:?word}`` fails, or the result is longer than ``limit``.
    """
    expander = _Expander(text=text, env=env, escape=escape, quotes=quotes, limit=limit)
    try:
        pieces = expander.until("")
    except (_SubstitutionError, PatternError) as error:
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        raise DockerfileError(f"failed to process {quote(shown)}: {error}") from None
    return Expansion(
        word="".join(piece for piece, _ in pieces),
        words=tuple(_split(pieces)),
        matched=frozenset(expander.matched),
        unmatched=frozenset(expander.unmatched),
    )


def environment(entries: Iterable[str]) -> dict[str, str]:
    """``NAME=value`` entries as a mapping: the last one counts, one without "=" is empty."""
    return {name: value for name, _, value in (entry.partition("=") for entry in entries)}


class _SubstitutionError(Exception):
    """A fault within the text that is being expanded."""


def _pattern(text: str) -> Pattern:
    try:
        return parse_pattern(text)
    except PatternError as error:
        raise _SubstitutionError(f"invalid pattern ({text}) in substitution: {error}") from None


@functools.cache
def _plain_run(ends: str) -> re.Pattern[str]:
    return re.compile(f"[^{re.escape(ends)}]+")


# A piece of the result, and whether spaces in it are protected from splitting.
_Pieces = list[tuple[str, bool]]


def _split(pieces: _Pieces) -> list[str]:
    words: list[str] = []
    current: list[str] = []
    for text, protected in pieces:
        if protected:
            current.append(text)
            continue
        first, *others = SPACE_RUN.split(text)
        current.append(first)
        for other in others:
            words.append("".join(current))
            current = [other]
    words.append("".join(current))
    return [word for word in words if word]


@dataclass(slots=True, kw_only=True)
class _Expander:
    """One pass over a text: a recursive descent, because substitutions nest."""

    text: str
    env: Mapping[str, str]
    escape: str
    quotes: bool
    limit: int
    position: int = 0
    depth: int = 0
    size: int = 0
    substitutions: int = 0
    matched: set[str] = field(default_factory=set)
    unmatched: set[str] = field(default_factory=set)

    def until(self, stop: str, *, keep_escapes: bool = False) -> _Pieces:
        """The pieces up to the character ``stop``, which is taken too; "" stands for the text's end.

        Args:
            stop: one character or "".
            keep_escapes: escape characters stay, for a pattern has its own use for them.
        """
        pieces: _Pieces = []
        while (character := self._peek()) != "":
            if character == stop:
                self.position += 1
                return pieces
            if character == "$":
                pieces.append((self._counted(self._dollar()), False))
            elif self.quotes and character == "'":
                pieces.append((self._single_quoted(), True))
            elif self.quotes and character == '"':
                pieces.append((self._double_quoted(keep_escapes=keep_escapes), True))
            elif character == self.escape:
                pieces.append((self._escaped(keep_escapes=keep_escapes), True))
            else:
                pieces.append((self._plain(stop), False))
        if stop:
            raise _SubstitutionError(f"unexpected end of statement while looking for matching {stop}")
        return pieces

    def _word(self, stop: str, *, missing: str, keep_escapes: bool) -> str:
        """The word up to ``stop``; a fault at the text's very end means that ``stop`` is ``missing``."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _SubstitutionError(f"substitutions nested more than {MAX_DEPTH} deep")
        try:
            pieces = self.until(stop, keep_escapes=keep_escapes)
        except _SubstitutionError:
            if self._peek() == "":
                raise _SubstitutionError(missing) from None
            raise
        self.depth -= 1
        return "".join(piece for piece, _ in pieces)

    def _peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def _next(self) -> str:
        character = self._peek()
        self.position += 1
        return character

    def _plain(self, stop: str) -> str:
        """The run of characters that mean nothing; "" where there is none."""
        quotes = "'\"" if self.quotes else ""
        run = _plain_run(f"${self.escape}{stop}{quotes}").match(self.text, self.position)
        if run is None:
            return ""
        self.position = run.end()
        return run[0]

    def _escaped(self, *, keep_escapes: bool) -> str:
        """The character behind an escape; at the text's end the escape is dropped."""
        escape = self._next()
        return (escape if keep_escapes else "") + self._next()

    def _single_quoted(self) -> str:
        end = self.text.find("'", self.position + 1)
        if end < 0:
            self.position = len(self.text)
            raise _SubstitutionError("unexpected end of statement while looking for matching single-quote")
        text = self.text[self.position + 1 : end]
        self.position = end + 1
        return text

    def _double_quoted(self, *, keep_escapes: bool) -> str:
        """Within double quotes only ``"``, ``$`` and the escape character can be escaped."""
        self.position += 1
        parts: list[str] = []
        while (character := self._peek()) != '"':
            if character == "":
                raise _SubstitutionError("unexpected end of statement while looking for matching double-quote")
            if character == "$":
                parts.append(self._counted(self._dollar()))
            elif character == self.escape:
                self.position += 1
                if keep_escapes:
                    parts.append(character)
                following = self._peek()
                if following in {'"', "$", self.escape}:
                    self.position += 1
                    parts.append(following)
                elif following:
                    parts.append(character)
            else:
                parts.append(self._plain('"'))
                if self._peek() == "'":
                    parts.append(self._next())
        self.position += 1
        return "".join(parts)

    def _dollar(self) -> str:
        self.position += 1
        self.substitutions += 1
        if self.substitutions > MAX_SUBSTITUTIONS:
            raise _SubstitutionError(f"more than {MAX_SUBSTITUTIONS} substitutions")
        if self._peek() == "{":
            self.position += 1
            return self._braced()
        name = self._name()
        return self._lookup(name)[0] if name else "$"

    def _name(self) -> str:
        """Letters, digits and underscores; digits alone, or one special parameter."""
        start = self.position
        first = self._peek()
        if first.isdecimal():
            while self._peek().isdecimal():
                self.position += 1
        elif first in _SPECIAL and first:
            self.position += 1
        else:
            while (character := self._peek()) == "_" or character.isalpha() or character.isdecimal():
                self.position += 1
        return self.text[start : self.position]

    def _lookup(self, name: str) -> tuple[str, bool]:
        value = self.env.get(name)
        (self.unmatched if value is None else self.matched).add(name)
        return (value or "", value is not None)

    def _braced(self) -> str:
        first = self._peek()
        if first == "":
            raise _SubstitutionError(_NO_BRACE)
        if first in _NO_NAME:
            raise _SubstitutionError("syntax error: bad substitution")
        name = self._name()
        operator = self._next()
        if operator == "}":
            return self._lookup(name)[0]
        if operator == "/":
            return self._replaced(name)
        if operator == "":
            raise _SubstitutionError(_NO_BRACE)
        if operator == ":":
            operator += self._next()
        elif operator not in _OPERATORS:
            raise _SubstitutionError(f"unsupported modifier ({operator}) in substitution")
        return self._modified(name, operator)

    def _modified(self, name: str, operator: str) -> str:
        """The word behind an operator is read first, so a missing brace is told before a wrong operator.

        A colon before ``#`` and ``%`` changes nothing.
        """
        kind = operator[-1:]
        word = self._word("}", missing=_NO_BRACE, keep_escapes=kind in {"#", "%"})
        if kind in {"#", "%"}:
            return self._trimmed(name, kind, word)
        if kind not in _OPERATORS:
            raise _SubstitutionError(f"unsupported modifier ({operator}) in substitution")
        return self._conditional(name, operator, word)

    def _conditional(self, name: str, operator: str, word: str) -> str:
        value, is_set = self._lookup(name)
        usable = is_set and not (operator.startswith(":") and value == "")
        if operator.endswith("-"):
            return value if usable else word
        if operator.endswith("+"):
            return word if usable else ""
        if usable:
            return value
        state = "empty" if is_set else "unset"
        raise _SubstitutionError(f"{name}: {word or f'is not allowed to be {state}'}")

    def _trimmed(self, name: str, operator: str, pattern: str) -> str:
        """``#`` takes the shortest match off the front, ``##`` the longest, ``%`` and ``%%`` off the end."""
        longest = pattern.startswith(operator)
        value, _ = self._lookup(name)
        parsed = _pattern(pattern[longest:])
        if operator == "#":
            return parsed.trim_start(value, longest=longest)
        return parsed.trim_end(value, longest=longest)

    def _replaced(self, name: str) -> str:
        everywhere = self._peek() == "/"
        self.position += everywhere
        pattern = self._word("/", missing="syntax error: missing '/' in ${}", keep_escapes=True)
        replacement = self._word("}", missing=_NO_BRACE, keep_escapes=True)
        value, _ = self._lookup(name)
        return _pattern(pattern).replace(value, replacement, everywhere=everywhere, limit=self.limit)

    def _counted(self, text: str) -> str:
        """``text``, once it is known that the result does not outgrow the limit."""
        self.size += len(text)
        if self.size + len(self.text) > self.limit:
            raise _SubstitutionError(f"the result is longer than {self.limit} characters")
        return text
