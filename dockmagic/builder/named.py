"""Named contexts, ``--build-context NAME=…``: what FROM, COPY --from and RUN --mount find under a name. Pure.

As BuildKit has it, a context goes before a stage of its name and before an image of its name. One that is files is a base too: what is in it,
with the configuration of an empty image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar, cast

from dockmagic.builder import remotes
from dockmagic.builder.remotes import Git, Url
from dockmagic.dockerfile import instructions as kinds
from dockmagic.dockerfile.instructions import Instruction
from dockmagic.dockerfile.stages import Stage, Stages
from dockmagic.errors import UsageError
from dockmagic.oci import reference, transport

_Each = TypeVar("_Each", bound=Instruction)
_IMAGE = "docker-image://"
_LAYOUT = "oci-layout:"
_SCRATCH = "scratch"
_REMOTE = ("http://", "https://", "git://", "ssh://", "git@")
_OTHERS = ("target:", "input:")
# No stage and no image can be called so.
_DIRECTORY = "\0context:"


@dataclass(frozen=True, slots=True)
class Directory:
    """A context that is files.

    Attributes:
        path: where they stand.
        ignores: the ``.dockerignore`` in it counts.
    """

    path: Path
    ignores: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Contexts:
    """What each name means, by the name's key.

    Attributes:
        images: references, or where an image lies.
        directories: files of this machine.
        fetched: files that have to be fetched before the build.
    """

    images: Mapping[str, str]
    directories: Mapping[str, Directory]
    fetched: Mapping[str, Git | Url]

    def __bool__(self) -> bool:
        return bool(self.images or self.directories or self.fetched)

    def source(self, name: str) -> str:
        """What ``--from=name`` becomes."""
        key = key_of(name)
        if key in self.directories or key in self.fetched:
            return _DIRECTORY + key
        return self.images.get(key, name)


NO_CONTEXTS = Contexts(images={}, directories={}, fetched={})


def read(given: Mapping[str, str | Directory]) -> Contexts:
    """Read ``--build-context`` options.

    Args:
        given: by name, what the option says, or files that were fetched already.

    Raises:
        UsageError: a name that cannot be, or a kind of context that is not executed.
    """
    images: dict[str, str] = {}
    directories: dict[str, Directory] = {}
    fetched: dict[str, Git | Url] = {}
    for name, value in given.items():
        key = key_of(name)
        if not key:
            raise UsageError(f"--build-context {name}: not a name")
        if isinstance(value, Directory):
            directories[key] = value
        elif value.startswith(_IMAGE):
            images[key] = _image(value.removeprefix(_IMAGE))
        elif value.startswith(_LAYOUT):
            images[key] = transport.of_layout(value)
        elif value.startswith(_REMOTE):
            fetched[key] = _remote(name, value)
        elif value.startswith(_OTHERS):
            hint = "give a directory, docker-image://NAME, oci-layout://DIRECTORY:TAG or the URL of a repository"
            raise UsageError(f"--build-context {name}: this kind of context is not executed", hint=hint, detail=value)
        else:
            directories[key] = Directory(Path(value).expanduser())
    return Contexts(images=images, directories=directories, fetched=fetched)


def _image(name: str) -> str:
    return _SCRATCH if name == _SCRATCH else reference.parse_normalized(name).full


def _remote(name: str, text: str) -> Git | Url:
    try:
        found = remotes.read(text)
    except UsageError as error:
        raise UsageError(f"--build-context {name}: {error.message}", hint=error.hint) from None
    if found is None:
        raise UsageError(f"--build-context {name}: not a URL", detail=text)
    return found


def directory_of(source: str, contexts: Contexts) -> Directory | None:
    """The files that a replaced ``--from`` means, None for anything else."""
    return contexts.directories.get(source.removeprefix(_DIRECTORY)) if source.startswith(_DIRECTORY) else None


def wanted(order: tuple[Stage, ...]) -> frozenset[str]:
    """Keys of the contexts of files that these stages read."""
    found: set[str] = set()
    for stage in order:
        for each in stage.instructions:
            if isinstance(each, kinds.Copy):
                found.add(each.from_)
            elif isinstance(each, kinds.Run):
                found |= {mount.from_ for mount in each.mounts}
    return frozenset(name.removeprefix(_DIRECTORY) for name in found if name.startswith(_DIRECTORY))


def replaced(stages: Stages, contexts: Contexts) -> Stages:
    """The stages with every name that a context has replaced by what it means; a stage of such a name is left alone."""
    if not contexts:
        return stages
    changed = tuple(_stage(stage, stages, contexts) for stage in stages.stages)
    return replace(stages, stages=changed)


def _stage(stage: Stage, stages: Stages, contexts: Contexts) -> Stage:
    key = key_of(stage.name) if stage.name else ""
    means = contexts.source(stage.name) if key else ""
    if means != stage.name:
        stage = replace(stage, base=means, instructions=())
    elif stages.named(stage.base, before=stage.index) is None:
        stage = replace(stage, base=contexts.source(stage.base))
    own = tuple(instruction(each, contexts) for each in stage.instructions)
    if stage.base.startswith(_DIRECTORY):
        return replace(stage, base=_SCRATCH, instructions=(_everything(stage), *own))
    return replace(stage, instructions=own)


def _everything(stage: Stage) -> kinds.Copy:
    """What makes files a base: a COPY of all of them onto nothing, at the FROM's place."""
    text = f"COPY --from={stage.header.base} / /"
    return kinds.Copy(
        location=stage.location,
        source=text,
        code=text,
        sources=("/",),
        inline=(),
        destination="/",
        from_=stage.base,
    )


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


def key_of(name: str) -> str:
    """A name as contexts are found by it: as short as docker shows it, without ``:latest``; "" for none."""
    try:
        return reference.parse_normalized(name.lower()).familiar.removesuffix(":latest")
    except UsageError:
        return ""
