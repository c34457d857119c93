"""Platforms as Go names them: what an image runs on.

Read and written as containerd's ``platforms`` package does: ``linux/arm64``, ``linux/arm/v7``, ``arm64`` or ``windows`` alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dockmagic.errors import UsageError

_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "i386": "386",
    "i686": "386",
}
_NAMED_VARIANTS = {"armhf": ("arm", "v7"), "armel": ("arm", "v6")}
_SYSTEMS = frozenset(
    {"aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl", "netbsd"}
    | {"openbsd", "plan9", "solaris", "windows", "zos"}
)
_PART = re.compile(r"[_.-]*[A-Za-z0-9][A-Za-z0-9_.-]*")
_MOST_PARTS = 3
# What a processor without a word about its variant is, and what a newer one runs too.
_USUAL = {"arm64": "v8", "arm": "v7", "amd64": "v1"}
_OLDER = {"arm": ("v8", "v7", "v6", "v5"), "arm64": ("v8",), "amd64": ("v4", "v3", "v2", "v1")}
# Kernels run these too, but no wall here knows their system calls.
_NARROW = {"amd64": ("386",), "arm64": ("arm",)}


def architecture(machine: str) -> str:
    """Go's name of what ``uname -m`` prints: ``"x86_64"`` is ``"amd64"``."""
    return _ARCHITECTURES.get(machine, machine)


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What an image runs on, in Go's names; an empty field matches anything.

    Attributes:
        variant: ``"v7"``; "" for the usual one of arm64 and amd64.
    """

    os: str = "linux"
    architecture: str = ""
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def to_dict(self) -> dict[str, str]:
        """As a descriptor's ``platform`` has it."""
        fields = {"architecture": self.architecture, "os": self.os, "variant": self.variant}
        return {key: value for key, value in fields.items() if value}

    def rank(self, given: Mapping[str, Any]) -> int | None:
        """How well an image suits it that says of itself what ``given`` does.

        Args:
            given: ``os``, ``architecture`` and perhaps ``variant``, as a descriptor's ``platform`` or an image's config has them.

        Returns:
            0 for what is wanted, more for an older variant that runs too, None for what does not run.
        """
        for wanted, key in ((self.os, "os"), (self.architecture, "architecture")):
            if wanted and given.get(key) and given[key] != wanted:
                return None
        named = self.architecture or str(given.get("architecture", ""))
        usual = _USUAL.get(named, "")
        has, wants = str(given.get("variant") or usual), self.variant or usual
        if has == wants:
            return 0
        older = _OLDER.get(named, ())
        if wants in older and has in older:
            distance = older.index(has) - older.index(wants)
            return distance if distance > 0 else None
        return None

    def is_narrow(self, machine: str) -> bool:
        """Whether it is the 32-bit side of a machine, whose programs the kernel would start."""
        return self.architecture in _NARROW.get(machine, ())


def here() -> Platform:
    """This machine's."""
    return Platform(architecture=architecture(os.uname().machine))


def parse(text: str) -> Platform:
    """A platform from its words; one word is an operating system or an architecture.

    Raises:
        UsageError: it is nothing of that form.
    """
    parts = text.split("/")
    if len(parts) > _MOST_PARTS or not all(_PART.fullmatch(part) for part in parts):
        raise UsageError(f'invalid platform "{text[:80]}"', hint="e.g. linux/amd64, linux/arm64 or linux/arm/v7")
    parts = [part.lower() for part in parts]
    if len(parts) == 1:
        system = _system(parts[0])
        return Platform(os=system) if system in _SYSTEMS else _normalized("linux", parts[0], "")
    return _normalized(_system(parts[0]), parts[1], parts[2] if len(parts) == _MOST_PARTS else "")


def of_config(system: str, architecture: str, variant: str = "") -> Platform:
    """The platform that an image says of itself; "linux" where it names no system."""
    return _normalized(system or "linux", architecture, variant)


def _system(text: str) -> str:
    return "darwin" if text == "macos" else text


def _normalized(system: str, word: str, variant: str) -> Platform:
    """As ``platforms.Normalize``: one spelling for each."""
    named, implied = _NAMED_VARIANTS.get(word, (_ARCHITECTURES.get(word, word), ""))
    variant = variant or implied
    if named in {"arm", "arm64"} and variant.isdigit():
        variant = f"v{variant}"
    if named == "arm":
        variant = variant or _USUAL["arm"]
    elif variant == _USUAL.get(named):
        variant = ""
    return Platform(os=system, architecture=named, variant=variant)
