"""What a caller of Python may give for a build's options: the value, its text as on the command line, its fields, or several of these."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dockmagic.builder import exports, option_values
from dockmagic.builder.exports import STREAM, CacheFrom, CacheTo, Output
from dockmagic.builder.request import Secret
from dockmagic.errors import UsageError

if TYPE_CHECKING:
    from dockmagic.store.archive_output import Writable

OutputLike = Output | str | Path | Mapping[str, object]
CacheToLike = CacheTo | str | Mapping[str, object]
CacheFromLike = CacheFrom | str | Mapping[str, object]
SecretsLike = Mapping[str, Secret] | str | Sequence[str]
AgentsLike = Mapping[str, Path] | str | Sequence[str]
HostsLike = Mapping[str, str] | Sequence[tuple[str, str] | str]
_Value = TypeVar("_Value")


def outputs(given: OutputLike | Sequence[OutputLike], *, push: bool = False) -> tuple[Output, ...]:
    """Read what stands for ``-o``: a directory's path, BuildKit's text, or its fields, of which ``dest`` may be a binary stream.

    With ``push``, what stands for ``--push`` too.

    Raises:
        UsageError: something is not done.
    """
    found = tuple(_output(each) for each in _several(given))
    return exports.pushed(found) if push else found


def caches_to(given: CacheToLike | Sequence[CacheToLike]) -> tuple[CacheTo, ...]:
    """Read what stands for ``--cache-to``.

    Raises:
        UsageError: something is not done.
    """
    return tuple(
        each if isinstance(each, CacheTo) else _read("--cache-to", each, exports.cache_to, exports.cache_to_of)
        for each in _several(given)
    )


def caches_from(given: CacheFromLike | Sequence[CacheFromLike]) -> tuple[CacheFrom, ...]:
    """Read what stands for ``--cache-from``.

    Raises:
        UsageError: something is not done.
    """
    return tuple(
        each if isinstance(each, CacheFrom) else _read("--cache-from", each, exports.cache_from, exports.cache_from_of)
        for each in _several(given)
    )


def secrets(given: SecretsLike) -> dict[str, Secret]:
    """Read what stands for ``--secret``: ``"id=NAME,src=FILE"``, or secrets by their name.

    Raises:
        UsageError: a text is none.
    """
    if isinstance(given, Mapping):
        return dict(given)
    return dict(_text("--secret", each, option_values.secret) for each in _several(given))


def agents(given: AgentsLike) -> dict[str, Path]:
    """Read what stands for ``--ssh``: ``"default"``, ``"ID=SOCKET"``, or sockets by their id.

    Raises:
        UsageError: a text is none, or no agent is there.
    """
    if isinstance(given, Mapping):
        return dict(given)
    return dict(_text("--ssh", each, option_values.agent) for each in _several(given))


def hosts(given: HostsLike) -> tuple[tuple[str, str], ...]:
    """Read what stands for ``--add-host``: addresses by name, ``"NAME:ADDRESS"``, or pairs of address and name.

    Raises:
        UsageError: a text is none.
    """
    words = [f"{name}={address}" for name, address in given.items()] if isinstance(given, Mapping) else given
    return tuple(_text("--add-host", each, option_values.host) if isinstance(each, str) else each for each in words)


def _several(given: object) -> Sequence[Any]:
    return given if isinstance(given, Sequence) and not isinstance(given, str) else [given]


def _output(given: OutputLike) -> Output:
    if isinstance(given, Output):
        return given
    if isinstance(given, Path):
        return Output(kind="local", dest=str(given))
    if isinstance(given, str):
        return _read("-o", given, exports.output, exports.output_of)
    stream: Writable | Any = given.get("dest")
    if not hasattr(stream, "write"):
        return _read("-o", given, exports.output, exports.output_of)
    return replace(_read("-o", {**given, "dest": STREAM}, exports.output, exports.output_of), stream=stream)


def _read(
    option: str,
    given: str | Mapping[str, object],
    text: Callable[[str], _Value],
    fields: Callable[[Mapping[str, str]], _Value],
) -> _Value:
    try:
        return text(given) if isinstance(given, str) else fields({k: _word(v) for k, v in given.items()})
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def _text(option: str, given: str, read: Callable[[str], _Value]) -> _Value:
    try:
        return read(given)
    except ValueError as error:
        raise UsageError(f'{option} "{given}": {error}') from None


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
