"""Texts that cannot become bytes, refused before anything is made: lone surrogates, which are no characters, and NUL where it ends a text.

What a byte that is no UTF-8 becomes in Python (``surrogateescape``, PEP 383) becomes that byte again; the other surrogates stand for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from dockmagic.dockerfile.location import excerpts, fault
from dockmagic.errors import Location, UsageError

if TYPE_CHECKING:
    from dockmagic.engine.request import Request


def require_dockerfile(text: str) -> None:
    """Refuse a Dockerfile that no file could hold.

    Raises:
        DockerfileError: with the line.
    """
    found = _wrong(text)
    if found is None:
        return
    line = text.count("\n", 0, found) + 1
    column = found - (text.rfind("\n", 0, found) + 1) + 1
    place = Location(line=line, end_line=line, column=column, end_column=column + 1)
    with excerpts(text):
        raise fault(f"{_named(text[found])} is no character that a file can hold", place)


def require_pairs(what: str, pairs: Mapping[str, str]) -> None:
    """Refuse names or values that are no text.

    Raises:
        UsageError: it says which.
    """
    for name, value in pairs.items():
        _require(what, name)
        _require(what, value)


def require(request: Request) -> None:
    """Refuse words that no program can be given.

    Raises:
        UsageError: it says which.
    """
    if request.script is not None and (found := _wrong(request.script)) is not None:
        line = request.script.count("\n", 0, found) + 1
        raise UsageError(f"line {line}: {_named(request.script[found])} is no character that a file can hold")
    for what, text in _texts(request):
        _require(what, text)
    require_pairs("a variable", request.env)


def _texts(request: Request) -> Iterator[tuple[str, str]]:
    yield from (("an argument", word) for word in request.argv)
    yield from (("a volume", text) for text in request.volumes)
    yield from (("a path", text) for text in (request.workdir, *request.get))
    yield from (("a user", request.user), ("a command", request.entrypoint or ""), ("a command", request.interp or ""))


def _require(what: str, text: str) -> None:
    if "\0" in text:
        raise UsageError(f"{what} has a NUL byte, which no program can be given")
    if (found := _wrong(text)) is not None:
        raise UsageError(f"{what} has {_named(text[found])}, which is no character")


def _wrong(text: str) -> int | None:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        return error.start
    return None


def _named(character: str) -> str:
    return f"U+{ord(character):04X}"
