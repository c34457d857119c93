"""RUN --mount: what was planned is looked up, and made ready for a container."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from dockmagic.builder.context import Selection
from dockmagic.builder.mounts import (
    AgentMount,
    BindMount,
    CacheMount,
    MemoryMount,
    MountAction,
    Origin,
    SecretMount,
)
from dockmagic.builder.named import Directory
from dockmagic.builder.request import BuildRequest
from dockmagic.builder.steps.agent import forwarded
from dockmagic.builder.steps.copy import land_selection
from dockmagic.builder.steps.gathering import files_of
from dockmagic.builder.steps.secret import content_of
from dockmagic.builder.steps.site import Site
from dockmagic.errors import NotFoundError
from dockmagic.sandbox.spec import Bind, Mount

_REQUIRED: Mapping[bool, tuple[str, ...]] = {True: ("required",), False: ()}
_AGENT_VARIABLE = "SSH_AUTH_SOCK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A mount whose source is known.

    Attributes:
        action: what was planned.
        below: DiffIDs of the layers of its origin, base first.
        selection: what of the context it shows, or None.
        words: what of it a cache key holds.
    """

    action: MountAction
    below: tuple[str, ...] = ()
    selection: Selection | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a container gets for its mounts.

    Attributes:
        mounts: what is mounted besides its root.
        binds: directories and files of the machine.
        env: variables.
        shm: bytes of its /dev/shm, which is there anyway; None for the usual ones.
    """

    mounts: tuple[Mount, ...] = ()
    binds: tuple[Bind, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    shm: int | None = None


Layers = Callable[[Origin], tuple[str, ...]]


def look_up(
    site: Site, actions: Sequence[MountAction], request: BuildRequest, layers: Layers, stack: ExitStack
) -> tuple[Found, ...]:
    """Find the sources of mounts.

    Args:
        site: where the step works.
        actions: the mounts.
        request: has the context.
        layers: gives the DiffIDs of a stage or image.
        stack: what is opened is closed with it.

    Raises:
        NotFoundError: a source is not there.
    """
    return tuple(_found(site, action, request, layers, stack) for action in actions)


def _found(site: Site, action: MountAction, request: BuildRequest, layers: Layers, stack: ExitStack) -> Found:
    match action:
        case BindMount(origin=origin) if origin.is_files:
            selection = stack.enter_context(files_of(origin.directory, request)).select([origin.source])
            return Found(action=action, selection=selection, words=("bind", action.target, selection.digest))
        case BindMount(origin=origin):
            below = layers(origin)
            digest = _digest(site, below, origin.source)
            return Found(action=action, below=below, words=("bind", action.target, origin.source, digest))
        case CacheMount(origin=Origin(directory=Directory()) as origin):
            selection = stack.enter_context(files_of(origin.directory, request)).select([origin.source])
            words = ("cache", action.target, action.id, action.source, selection.digest)
            return Found(action=action, selection=selection, words=words)
        case CacheMount(origin=origin):
            below = () if origin is None else layers(origin)
            first = "" if origin is None else _digest(site, below, origin.source)
            return Found(action=action, below=below, words=("cache", action.target, action.id, action.source, first))
        case MemoryMount():
            return Found(action=action, words=("tmpfs", action.target, str(action.size)))
        case SecretMount():
            return Found(
                action=action, words=("secret", action.target, action.id, action.variable, *_REQUIRED[action.required])
            )
        case AgentMount():
            return Found(action=action, words=("ssh", action.target, action.id))


def _digest(site: Site, below: tuple[str, ...], source: str) -> str:
    lowers = list(site.lowers(below))
    if lowers:
        try:
            return str(site.call("digest", {"lowers": lowers, "path": source})["digest"])
        except NotFoundError:
            pass
    raise NotFoundError(f'RUN --mount: the source "{source}" is not there')


@contextmanager
def ready(site: Site, found: Sequence[Found], request: BuildRequest) -> Iterator[Ready]:
    """Make the mounts of a step; caches are held while the block runs, what was only for this step is gone after it.

    Raises:
        NotFoundError: a required secret or agent was not given.
        UsageError: a secret cannot be read.
    """
    with ExitStack() as stack:
        yield _Making(site=site, request=request, stack=stack, directory=stack.enter_context(site.store.scratch())).all(
            found
        )


@dataclass(slots=True, kw_only=True)
class _Making:
    """The mounts of one step while they are made."""

    site: Site
    request: BuildRequest
    stack: ExitStack
    directory: str
    mounts: list[Mount] = field(default_factory=list)
    binds: list[Bind] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    shm: int | None = None

    def all(self, found: Sequence[Found]) -> Ready:
        for number, each in enumerate(found):
            self._make(each, f"{self.directory}/{number}")
        return Ready(mounts=tuple(self.mounts), binds=tuple(self.binds), env=self.env, shm=self.shm)

    def _make(self, found: Found, directory: str) -> None:
        match found.action:
            case BindMount() as action if found.selection is not None:
                self._context(action, found.selection, directory)
            case CacheMount() as action if found.selection is not None:
                self._cache_of_files(action, found.selection)
            case BindMount() as action:
                self._layers(action, found.below)
            case CacheMount() as action:
                self._cache(action, found.below)
            case MemoryMount(target="/dev/shm") as action:  # noqa: S108 - in the container
                self.shm = action.size
            case MemoryMount() as action:
                self.mounts.append(Mount(kind="tmpfs", target=action.target, size=action.size, read_only=False))
            case SecretMount() as action:
                self._secret(action)
            case AgentMount() as action:
                self._agent(action)

    def _context(self, action: BindMount, selection: Selection, directory: str) -> None:
        self.site.call("mkdir", {"paths": [directory]})
        land_selection(self.site, _landing(directory), selection)
        names = [entry.path for entry in selection.entries]
        self.mounts.append(
            Mount(
                kind="directory",
                target=action.target,
                directory=directory,
                source=names[0] if selection.single_file else "/",
                read_only=action.read_only,
            )
        )

    def _layers(self, action: BindMount, below: tuple[str, ...]) -> None:
        directory = self.stack.enter_context(self.site.store.scratch("work"))
        upper, work = f"{directory}/upper", f"{directory}/work"
        self.site.call("mkdir", {"paths": [upper, work]})
        self.mounts.append(
            Mount(
                kind="layers",
                target=action.target,
                lowers=self.site.lowers(below),
                upper=upper,
                work=work,
                source=action.origin.source,
                read_only=action.read_only,
            )
        )

    def _cache(self, action: CacheMount, below: tuple[str, ...]) -> None:
        def fill(directory: str) -> None:
            if action.origin is not None:
                sources = [{"lowers": list(self.site.lowers(below)), "path": action.origin.source}]
                self.site.call("copy", {**_landing(directory), "sources": sources})

        # another first content is another cache, as BuildKit has it
        name = action.id if action.origin is None else "\n".join((action.id, action.origin.source, *below))
        self._kept(action, name, fill)

    def _cache_of_files(self, action: CacheMount, selection: Selection) -> None:
        def fill(directory: str) -> None:
            land_selection(self.site, _landing(directory), selection)

        self._kept(action, f"{action.id}\n{selection.digest}", fill)

    def _kept(self, action: CacheMount, name: str, fill: Callable[[str], None]) -> None:
        used = self.site.store.caches.use(name, action.sharing, fill=fill, mode=action.mode, owner=action.owner)
        self.mounts.append(
            Mount(
                kind="directory",
                target=action.target,
                directory=self.stack.enter_context(used),
                source=action.source,
                read_only=action.read_only,
            )
        )

    def _secret(self, action: SecretMount) -> None:
        secret = self.request.secrets.get(action.id)
        if secret is None:
            if action.required:
                hint = f"--secret id={action.id},src=FILE or --secret id={action.id},env=NAME"
                raise NotFoundError(f"RUN --mount: the secret {action.id} was not given", hint=hint)
            return
        content = content_of(action.id, secret)
        if action.target:
            self.mounts.append(
                Mount(kind="file", target=action.target, content=content, mode=action.mode, owner=action.owner)
            )
        if action.variable:
            self.env[action.variable] = content.decode("utf-8", "surrogateescape")

    def _agent(self, action: AgentMount) -> None:
        agent = self.request.agents.get(action.id)
        if agent is None:
            if action.required:
                raise NotFoundError(f"RUN --mount: the ssh agent {action.id} was not given", hint=f"--ssh {action.id}")
            return
        path = self.stack.enter_context(forwarded(agent))
        self.binds.append(Bind(source=str(path), target=action.target, socket=True))
        self.env.setdefault(_AGENT_VARIABLE, action.target)


def _landing(directory: str) -> dict[str, object]:
    """COPY's arguments for an empty directory."""
    return {
        "upper": directory,
        "lowers": [],
        "dest": "/",
        "dest_is_dir": True,
        "single_file": False,
        "chown": None,
        "chmod": None,
    }
