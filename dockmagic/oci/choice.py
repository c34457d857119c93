"""Which image of an index is taken. Pure.

OCI image index, ``platform``; the variants of ARM as containerd orders them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dockmagic.errors import ArchiveError
from dockmagic.oci.descriptor import Descriptor
from dockmagic.oci.manifest import Index
from dockmagic.oci.platform import Platform

_ATTESTATION = "vnd.docker.reference.type"


def matches(given: Mapping[str, Any], required: Mapping[str, Any]) -> bool:
    """Whether a descriptor's platform satisfies what is required; an empty field there requires nothing."""
    single = ("architecture", "os", "os.version", "variant")
    if any(required.get(key) and given.get(key) != required.get(key) for key in single):
        return False
    several = ("os.features", "features")
    return all(set(required.get(key) or ()) <= set(given.get(key) or ()) for key in several)


def is_attestation(described: Descriptor) -> bool:
    """Whether a manifest of an index tells about another one and is no image."""
    return described.annotations.get(_ATTESTATION) is not None


def choose(index: Index, wanted: Platform) -> Descriptor:
    """The manifest for a platform: of several the one of the nearest variant, else the first.

    Raises:
        ArchiveError: there is none.
    """
    return choose_of(index.manifests, wanted)


def choose_of(manifests: Sequence[Descriptor], wanted: Platform) -> Descriptor:
    """As :func:`choose`, of descriptors.

    Raises:
        ArchiveError: there is none.
    """
    offered = [described for described in manifests if not is_attestation(described)]
    if len(offered) == 1 and offered[0].platform is None:
        return offered[0]
    plain = {"os": wanted.os, "architecture": wanted.architecture}
    fitting = [d for d in offered if d.platform is not None and matches(d.platform, plain)]
    ranked = [(rank, d) for d in fitting if (rank := wanted.rank(d.platform or {})) is not None]
    if ranked:
        return min(ranked, key=lambda pair: pair[0])[1]
    raise ArchiveError(f"the image has no variant for {wanted}", hint=f"it has {_listed(offered)}")


def _listed(offered: Sequence[Descriptor]) -> str:
    found = (d.platform or {} for d in offered)
    names = {"/".join(str(p[k]) for k in ("os", "architecture", "variant") if p.get(k)) for p in found}
    return ", ".join(sorted(name for name in names if name))[:200] or "none"
