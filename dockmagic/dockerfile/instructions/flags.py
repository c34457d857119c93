"""The ``--name=value`` flags of an instruction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from dockmagic.dockerfile.instructions.suggestion import did_you_mean
from dockmagic.errors import DockerfileError


class Kind(Enum):
    """What a flag takes."""

    TEXT = "text"
    SWITCH = "switch"
    TEXTS = "texts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """The flags that were given: ``values`` by name, in the order of their first use."""

    values: Mapping[str, tuple[str, ...]]

    @property
    def used(self) -> tuple[str, ...]:
        """The names that were given, each once."""
        return tuple(self.values)

    def text(self, name: str, default: str = "") -> str:
        """The value of a TEXT flag."""
        return self.values.get(name, (default,))[-1]

    def texts(self, name: str) -> tuple[str, ...]:
        """All values of a TEXTS flag."""
        return self.values.get(name, ())

    def switch(self, name: str) -> bool | None:
        """The value of a SWITCH; None where it was not given."""
        return self.values[name][-1] == "true" if name in self.values else None


def parse_flags(words: Iterable[str], kinds: Mapping[str, Kind]) -> Flags:
    """Read ``words`` as the flags that ``kinds`` allows; ``--`` ends them.

    Raises:
        DockerfileError: without location. An unknown or repeated flag, a missing or wrong value.
    """
    values: dict[str, tuple[str, ...]] = {}
    for word in words:
        if word == "--":
            break
        if not word.startswith("--"):
            raise DockerfileError(f"arg should start with -- : {word}")
        flag, equals, value = word.partition("=")
        name = flag[2:]
        kind = kinds.get(name)
        if kind is None:
            raise DockerfileError(f"unknown flag: {flag}{did_you_mean(name, kinds)}")
        if name in values and kind is not Kind.TEXTS:
            raise DockerfileError(f"duplicate flag specified: {flag}")
        values[name] = (*values.get(name, ()), _value(flag, kind, equals, value))
    return Flags(values=values)


def _value(flag: str, kind: Kind, equals: str, value: str) -> str:
    if kind is not Kind.SWITCH:
        if not equals:
            raise DockerfileError(f"missing a value on flag: {flag}")
        return value
    if equals and not value:
        raise DockerfileError(f"missing a value on flag: {flag}")
    lower = value.lower() or "true"
    if lower not in {"true", "false"}:
        raise DockerfileError(f"expecting boolean value for flag {flag}, not: {value}")
    return lower
