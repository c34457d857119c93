"""Images that are named by where they lie: ``oci:DIR:TAG`` and its like. Pure.

The forms are those of containers-transports(5), as podman and skopeo read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from dockmagic.errors import UsageError

Kind = Literal["oci", "oci-archive", "docker-archive"]
_KINDS: tuple[str, ...] = get_args(Kind)
_REFUSED = {
    "dir": "skopeo copy makes an OCI layout of it",
    "docker-daemon": "docker save NAME | dockmagic load takes it from there",
    "containers-storage": "podman save NAME | dockmagic load takes it from there",
    "ostree": "skopeo copy makes an OCI layout of it",
    "sif": "skopeo copy makes an OCI layout of it",
    "tarball": "%container import takes the tar of a root file system",
}
_REGISTRY = "docker://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """Where an image lies.

    Attributes:
        kind: what stands there.
        path: as written.
        name: which image of it: a tag, a whole name, ``@sha256:…`` or ``@NUMBER``; "" for the only one.
        certain: it can be nothing else; ``oci:bread`` may also be a repository ``oci`` with a tag.
    """

    kind: Kind
    path: str
    name: str
    certain: bool

    def __str__(self) -> str:
        name = self.name if self.name.startswith("@") or not self.name else f":{self.name}"
        return f"{self.kind}:{self.path}{name}"


def parse(text: str) -> Transport | None:
    """Where ``text`` says that an image lies; None for a name.

    Raises:
        UsageError: it names a kind of place that nothing is taken from.
    """
    kind, colon, rest = text.partition(":")
    if not colon or kind not in {*_KINDS, *_REFUSED} or not rest:
        return None
    certain = "/" in rest or ":" in rest or "@" in rest or rest.startswith((".", "~")) or "-" in kind
    if kind in _REFUSED:
        if not certain:
            return None
        raise UsageError(f"images are not taken from {kind}: places", hint=_REFUSED[kind])
    path, at, digest = rest.partition("@")
    path, _, name = path.partition(":")
    if at:
        name = f"@{digest}"
    known: Kind = "oci" if kind == "oci" else "oci-archive" if kind == "oci-archive" else "docker-archive"
    return Transport(kind=known, path=path, name=name, certain=certain)


def without_registry(text: str) -> str:
    """The name behind ``docker://``; any other text as it is."""
    return text.removeprefix(_REGISTRY)


def of_layout(text: str) -> str:
    """What ``oci-layout://PATH[:TAG][@DIGEST]`` of a build context is as an image's name.

    Raises:
        UsageError: there is no path.
    """
    rest = text.removeprefix("oci-layout:").removeprefix("//")
    if not rest or rest.startswith((":", "@")):
        raise UsageError("an OCI layout without a directory", hint="oci-layout://DIRECTORY:TAG")
    return f"oci:{rest}"
