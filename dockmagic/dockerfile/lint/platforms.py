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
_NAMED_VARIANTS = {"armhf": "v7", "armel": "v6"}
_USUAL = {"amd64": "v1", "arm64": "v8"}
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


def format_platform(text: str, default: str) -> str:
    """The same as one word, with the variant where it is not the usual one; "" where it is no platform."""
    parsed = parse_platform(text, default)
    if parsed is None:
        return ""
    parts = text.split("/")
    written = parts[-1].lower() if len(parts) == _MOST_PARTS else _NAMED_VARIANTS.get(parts[-1].lower(), "")
    variant = f"v{written}" if written.isdigit() else written
    if parsed[1] == "arm":
        variant = variant or "v7"
    elif variant == _USUAL.get(parsed[1]):
        variant = ""
    return "/".join(part for part in (*parsed, variant) if part)


def _system(text: str) -> str:
    lower = text.lower()
    return "darwin" if lower == "macos" else lower


def _architecture(text: str) -> str:
    lower = text.lower()
    return _ALIASES.get(lower, lower)
