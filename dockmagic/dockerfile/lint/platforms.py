"""``os[/architecture[/variant]]``, as ``--platform`` takes it and containerd's ``platforms.Parse`` reads it."""

from __future__ import annotations

import re

_PART = re.compile(r"[A-Za-z0-9_.-]+\Z")
_SYSTEMS = frozenset(
    {"aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl", "netbsd"}
    | {"openbsd", "plan9", "solaris", "windows", "zos"}
)
_ARCHITECTURES = frozenset(
    {"386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "loong64", "ppc", "ppc64", "ppc64le"}
    | {"mips", "mipsle", "mips64", "mips64le", "mips64p32", "mips64p32le", "riscv", "riscv64", "s390", "s390x"}
    | {"sparc", "sparc64", "wasm"}
)
_ALIASES = {
    "i386": "386",
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armhf": "arm",
    "armel": "arm",
}
_MOST_PARTS = 3


def parse_platform(text: str, default: str) -> tuple[str, str] | None:
    """Operating system and architecture that ``text`` means, as Go names them; None where it is no platform.

    Args:
        text: with variables replaced.
        default: what stands in for a missing half: ``"linux/amd64"``.
    """
    parts = text.split("/")
    if len(parts) > _MOST_PARTS or not all(_PART.match(part) for part in parts):
        return None
    system, _, architecture = default.partition("/")
    if len(parts) > 1:
        return _system(parts[0]), _architecture(parts[1])
    if _system(text) in _SYSTEMS:
        return _system(text), architecture.partition("/")[0]
    if _architecture(text) in _ARCHITECTURES:
        return system, _architecture(text)
    return None


def _system(text: str) -> str:
    lower = text.lower()
    return "darwin" if lower == "macos" else lower


def _architecture(text: str) -> str:
    lower = text.lower()
    return _ALIASES.get(lower, lower)
