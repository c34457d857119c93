"""What the steps of a plan do, as values: everything is decided but what only the files can tell. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from dockmagic.builder.arguments import PROXIES
from dockmagic.builder.epoch import VARIABLE
from dockmagic.builder.mounts import BindMount, CacheMount, MountAction
from dockmagic.builder.platforms import machine_of
from dockmagic.builder.request import BuildRequest, Network
from dockmagic.builder.scope import DEFAULT_PATH, Scope
from dockmagic.builder.transfers import CopyAction
from dockmagic.dockerfile import instructions as kinds
from dockmagic.dockerfile.lexer.heredoc import Heredoc
from dockmagic.dockerfile.location import fault
from dockmagic.oci.platform import Platform

HOSTNAME = "build"
_HOSTNAME_ARGUMENT = "BUILDKIT_SANDBOX_HOSTNAME"
_SCRIPTS = "/run/dockmagic"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAction:
    """A command in the stage's root file system.

    Attributes:
        argv: the program and its arguments.
        env: its environment, but for HOME.
        secret_env: variables that are no part of the cache key: proxies.
        files: below /run/dockmagic: (name, content), executable.
        hostname: of the container.
        hosts: lines of its /etc/hosts: (address, name).
        foreign: the platform of its programs where this machine is another, else "".
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    secret_env: Mapping[str, str]
    user: str
    cwd: str
    network: Network
    files: tuple[tuple[str, bytes], ...]
    arguments: Mapping[str, str]
    hostname: str = HOSTNAME
    mounts: tuple[MountAction, ...] = ()
    hosts: tuple[tuple[str, str], ...] = ()
    foreign: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkdirAction:
    """The working directory, made when it is missing.

    Attributes:
        path: absolute.
        user: as USER says: whose the directories become that are made; "" for root.
    """

    path: str
    user: str


Action = RunAction | CopyAction | WorkdirAction


def stages_of(action: Action | None) -> tuple[int, ...]:
    """The numbers of the stages that a step reads."""
    match action:
        case CopyAction(stage=int(stage)):
            return (stage,)
        case RunAction(mounts=mounts):
            origins = [mount.origin for mount in mounts if isinstance(mount, BindMount | CacheMount)]
            return tuple(origin.stage for origin in origins if origin is not None and origin.stage is not None)
        case _:
            return ()


def run_action(
    instruction: kinds.Run,
    scope: Scope,
    request: BuildRequest,
    mounts: tuple[MountAction, ...] = (),
    platform: Platform | None = None,
) -> RunAction:
    """A RUN.

    Args:
        instruction: with variables replaced.
        scope: the stage before it.
        request: the build.
        mounts: what is mounted.
        platform: of the stage; None for this machine's.

    Raises:
        DockerfileError: a flag that is not executed, a here-document in the exec form, or programs that have no walls here.
    """
    machine = machine_of(request)
    if platform is not None and platform.is_narrow(request.machine):
        error = fault(
            f"RUN: the stage is for {platform}, whose programs are not run on {machine}", instruction.location
        )
        error.hint = "build it by FROM --platform=$BUILDPLATFORM and COPY --from, or for another platform"
        raise error
    if instruction.devices:
        raise fault("RUN --device is not executed: no device of the machine is given to a build", instruction.location)
    if instruction.security != "sandbox":
        raise fault(
            f"RUN --security={instruction.security} is not executed: a build's walls are always there",
            instruction.location,
        )
    network: Network = "none" if instruction.network == "none" else request.network
    if instruction.network == "host" and request.network != "host":
        # What a text from anywhere asks for gives it nothing: the caller decides.
        raise fault("RUN --network=host: the build was not asked for --network host", instruction.location)
    argv, files = _command(instruction, scope)
    env = {"PATH": DEFAULT_PATH, VARIABLE: str(request.epoch), **scope.variables()}
    proxies = {n: value for n, value in request.build_args.items() if n in PROXIES and n not in scope.arguments}
    return RunAction(
        argv=argv,
        env={name: value for name, value in env.items() if name not in proxies},
        secret_env=proxies,
        user=scope.config.user,
        cwd=scope.workdir,
        network=network,
        files=files,
        arguments=scope.arguments,
        hostname=request.build_args.get(_HOSTNAME_ARGUMENT) or HOSTNAME,
        mounts=mounts,
        hosts=request.hosts,
        foreign="" if platform is None or platform == machine else str(platform),
    )


def _command(instruction: kinds.Run, scope: Scope) -> tuple[tuple[str, ...], tuple[tuple[str, bytes], ...]]:
    """The argument vector, and the script that it may need.

    A here-document alone is a script: for its shebang when it has one, else for the shell. One among other words is the
    shell's own.
    """
    documents = instruction.heredocs
    if not documents:
        if not instruction.command:
            raise fault("RUN without a command", instruction.location)
        return scope.command(instruction), ()
    if not instruction.shell_form:
        raise fault("RUN: a here-document needs the shell form", instruction.location)
    text = instruction.command[0] if instruction.command else ""
    if len(documents) == 1 and _is_alone(text):
        body = documents[0].body
        if body.startswith("#!"):
            name = _file_name(documents[0].name)
            return (*scope.shell, f"{_SCRIPTS}/{name}"), ((name, _bytes(body)),)
        return (*scope.shell, body), ()
    return (*scope.shell, "\n".join([text, *(_again(document) for document in documents)])), ()


def _is_alone(text: str) -> bool:
    """Whether the line is nothing but ``<<EOF``."""
    stripped = text.strip()
    return stripped.startswith("<<") and len(stripped.split()) == 1 and stripped.count("<<") == 1


def _again(document: Heredoc) -> str:
    return f"{document.content}{document.name}"


def _file_name(name: str) -> str:
    return posixpath.basename(name) or "script"


def workdir_action(scope: Scope) -> WorkdirAction:
    """A WORKDIR, whose path the scope has already."""
    return WorkdirAction(path=scope.workdir, user=scope.config.user)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
