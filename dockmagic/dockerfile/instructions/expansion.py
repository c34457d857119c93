"""Variables replaced in the fields that the Dockerfile reference names ("Environment replacement")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal, TypeVar, cast

from dockmagic.dockerfile import shell
from dockmagic.dockerfile.instructions import kinds
from dockmagic.dockerfile.instructions.mounts import parse_mount
from dockmagic.dockerfile.lexer.lines import MAX_TEXT
from dockmagic.dockerfile.location import located

_Each = TypeVar("_Each", bound=kinds.Instruction)
_Word = Callable[[str], str]
Part = Literal["word", "body"]
# Expands one word, or the body of a here-document.
Reader = Callable[[str, Part], shell.Expansion]
# Twice the largest Dockerfile: the body as written counts too.
_MAX_BODY = 2 * MAX_TEXT


def expand(instruction: _Each, env: Mapping[str, str], escape: str = "\\") -> _Each:
    """A copy of ``instruction`` in which variables, quotes and escapes are gone where Docker takes them away.

    That is: FROM's base and platform; names and values of ENV, LABEL and ARG; paths, owners, modes, checksums and
    patterns of COPY and ADD, and ``--from``; bodies of their here-documents unless the delimiter is quoted (there
    only variables and escapes); WORKDIR, USER, VOLUME, STOPSIGNAL; EXPOSE, where a value with spaces becomes several
    ports; the fields of ``RUN --mount``. RUN's command and bodies, CMD, ENTRYPOINT, HEALTHCHECK, SHELL, ONBUILD and
    MAINTAINER stay as they are.

    All fields see the same ``env``: in ``ENV a=1 b=$a`` the old ``a`` counts.

    Raises:
        DockerfileError: with the instruction's location. See :func:`dockmagic.dockerfile.shell.expand`.
    """
    return expand_by(instruction, reader(env, escape))


def reader(env: Mapping[str, str], escape: str = "\\") -> Reader:
    """How :func:`expand` replaces variables in one text."""

    def read(text: str, part: Part) -> shell.Expansion:
        if part == "body":
            # In a body the escape character is always the backslash.
            return shell.expand(text, env, quotes=False, limit=_MAX_BODY)
        return shell.expand(text, env, escape=escape)

    return read


def expand_by(instruction: _Each, read: Reader) -> _Each:
    """:func:`expand` through ``read``, which sees every text in order and may take notes.

    Raises:
        DockerfileError: with the instruction's location, when ``read`` raises it.
    """

    def word(text: str) -> str:
        return read(text, "word").word

    with located(instruction.location):
        changed: kinds.Instruction = _expanded(instruction, word)
        if isinstance(changed, kinds.Copy | kinds.Add):
            changed = replace(changed, inline=tuple(_body(inline, read) for inline in changed.inline))
        elif isinstance(changed, kinds.Expose):
            changed = replace(changed, ports=tuple(port for text in changed.ports for port in read(text, "word").words))
    return cast("_Each", changed)


def _words(texts: tuple[str, ...], word: _Word) -> tuple[str, ...]:
    return tuple(word(text) for text in texts)


def _body(inline: kinds.Inline, read: Reader) -> kinds.Inline:
    return replace(inline, data=read(inline.data, "body").word) if inline.expand else inline


def _expanded(instruction: kinds.Instruction, word: _Word) -> kinds.Instruction:
    match instruction:
        case kinds.Copy() | kinds.Add():
            return _transfer(instruction, word)
        case kinds.Env() | kinds.Label():
            pairs = tuple(replace(pair, name=word(pair.name), value=word(pair.value)) for pair in instruction.pairs)
            return replace(instruction, pairs=pairs)
        case kinds.Arg():
            return replace(instruction, definitions=tuple(_definition(each, word) for each in instruction.definitions))
        case kinds.From():
            return replace(instruction, base=word(instruction.base), platform=word(instruction.platform))
        case kinds.Run():
            return replace(instruction, mounts=tuple(parse_mount(mount.text, word) for mount in instruction.mounts))
        case _:
            return _expanded_setting(instruction, word)


def _expanded_setting(instruction: kinds.Instruction, word: _Word) -> kinds.Instruction:
    match instruction:
        case kinds.Workdir():
            return replace(instruction, path=word(instruction.path))
        case kinds.User():
            return replace(instruction, user=word(instruction.user))
        case kinds.Volume():
            return replace(instruction, paths=_words(instruction.paths, word))
        case kinds.StopSignal():
            return replace(instruction, signal=word(instruction.signal))
        case _:
            return instruction


def _transfer(instruction: kinds.Copy | kinds.Add, word: _Word) -> kinds.Copy | kinds.Add:
    changed = replace(
        instruction,
        sources=_words(instruction.sources, word),
        destination=word(instruction.destination),
        chown=word(instruction.chown),
        chmod=word(instruction.chmod),
        exclude=_words(instruction.exclude, word),
    )
    if isinstance(changed, kinds.Add):
        return replace(changed, checksum=word(changed.checksum))
    return replace(changed, from_=word(changed.from_))


def _definition(definition: kinds.Definition, word: _Word) -> kinds.Definition:
    value = None if definition.value is None else word(definition.value)
    return replace(definition, name=word(definition.name), value=value)
