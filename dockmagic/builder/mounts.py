"""``RUN --mount`` as values: what is mounted where, before anything is looked up. Pure."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import Literal

from dockmagic.builder.named import NO_CONTEXTS, Contexts, Directory, directory_of
from dockmagic.builder.scope import Scope, absolute
from dockmagic.dockerfile import instructions as kinds
from dockmagic.dockerfile.instructions import Mount
from dockmagic.dockerfile.location import fault
from dockmagic.dockerfile.stages import Stage, Stages
from dockmagic.errors import DockerfileError, Location

Sharing = Literal["shared", "private", "locked"]

_SECRET_MODE, _AGENT_MODE, _CACHE_MODE = 0o400, 0o600, 0o755
_SECRETS = "/run/secrets"
_AGENTS = "/run/buildkit/ssh_agent"
_DEFAULT_AGENT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the files of a bind, or the first files of a cache, come from.

    Attributes:
        stage: number of a stage, or None.
        image: name of an image, or "".
        directory: a named context of files, or None. With none of these it is the build context.
        source: path there.
    """

    stage: int | None
    image: str
    source: str
    directory: Directory | None = None

    @property
    def is_files(self) -> bool:
        """It is files of this machine, of the build context or a named one."""
        return self.stage is None and not self.image


@dataclass(frozen=True, slots=True, kw_only=True)
class BindMount:
    """Files of the context, a stage or an image; what is written there is thrown away."""

    target: str
    origin: Origin
    read_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheMount:
    """A directory that stays from build to build.

    Attributes:
        id: what it is known by.
        origin: what it holds at first, or None for nothing.
        source: path in it.
        sharing: how several builds use it at once.
    """

    target: str
    id: str
    origin: Origin | None
    source: str
    sharing: Sharing
    mode: int
    owner: tuple[int, int]
    read_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryMount:
    """An empty file system in memory; ``size`` in bytes, 0 for no limit of its own."""

    target: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretMount:
    """A secret as a file, as a variable, or both.

    Attributes:
        target: "" for no file.
        variable: "" for no variable.
        required: without the secret the step fails; else it is left out.
    """

    id: str
    target: str
    variable: str
    required: bool
    mode: int
    owner: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentMount:
    """The socket of an ssh agent."""

    id: str
    target: str
    required: bool
    mode: int
    owner: tuple[int, int]


MountAction = BindMount | CacheMount | MemoryMount | SecretMount | AgentMount


def mount_actions(
    instruction: kinds.Run,
    scope: Scope,
    stages: Stages,
    own: Stage,
    contexts: Contexts = NO_CONTEXTS,
    *,
    namespace: str = "",
) -> tuple[MountAction, ...]:
    """The mounts of a RUN, outer ones first.

    Args:
        instruction: with variables and names of contexts replaced.
        scope: the stage before it.
        stages: all of them.
        own: the stage that it stands in.
        contexts: what names mean.
        namespace: of the ids of caches, ``BUILDKIT_CACHE_MOUNT_NS``.

    Raises:
        DockerfileError: a target that cannot be, or a source stage that is the own one.
    """
    agents = 0
    made: list[MountAction] = []
    for mount in instruction.mounts:
        if mount.type == "ssh":
            made.append(_agent(mount, scope, agents))
            agents += 1
        else:
            origin = _origin(mount, stages, own, instruction.location, contexts)
            made.append(_action(mount, scope, origin, instruction.location))
    if namespace:
        made = [replace(m, id=f"{namespace}/{m.id}") if isinstance(m, CacheMount) else m for m in made]
    return tuple(sorted(made, key=lambda mount: mount.target.count("/") if mount.target != "/" else 0))


def _action(mount: Mount, scope: Scope, origin: Origin, place: Location) -> MountAction:
    match mount.type:
        case "bind":
            return BindMount(target=_target(mount, scope, place), origin=origin, read_only=mount.read_only)
        case "cache":
            return _cache(mount, scope, origin, place)
        case "tmpfs":
            return MemoryMount(target=_target(mount, scope, place), size=mount.size or 0)
        case "secret":
            return _secret(mount, scope)
        case _:
            raise fault(f"RUN --mount=type={mount.type} is not known", place)


def _target(mount: Mount, scope: Scope, place: Location) -> str:
    """Where a mount stands; without a target on the working directory."""
    target = scope.absolute(mount.target)
    if target == "/":
        raise fault('invalid mount target "/"', place)
    return target


def _origin(mount: Mount, stages: Stages, own: Stage, place: Location, contexts: Contexts) -> Origin:
    source = absolute(mount.source)
    directory = directory_of(mount.from_, contexts)
    if not mount.from_ or directory is not None:
        return Origin(stage=None, image="", source=source, directory=directory)
    try:
        found = stages.source(mount.from_)
    except DockerfileError as error:
        raise fault(error.message, place) from None
    if found is None:
        return Origin(stage=None, image=mount.from_, source=source)
    if found.index == own.index:
        raise fault(f"RUN --mount: from={mount.from_}: a stage cannot mount itself", place)
    return Origin(stage=found.index, image="", source=source)


def _cache(mount: Mount, scope: Scope, origin: Origin, place: Location) -> CacheMount:
    target = _target(mount, scope, place)
    sharing: Sharing = "locked" if mount.sharing == "locked" else "private" if mount.sharing == "private" else "shared"
    return CacheMount(
        target=target,
        id=mount.id or target,
        origin=origin if mount.from_ else None,
        source=absolute(mount.source) if not mount.from_ else "/",
        sharing=sharing,
        mode=_CACHE_MODE if mount.mode is None else mount.mode,
        owner=_owner(mount),
        read_only=mount.read_only,
    )


def _secret(mount: Mount, scope: Scope) -> SecretMount:
    name = mount.id or mount.source or posixpath.basename(mount.target) or mount.env
    by_default = "" if mount.env else f"{_SECRETS}/{posixpath.basename(name)}"
    return SecretMount(
        id=name,
        target=scope.absolute(mount.target) if mount.target else by_default,
        variable=mount.env,
        required=mount.required,
        mode=_SECRET_MODE if mount.mode is None else mount.mode,
        owner=_owner(mount),
    )


def _agent(mount: Mount, scope: Scope, number: int) -> AgentMount:
    return AgentMount(
        id=mount.id or _DEFAULT_AGENT,
        target=scope.absolute(mount.target) if mount.target else f"{_AGENTS}.{number}",
        required=mount.required,
        mode=_AGENT_MODE if mount.mode is None else mount.mode,
        owner=_owner(mount),
    )


def _owner(mount: Mount) -> tuple[int, int]:
    return mount.uid or 0, mount.gid or 0
