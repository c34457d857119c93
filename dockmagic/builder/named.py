"""Named contexts, ``--build-context NAME=…``: what FROM, COPY --from and RUN --mount find under a name. Pure.

As BuildKit has it, a context goes before a stage of its name and before an image of its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar, cast

from dockmagic.dockerfile import instructions as kinds
from dockmagic.dockerfile.instructions import Instruction
from dockmagic.dockerfile.location import fault
from dockmagic.dockerfile.stages import Stage, Stages
from dockmagic.errors import UsageError
from dockmagic.oci import reference

_Each = TypeVar("_Each", bound=Instruction)
_IMAGE = "docker-image://"
_OTHERS = ("oci-layout://", "http://", "https://", "git://", "ssh://", "target:", "input:")
# No stage and no image can be called so.
_DIRECTORY = "\0context:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contexts:
    """What each name means.

    Attributes:
        images: references, by the name's key.
        directories: by the name's key.
    """

    images: Mapping[str, str]
    directories: Mapping[str, Path]

    def __bool__(self) -> bool:
        return bool(self.images or self.directories)

    def source(self, name: str) -> str:
        """What ``--from=name`` becomes."""
        key = _key(name)
        if key in self.directories:
            return _DIRECTORY + key
        return self.images.get(key, name)


NO_CONTEXTS = Contexts(images={}, directories={})


def read(given: Mapping[str, str]) -> Contexts:
    """Read ``--build-context`` options.

    Args:
        given: by name, ``docker-image://REFERENCE`` or the path of a directory.

    Raises:
        UsageError: a name that cannot be, or a kind of context that is not executed.
    """
    images: dict[str, str] = {}
    directories: dict[str, Path] = {}
    for name, value in given.items():
        key = _key(name)
        if not key:
            raise UsageError(f"--build-context {name}: not a name")
        if value.startswith(_IMAGE):
            images[key] = reference.parse_normalized(value.removeprefix(_IMAGE)).full
        elif value.startswith(_OTHERS):
            hint = "give a directory or docker-image://NAME; %container load takes archives and layouts"
            raise UsageError(f"--build-context {name}: this kind of context is not executed", hint=hint, detail=value)
        else:
            directories[key] = Path(value)
    return Contexts(images=images, directories=directories)


def directory_of(source: str, contexts: Contexts) -> Path | None:
    """The directory that a replaced ``--from`` means, None for anything else."""
    return contexts.directories[source.removeprefix(_DIRECTORY)] if source.startswith(_DIRECTORY) else None


def replaced(stages: Stages, contexts: Contexts) -> Stages:
    """The stages with every name that a context has replaced by what it means; a stage of such a name is left alone.

    Call :func:`require_executable` for those that are needed.
    """
    if not contexts:
        return stages
    changed = tuple(_stage(stage, stages, contexts) for stage in stages.stages)
    return replace(stages, stages=changed)


def _stage(stage: Stage, stages: Stages, contexts: Contexts) -> Stage:
    key = _key(stage.name) if stage.name else ""
    if key in contexts.images:
        return replace(stage, base=contexts.images[key], instructions=())
    base = stage.base
    if stages.named(base, before=stage.index) is None:
        base = contexts.source(base)
    # what cannot be is told only of stages that are needed: see require_executable
    return replace(stage, base=base, instructions=tuple(instruction(each, contexts) for each in stage.instructions))


def require_executable(place: Stage | kinds.Run) -> None:
    """Refuse a directory where only an image can be.

    Raises:
        DockerfileError: there is one.
    """
    if isinstance(place, Stage):
        if place.base.startswith(_DIRECTORY):
            error = fault("FROM: a directory given by --build-context cannot be built on", place.location)
            error.hint = "use FROM scratch and COPY --from, or give docker-image://NAME"
            raise error
    elif any(mount.from_.startswith(_DIRECTORY) for mount in place.mounts):
        error = fault("RUN --mount: a directory given by --build-context cannot be mounted", place.location)
        error.hint = "copy what is needed by COPY --from into a stage, and mount that"
        raise error


def instruction(given: _Each, contexts: Contexts) -> _Each:
    """An instruction whose ``--from`` and mounts are replaced."""
    if not contexts:
        return given
    if isinstance(given, kinds.Copy) and given.from_:
        return cast("_Each", replace(given, from_=contexts.source(given.from_)))
    if isinstance(given, kinds.Run) and given.mounts:
        mounts = tuple(replace(m, from_=contexts.source(m.from_)) if m.from_ else m for m in given.mounts)
        return cast("_Each", replace(given, mounts=mounts))
    return given


def _key(name: str) -> str:
    """A name as contexts are found by it: as short as docker shows it, without ``:latest``; "" for none."""
    try:
        return reference.parse_normalized(name.lower()).familiar.removesuffix(":latest")
    except UsageError:
        return ""
