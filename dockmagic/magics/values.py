"""What the words after options mean: pure functions from text to values, with docker's rules.

Each raises ``ValueError`` with a reason that ends the sentence ``invalid argument "x" for "-o, --option": …``.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator, Mapping

_DURATION = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
# The longest line of an --env-file, as docker's reader has it.
_LONGEST_LINE = 65_536


def truth(text: str) -> bool:
    """The value of ``--flag=text``, in the spellings that docker takes."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError("it is neither true nor false")


def seconds(text: str) -> float:
    """A duration: ``20s``, ``1m30s``, ``500ms``; a plain number counts seconds, as podman's ``--timeout``."""
    if re.fullmatch(r"\d+(?:\.\d*)?", text):
        found = float(text)
    elif re.fullmatch(f"(?:{_DURATION.pattern})+", text):
        found = 0.0
        for part in _DURATION.findall(text):
            unit = part.lstrip("0123456789.")
            found += float(part.removesuffix(unit)) * _SECONDS[unit]
    else:
        raise ValueError("it is no duration such as 20s or 1m30s")
    if found <= 0:
        raise ValueError("it must be more than nothing")
    return found


def patience(text: str) -> float:
    """A duration that may be nothing."""
    return 0.0 if re.fullmatch(r"0(?:ms|s|m|h)?", text) else seconds(text)


def count(text: str) -> int | None:
    """A number of lines; ``all`` is None."""
    if text == "all":
        return None
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise ValueError("it is no number of lines")
    return int(text)


def moment(text: str) -> str:
    """A point of time, as docker's ``--since`` takes it; it is counted from when it is used."""
    from dockmagic.engine.moments import nanoseconds  # noqa: PLC0415 - rarely used
    from dockmagic.errors import UsageError  # noqa: PLC0415 - rarely used

    try:
        nanoseconds(text, 0)
    except UsageError as error:
        raise ValueError(error.message) from None
    return text


def positive(text: str) -> int:
    """A whole number from 1."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ValueError("it is no number from 1")
    return int(text)


def variable(text: str) -> str:
    """The name of a Python variable."""
    if not text.isidentifier() or keyword.iskeyword(text):
        raise ValueError("it is no name of a Python variable")
    return text


def inputs(text: str) -> tuple[tuple[str, str], ...]:
    """``NAME=EXPRESSION``, which takes the whole word, or ``NAME,NAME``: pairs of a name and what gives its value."""
    name, equals, expression = text.partition("=")
    if equals and "," in name:
        raise ValueError(
            "only names may stand in a list with commas; NAME=EXPRESSION is a word of its own: --in NAME=EXPRESSION"
        )
    if not equals:
        return tuple((word, word) for word in map(variable, names(text)))
    if not expression.strip():
        raise ValueError("the expression behind = is missing")
    return ((variable(name), expression),)


def output(text: str) -> tuple[str, str]:
    """``PATH=VAR``: an absolute path and the name of a Python variable."""
    path, equals, name = text.rpartition("=")
    if not equals:
        raise ValueError("it is no PATH=VAR")
    if not path.startswith("/"):
        raise ValueError("the path must be absolute")
    return path, variable(name)


def filled(text: str) -> str:
    """Any text but none."""
    if not text:
        raise ValueError("it is empty")
    return text


def weak(text: str) -> str:
    """The word ``weak``."""
    if text != "weak":
        raise ValueError("only weak can be asked for; anything better is taken when the machine gives it")
    return text


def cells(text: str) -> str:
    """Numbers of cells: ``4,6-9``, as a reader likes them."""
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[0-9]+(-[0-9]+)?", part) for part in parts):
        raise ValueError("write numbers of cells, such as 4,6-9")
    return ", ".join(parts)


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    found = tuple(name.strip() for name in text.split(","))
    if not all(found):
        raise ValueError("a name is empty")
    return found


def pair(text: str) -> tuple[str, str]:
    """``KEY=VALUE``; a missing ``=`` gives an empty value, as docker's ``--label``."""
    key, _, value = text.partition("=")
    if not key.strip():
        raise ValueError("the name before = is missing")
    return key, value


def named(text: str) -> str:
    """``NAME=value`` or ``NAME``, as it stands."""
    environment_word(text, {})
    return text


def environment_word(text: str, environ: Mapping[str, str]) -> str:
    """``NAME=value``, or ``NAME`` with its value in ``environ``; a name that is not there stays alone."""
    name, equals, _ = text.partition("=")
    if not name:
        raise ValueError(f"invalid environment variable: {text}")
    return f"{name}={environ[name]}" if not equals and name in environ else text


def environment_file(text: str, environ: Mapping[str, str]) -> list[str]:
    """The ``NAME=value`` words of an ``--env-file``: one a line, ``#`` comments, names alone only where they are set.

    Values are taken as they stand, quotes too.
    """
    words = []
    for name, value in file_lines(text):
        if value is not None:
            words.append(f"{name}={value}")
        elif name in environ:
            words.append(f"{name}={environ[name]}")
    return words


def file_lines(text: str) -> Iterator[tuple[str, str | None]]:
    """The names and values of a file with one a line, None for a name alone; ``#`` begins a comment."""
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if len(raw.encode("utf-8", "surrogateescape")) >= _LONGEST_LINE:
            raise ValueError(f"line {number}: token too long")
        line = raw.removesuffix("\r").lstrip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not name or re.search(r"\s", name):
            reason = f"variable '{name}' contains whitespaces" if name else f"no variable name on line '{line}'"
            raise ValueError(f"line {number}: {reason}")
        yield name, value if equals else None


def environment(files: Iterable[str], words: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """All variables of ``--env-file`` texts, then of ``-e`` words, in order; a later one wins.

    A name alone that is not set in ``environ`` is left out.
    """
    merged = [word for file in files for word in environment_file(file, environ)]
    merged += [environment_word(word, environ) for word in words]
    pairs = (word.partition("=") for word in merged)
    return {name: value for name, equals, value in pairs if equals}
