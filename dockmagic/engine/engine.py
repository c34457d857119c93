"""The façade: docker's verbs as methods. Nothing here displays anything."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dockmagic.engine import build as building
from dockmagic.engine import (
    commit,
    containers,
    export_values,
    files,
    images,
    products,
    run,
    several,
    taking,
)
from dockmagic.engine.command import words
from dockmagic.engine.container_verbs import ContainerVerbs
from dockmagic.engine.image_verbs import ImageVerbs
from dockmagic.engine.request import Network as RunNetwork
from dockmagic.engine.request import Request as RunRequest
from dockmagic.engine.session import Session
from dockmagic.engine.settings import Settings
from dockmagic.errors import NotFoundError
from dockmagic.exchange.given import given as encode
from dockmagic.listing import Content, Damage, Difference, Disk, File, Pruned, Usage
from dockmagic.results import Build, Container, Diff, Image, Run
from dockmagic.sandbox.pump import OUTPUT_LIMIT
from dockmagic.sandbox.spec import Limits
from dockmagic.table import Table

if TYPE_CHECKING:
    from dockmagic.builder.request import Network
    from dockmagic.dockerfile.lint import LintWarning
    from dockmagic.engine.export_values import (
        AgentsLike,
        CacheFromLike,
        CacheToLike,
        HostsLike,
        OutputLike,
        SecretsLike,
    )
    from dockmagic.engine.volumes import Volumes
    from dockmagic.results import Finding
    from dockmagic.sandbox.pump import Listener
    from dockmagic.sandbox.runtime import Process, Runtime
    from dockmagic.store.archive_output import Target


class Engine(ImageVerbs, ContainerVerbs):
    """Images and containers of one home directory.

    Args:
        home: the store's directory; by default ``$DOCKMAGIC_HOME``, else the user's data directory. It is made when it is
            first needed, not here.
        runtime: what starts containers, e.g. a :class:`dockmagic.testing.RecordingRuntime`; None for the best that
            this host allows.
        shared: directories of stores of others, whose images are here too and are only read; by default what
            ``$DOCKMAGIC_SHARED`` names.
    """

    def __init__(
        self,
        home: Path | str | None = None,
        *,
        runtime: Runtime | None = None,
        shared: Sequence[Path | str] | None = None,
    ) -> None:
        others = None if shared is None else [Path(directory) for directory in shared]
        self.session = Session(Path(home) if home is not None else None, runtime, others)

    def close(self) -> None:
        """End the launch server and every container that this engine started."""
        self.session.close()

    def build(
        self,
        text: str,
        *,
        context: Path | str | None = None,
        tags: Sequence[str] | str = (),
        build_args: Mapping[str, str] | None = None,
        target: str | None = None,
        no_cache: bool = False,
        labels: Mapping[str, str] | None = None,
        network: Network = "default",
        no_cache_filter: Sequence[str] = (),
        add_hosts: HostsLike = (),
        build_contexts: Mapping[str, str] | None = None,
        secrets: SecretsLike = (),
        ssh: AgentsLike = (),
        agents: Mapping[str, Path] | None = None,
        limits: Limits | None = None,
        timeout: float | None = None,
        pull: bool = False,
        platform: str | Sequence[str] = (),
        output: OutputLike | Sequence[OutputLike] = (),
        push: bool = False,
        cache_from: CacheFromLike | Sequence[CacheFromLike] = (),
        cache_to: CacheToLike | Sequence[CacheToLike] = (),
        iidfile: Path | str | None = None,
        metadata_file: Path | str | None = None,
        on_event: building.EventListener | None = None,
    ) -> Build:
        """Build an image from Dockerfile text; see :func:`dockmagic.engine.build.build` for what it raises.

        Args of which the names do not tell all:
            add_hosts: addresses by name, or ``"NAME:ADDRESS"``.
            secrets: what RUN may mount: ``"id=NAME,src=FILE"`` or ``"id=NAME,env=VARIABLE"``, one or several; or values by name.
            ssh: agents that RUN may mount: ``"default"`` or ``"ID=SOCKET"``, one or several; or sockets by id, as ``agents`` has them.
            output: what else becomes of the image: a directory's path, ``"type=oci,dest=FILE"``, or such fields as a mapping, where ``dest``
                may be a binary stream; or several of these.
            push: as ``output="type=registry"``: the image goes to the registries that its tags name.
            platform: what the image is for: ``"linux/arm64"``, or several, which one name then stands for.
            cache_from: ``"type=local,src=DIRECTORY"`` or a mapping, or several; ``cache_to`` the same with ``dest``.
        """
        request = building.Request(
            text=text,
            context=Path(context) if context is not None else None,
            tags=(tags,) if isinstance(tags, str) else tuple(tags),
            build_args=dict(build_args or {}),
            target=target,
            no_cache=no_cache,
            labels=dict(labels or {}),
            network=network,
            no_cache_filter=tuple(no_cache_filter),
            add_hosts=export_values.hosts(add_hosts),
            build_contexts=dict(build_contexts or {}),
            secrets=export_values.secrets(secrets),
            agents={**(agents or {}), **export_values.agents(ssh)},
            limits=limits or Limits(),
            timeout=timeout,
            pull=pull,
            platforms=several.platforms_of(platform),
            cache_from=export_values.caches_from(cache_from),
            products=products.Products(
                outputs=export_values.outputs(output, push=push),
                iidfile=Path(iidfile) if iidfile is not None else None,
                metadata_file=Path(metadata_file) if metadata_file is not None else None,
                cache_to=export_values.caches_to(cache_to),
            ),
        )
        return several.build_each(self.session, request, listener=on_event)

    def check(
        self,
        text: str,
        *,
        context: Path | str | None = None,
        build_args: Mapping[str, str] | None = None,
        target: str | None = None,
        dockerfile: Path | str | None = None,
    ) -> Table[LintWarning]:
        """Lint Dockerfile text, building nothing; see :func:`dockmagic.engine.check.check` for what it raises."""
        from dockmagic.engine.check import check  # noqa: PLC0415 - rarely asked

        request = building.Request(
            text=text,
            context=Path(context) if context is not None else None,
            build_args=dict(build_args or {}),
            target=target,
            dockerfile=Path(dockerfile) if dockerfile is not None else None,
        )
        return check(self.session, request)

    def run(
        self,
        image: str | Image,
        command: Sequence[str] | str = (),
        *,
        script: str | None = None,
        interp: str | None = None,
        argv: Sequence[str] = (),
        name: str = "",
        keep: bool = False,
        env: Mapping[str, str] | None = None,
        volumes: Sequence[str] = (),
        mounts: Sequence[str] = (),
        volumes_from: Sequence[str] = (),
        workdir: str = "",
        user: str = "",
        entrypoint: str | None = None,
        network: RunNetwork = "",
        publish: Sequence[str] = (),
        publish_all: bool = False,
        expose: Sequence[str] = (),
        timeout: float | None = None,
        stdin: bytes | None = None,
        limits: Limits | None = None,
        settings: Settings | None = None,
        background: bool = False,
        detach: bool = False,
        remove: bool = False,
        output_limit: int = OUTPUT_LIMIT,
        given: Mapping[str, object] | None = None,
        get: Sequence[str] = (),
        pull: str = "missing",
        platform: str = "",
        cidfile: Path | str = "",
        on_output: Listener | None = None,
        on_start: Callable[[Process], object] | None = None,
        build: Build | None = None,
    ) -> Run:
        """Run a script or command in a new container; see :func:`dockmagic.engine.run.run` for what it raises.

        Args of which the names do not tell all:
            network: see :class:`dockmagic.engine.request.Request` for this and the next three.
            mounts: of ``--mount``: ``"type=volume,src=cache,dst=/var/cache"``.
            volumes_from: names of containers whose volumes it has too.
            command: words after the reference, or a text of such words as a shell quotes them; ``argv`` is another name of it.
            background: it goes on beside this process and ends with it; the Run is that of its beginning.
            detach: it goes on without this process, and is kept when it has ended.
            remove: it is removed when it has ended, though it has a name or is detached.
            given: values as files in ``/run/dockmagic/in``, scalars also as variables; see :mod:`dockmagic.exchange.given`.
            get: absolute paths whose content the Run then has; see :meth:`dockmagic.Run.value`.
            pull: whether a registry is asked for the image: ``"missing"``, ``"always"`` or ``"never"``.
            on_output: gets each chunk of output as it comes, ``("stdout" or "stderr", bytes)``.
            on_start: gets the process once it runs; any thread may call its ``kill()``.
            build: the build before it, for the Run.
        """
        request = RunRequest(
            script=script,
            interp=interp,
            argv=(*words(command), *argv),
            name=name,
            keep=keep,
            env=dict(env or {}),
            volumes=tuple(volumes),
            mounts=tuple(mounts),
            volumes_from=tuple(volumes_from),
            workdir=workdir,
            user=user,
            entrypoint=entrypoint,
            network=network,
            publish=tuple(publish),
            publish_all=publish_all,
            expose=tuple(expose),
            timeout=timeout,
            stdin=stdin,
            limits=limits or Limits(),
            settings=settings or Settings(),
            background=background,
            detach=detach,
            remove=remove,
            output_limit=output_limit,
            given=encode(given) if given else None,
            get=taking.checked(get),
            pull=pull,
            platform=platform,
            cidfile=str(cidfile),
            on_start=on_start,
        )
        return run.run(self.session, image, request, listener=on_output, build=build)

    def exec(
        self,
        container: str | Container,
        command: Sequence[str] | str = (),
        *,
        script: str | None = None,
        interp: str | None = None,
        argv: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        workdir: str = "",
        user: str = "",
        timeout: float | None = None,
        output_limit: int = OUTPUT_LIMIT,
        stdin: bytes | None = None,
        given: Mapping[str, object] | None = None,
        get: Sequence[str] = (),
        running: bool = False,
        on_output: Listener | None = None,
        on_start: Callable[[Process], object] | None = None,
    ) -> Run:
        """Run in a kept container; see :func:`dockmagic.engine.run.exec_` for what it raises."""
        request = RunRequest(
            script=script,
            interp=interp,
            argv=(*words(command), *argv),
            env=dict(env or {}),
            workdir=workdir,
            user=user,
            timeout=timeout,
            output_limit=output_limit,
            stdin=stdin,
            given=encode(given) if given else None,
            get=taking.checked(get),
            on_start=on_start,
        )
        return run.exec_(self.session, container, request, running=running, listener=on_output)

    @property
    def volume(self) -> Volumes:
        """The verbs of volumes: ``create``, ``inspect``, ``list``, ``remove``, ``prune``, ``exists``, ``clone``."""
        from dockmagic.engine.volumes import Volumes  # noqa: PLC0415 - rarely asked

        return Volumes(self.session)

    def inspect(self, name: str, *, kind: Literal["", "container", "image"] = "") -> Image | Container:
        """The container or image of that name, container first, as docker looks; or only what is of a ``kind``.

        Raises:
            NotFoundError: there is neither.
        """
        row = self.session.store.containers.get(name) if kind != "image" else None
        if row is not None or kind == "container":
            return containers.describe(self.session, row or containers.find(self.session, name))
        try:
            return images.describe(self.session, images.find(self.session, name), names=(name,))
        except NotFoundError:
            raise NotFoundError(
                f"no such container or image: {name}", hint="see %container ps -a and %container images"
            ) from None

    def diff(self, first: str | Image | Container, second: str | Image | Container | None = None) -> Diff:
        """What a container changed, or what differs between two images or containers."""
        return commit.diff(self.session, first, second)

    def text_diff(self, first: str | Image | Container, second: str | Image | Container | None = None) -> str:
        """The same with the changed lines of files; see :func:`dockmagic.engine.contents.diff`."""
        from dockmagic.engine.contents import diff  # noqa: PLC0415 - rarely asked

        return diff(self.session, first, second)

    def files(self, place: str | Image | Container, *, layer: int | None = None) -> tuple[File, ...]:
        """Everything that stands in an image or container; see :func:`dockmagic.engine.files.files`."""
        return files.files(self.session, place, layer=layer)

    def read(
        self, place: str | Image | Container, path: str, *, limit: int = 1 << 20, layer: int | None = None
    ) -> Content:
        """How a file of an image or container begins; see :func:`dockmagic.engine.files.read`."""
        return files.read(self.session, place, path, limit=limit, layer=layer)

    def disk(self) -> Disk:
        """What images, containers and the build cache hold."""
        return files.disk(self.session)

    def compare(self, first: str | Image | Container, second: str | Image | Container) -> tuple[Difference, ...]:
        """Paths that differ between two images or containers, with what stands there in each."""
        return files.compare(self.session, first, second)

    def export(self, place: str | Image | Container, output: Target) -> None:
        """Write the root file system of a container or image as a tar; see :func:`dockmagic.engine.export.export`."""
        from dockmagic.engine.export import export  # noqa: PLC0415 - rarely asked

        export(self.session, place, output)

    def df(self) -> Table[Usage]:
        """What the store holds, and what a prune would free."""
        from dockmagic.engine.space import df  # noqa: PLC0415 - rarely asked

        return df(self.session)

    def prune(self, *, dry_run: bool = False, base: bool = False, volumes: bool = False) -> Table[Pruned]:
        """Remove what nothing uses; see :func:`dockmagic.engine.space.prune`."""
        from dockmagic.engine.space import prune  # noqa: PLC0415 - rarely asked

        return prune(self.session, dry_run=dry_run, base=base, volumes=volumes)

    def fsck(self, *, repair: bool = False) -> Table[Damage]:
        """Name every damaged thing of the store; see :func:`dockmagic.engine.fsck.fsck`."""
        from dockmagic.engine.fsck import fsck  # noqa: PLC0415 - rarely asked

        return fsck(self.session, repair=repair)

    def share(self) -> Table[Image]:
        """Let every user of this machine read this store; see :func:`dockmagic.engine.share.share`."""
        from dockmagic.engine.share import share  # noqa: PLC0415 - rarely asked

        return share(self.session)

    def doctor(self, *, require: bool = False) -> Table[Finding]:
        """What this host gives and refuses, and which tier that makes; with ``require`` an error where no container runs."""
        from dockmagic.engine import doctor, requirement  # noqa: PLC0415 - Linux only, and rarely asked

        found = doctor.doctor(self.session)
        if require:
            requirement.require(found)
        return found


@functools.cache
def default() -> Engine:
    """The engine of this process's own home; the same object at every call."""
    return Engine()
