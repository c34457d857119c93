"""Which image of an index is taken. Pure.

OCI image index, ``platform``; the variants of ARM as containerd orders them. An index may lead to further ones, which mostly say no platform.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dockmagic.errors import ArchiveError
from dockmagic.oci import mediatype
from dockmagic.oci.config import ImageConfig
from dockmagic.oci.descriptor import Descriptor
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


def candidates(manifests: Sequence[Descriptor], wanted: Platform) -> list[Descriptor]:
    """What may lead to the manifest for a platform, the best first: that of the nearest variant; last, indexes that name no platform."""
    offered = [described for described in manifests if not is_attestation(described)]
    if len(offered) == 1 and offered[0].platform is None:
        return offered
    plain = {"os": wanted.os, "architecture": wanted.architecture}
    fitting = [d for d in offered if d.platform is not None and matches(d.platform, plain)]
    ranked = [(rank, d) for d in fitting if (rank := wanted.rank(d.platform or {})) is not None]
    nested = [d for d in offered if d.platform is None and d.media_type in mediatype.INDEXES]
    return [d for _, d in sorted(ranked, key=lambda pair: pair[0])] + nested


def choose_of(manifests: Sequence[Descriptor], wanted: Platform) -> Descriptor:
    """The manifest for a platform: of several the one of the nearest variant, else the first.

    Raises:
        ArchiveError: there is none.
    """
    found = candidates(manifests, wanted)
    if not found:
        raise missing(manifests, wanted)
    return found[0]


def missing(manifests: Sequence[Descriptor], wanted: Platform) -> ArchiveError:
    """The error for an index without an image for a platform."""
    offered = [described for described in manifests if not is_attestation(described)]
    return ArchiveError(f"the image has no variant for {wanted}", hint=f"it has {_listed(offered)}")


def of_image(described: Descriptor, config: ImageConfig) -> Descriptor:
    """An image's descriptor with its platform: what an index says, else what the image says itself."""
    if described.platform is not None:
        return described
    itself = Platform(os=config.os, architecture=config.architecture, variant=config.variant)
    return replace(described, platform=itself.to_dict())


def _listed(offered: Sequence[Descriptor]) -> str:
    found = (d.platform or {} for d in offered)
    names = {"/".join(str(p[k]) for k in ("os", "architecture", "variant") if p.get(k)) for p in found}
    return ", ".join(sorted(name for name in names if name))[:200] or "none"
