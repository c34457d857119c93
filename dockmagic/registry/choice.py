"""Which image of an index is taken. Pure.

OCI image index, ``platform``; the variants of ARM as containerd orders them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dockmagic.errors import ArchiveError, UsageError
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import Index

_ATTESTATION = "vnd.docker.reference.type"
# What a processor without a word about its variant is, and what a newer one runs too.
_USUAL = {"arm64": "v8", "arm": "v7", "amd64": "v1"}
_OLDER = {"arm": ("v8", "v7", "v6", "v5"), "arm64": ("v8",), "amd64": ("v1",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What an image runs on, in Go's names; an empty field matches anything.

    Attributes:
        variant: ``"v7"``.
    """

    os: str = "linux"
    architecture: str = ""
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def parse(text: str) -> Platform:
    """``linux/arm64``, ``linux/arm/v7``, or ``arm64`` alone.

    Raises:
        UsageError: it is nothing of that form.
    """
    parts = text.lower().split("/")
    if not all(part.replace("-", "").replace("_", "").replace(".", "").isalnum() for part in parts) or len(parts) > 3:  # noqa: PLR2004
        raise UsageError(f'invalid platform "{text[:80]}"', hint="e.g. linux/amd64, linux/arm64 or linux/arm/v7")
    if len(parts) == 1:
        return Platform(architecture=parts[0])
    return Platform(os=parts[0], architecture=parts[1], variant=parts[2] if len(parts) > 2 else "")  # noqa: PLR2004


def matches(given: Mapping[str, Any], required: Mapping[str, Any]) -> bool:
    """Whether a descriptor's platform satisfies what is required; an empty field there requires nothing."""
    single = ("architecture", "os", "os.version", "variant")
    if any(required.get(key) and given.get(key) != required.get(key) for key in single):
        return False
    several = ("os.features", "features")
    return all(set(required.get(key) or ()) <= set(given.get(key) or ()) for key in several)


def choose(index: Index, wanted: Platform) -> Descriptor:
    """The manifest for a platform: of several the one of the nearest variant, else the first.

    Raises:
        ArchiveError: there is none.
    """
    offered = [described for described in index.manifests if described.annotations.get(_ATTESTATION) is None]
    if len(offered) == 1 and offered[0].platform is None:
        return offered[0]
    plain = {"os": wanted.os, "architecture": wanted.architecture}
    fitting = [d for d in offered if d.platform is not None and matches(d.platform, plain)]
    ranked = [(rank, d) for d in fitting if (rank := _rank(d.platform or {}, wanted)) is not None]
    if ranked:
        return min(ranked, key=lambda pair: pair[0])[1]
    raise ArchiveError(f"the image has no variant for {wanted}", hint=f"it has {_listed(offered)}")


def _rank(given: Mapping[str, Any], wanted: Platform) -> int | None:
    """0 for the variant that is wanted, more for one that it runs too, None for one that it does not run."""
    architecture = str(given.get("architecture", ""))
    usual = _USUAL.get(architecture, "")
    has, wants = str(given.get("variant") or usual), wanted.variant or usual
    if has == wants:
        return 0
    older = _OLDER.get(architecture, ())
    if wants in older and has in older:
        distance = older.index(has) - older.index(wants)
        return distance if distance > 0 else None
    return None


def _listed(offered: Sequence[Descriptor]) -> str:
    found = (d.platform or {} for d in offered)
    names = {"/".join(str(p[k]) for k in ("os", "architecture", "variant") if p.get(k)) for p in found}
    return ", ".join(sorted(name for name in names if name))[:200] or "none"
