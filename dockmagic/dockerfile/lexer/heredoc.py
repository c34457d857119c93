"""Here-documents: which words of a line start one, and what their bodies are.

The grammar is the Dockerfile reference's ("Here-documents"), which follows POSIX shells: ``[n]<<[-]word``, a quoted
word switches expansion off, a dash strips leading tabs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dockmagic.dockerfile.lexer.blanks import NON_SPACE_CLASS, SPACE_CLASS, SPACES
from dockmagic.errors import DockerfileError

_WORD = re.compile(r"(\d*+)<<(-?)\s*+([^<]*+)\Z", re.ASCII)
_ESCAPED = re.compile(r"\\([\\\"$])")
_LEADING_TABS = re.compile(r"^\t+", re.MULTILINE)
# The escape character of a heredoc's own line is always the backslash, whatever the directive says.
_PIECE = re.compile(
    rf"""
      (?P<space> {SPACE_CLASS}++ )
    | (?P<start> << -?+ {SPACE_CLASS}*+ )
    | (?P<escaped> \\ (?: . | \Z ) )
    | (?P<single> ' [^']*+ ' )
    | (?P<double> " (?: [^"\\] | \\. )*+ " )
    | (?P<broken> ['"] )
    | (?P<plain> (?: (?! [\\'"<] ) {NON_SPACE_CLASS} )++ | < )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heredoc:
    """One here-document.

    Attributes:
        name: the delimiter without quotes; COPY and ADD name the file by it.
        content: the lines as written, leading tabs too; "" until the body was read.
        expand: the delimiter is not quoted, so variables in the body are replaced.
        chomp: written with ``<<-``.
        descriptor: the file descriptor before ``<<``, 0 where there is none.
    """

    name: str
    content: str = ""
    expand: bool = True
    chomp: bool = False
    descriptor: int = 0

    @property
    def body(self) -> str:
        """The content as its reader gets it: without leading tabs where ``<<-`` asks for that."""
        return chomp(self.content) if self.chomp else self.content


def heredocs_of(line: str) -> tuple[Heredoc, ...]:
    """The here-documents that the words of ``line`` start, in order, without their bodies.

    A line whose quotes do not close starts none: it is the shell's to judge.

    Raises:
        DockerfileError: a delimiter with a quote that is not closed.
    """
    if "<<" not in line:
        return ()
    found = (parse_heredoc_word(word) for word in _words(line))
    return tuple(heredoc for heredoc in found if heredoc)


def parse_heredoc_word(word: str) -> Heredoc | None:
    """The here-document that ``word`` starts, or None.

    Raises:
        DockerfileError: a delimiter with a quote that is not closed.
    """
    match = _WORD.match(word)
    if not match or not match[3]:
        return None
    unquoted = _unquote(match[3])
    if unquoted is None:
        return None
    name, quoted = unquoted
    # Python refuses to convert thousands of digits; no descriptor has more than a few.
    descriptor = int(match[1][-9:] or 0)
    return Heredoc(name=name, expand=not quoted, chomp=match[2] == "-", descriptor=descriptor)


def chomp(text: str) -> str:
    """``text`` without the tabs at the start of its lines."""
    return _LEADING_TABS.sub("", text)


def without_heredocs(text: str) -> tuple[str, bool]:
    """``text`` without the words that start here-documents, and whether the last word was one."""
    kept: list[str] = []
    last = False
    for word, is_space in _pieces(text):
        if is_space:
            kept.append(word)
            continue
        last = parse_heredoc_word(word) is not None
        if not last:
            kept.append(word)
    return "".join(kept), last


def _words(line: str) -> list[str]:
    """The words of a line with their quotes and escapes; none where a quote is not closed."""
    return [word for word, is_space in _pieces(line) if not is_space]


def _pieces(line: str) -> list[tuple[str, bool]]:
    """Words and the runs of space between them (True); none where a quote is not closed.

    Blanks after ``<<`` and ``<<-`` belong to the word, so ``<< EOF`` is one.
    """
    pieces: list[tuple[str, bool]] = []
    word = ""
    for piece in _PIECE.finditer(line):
        if piece.lastgroup == "broken":
            return []
        if piece.lastgroup != "space":
            word += piece[0]
            continue
        pieces += [(word, False), (piece[0], True)] if word else [(piece[0], True)]
        word = ""
    return [*pieces, (word, False)] if word else pieces


def _unquote(text: str) -> tuple[str, bool] | None:
    """The one word of ``text`` without quotes and whether it had any; None for no word or several."""
    name, quoted = "", False
    text = text.strip(SPACES)
    for piece in _PIECE.finditer(text):
        match piece.lastgroup:
            case "space" | "start":
                return None
            case "broken":
                kind = "single" if piece[0] == "'" else "double"
                reason = f"unexpected end of statement while looking for matching {kind}-quote"
                raise DockerfileError(f"heredoc delimiter {text}: {reason}")
            case "single":
                name, quoted = name + piece[0][1:-1], True
            case "double":
                name, quoted = name + _ESCAPED.sub(r"\1", piece[0][1:-1]), True
            case "escaped":
                name += piece[0][1:]
            case _:
                name += piece[0]
    return (name, quoted) if name else None
