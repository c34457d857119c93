"""What the steps of a plan do, as values: everything is decided but what only the files can tell. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from dockmagic.builder.arguments import PROXIES
from dockmagic.builder.mounts import MountAction
from dockmagic.builder.request import BuildRequest, Network
from dockmagic.builder.scope import DEFAULT_PATH, Scope
from dockmagic.dockerfile import instructions as kinds
from dockmagic.dockerfile.lexer.heredoc import Heredoc
from dockmagic.dockerfile.location import fault
from dockmagic.dockerfile.stages import Stage, Stages

EPOCH_VARIABLE = "SOURCE_DATE_EPOCH"
_SCRIPTS = "/run/dockmagic"
_HIGHEST_MODE = 0o7777


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAction:
    """A command in the stage's root file system.

    Attributes:
        argv: the program and its arguments.
        env: its environment, but for HOME.
        secret_env: variables that are no part of the cache key: proxies.
        files: below /run/dockmagic: (name, content), executable.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    secret_env: Mapping[str, str]
    user: str
    cwd: str
    network: Network
    files: tuple[tuple[str, bytes], ...]
    arguments: Mapping[str, str]
    mounts: tuple[MountAction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyAction:
    """Files from the context, from the Dockerfile itself, from a stage or from an image.

    Attributes:
        sources: as written, variables replaced.
        inline: here-documents: (name, content).
        stage: number of the stage that it copies from, or None.
        image: name of the image that it copies from, or "".
        destination: absolute.
        is_directory: the destination was written with a slash, or there are several sources.
        chown: as written, variables replaced; "" for root.
        mode: permission bits for everything copied, or None.
    """

    sources: tuple[str, ...]
    inline: tuple[tuple[str, bytes], ...]
    stage: int | None
    image: str
    destination: str
    is_directory: bool
    chown: str
    mode: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkdirAction:
    """The working directory, made when it is missing."""

    path: str


Action = RunAction | CopyAction | WorkdirAction


def run_action(
    instruction: kinds.Run, scope: Scope, request: BuildRequest, mounts: tuple[MountAction, ...] = ()
) -> RunAction:
    """A RUN.

    Raises:
        DockerfileError: a flag that is not executed, or a here-document in the exec form.
    """
    if instruction.devices:
        raise fault("RUN --device is not executed: no device of the machine is given to a build", instruction.location)
    if instruction.security != "sandbox":
        raise fault(
            f"RUN --security={instruction.security} is not executed: a build's walls are always there",
            instruction.location,
        )
    network: Network = "none" if instruction.network == "none" else request.network
    if instruction.network == "host" and request.network != "host":
        raise fault("RUN --network=host: the build was asked for --network none", instruction.location)
    argv, files = _command(instruction, scope)
    env = {"PATH": DEFAULT_PATH, EPOCH_VARIABLE: str(request.epoch), **scope.variables()}
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
        mounts=mounts,
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


def copy_action(instruction: kinds.Copy, scope: Scope, stages: Stages, own: Stage) -> CopyAction:
    """A COPY.

    Raises:
        DockerfileError: a flag that is not executed, a mode that is none, or a source stage that is not before this one.
    """
    if instruction.parents or instruction.exclude:
        flag = "--parents" if instruction.parents else "--exclude"
        raise fault(f"COPY {flag} is not executed yet", instruction.location)
    stage, image = _source(instruction, stages, own)
    destination = instruction.destination
    names = len(instruction.sources) + len(instruction.inline)
    is_directory = destination.endswith("/") or posixpath.basename(destination) in {".", ".."} or destination == ""
    if names > 1 and not is_directory:
        raise fault(
            "COPY with more than one source: the destination must be a directory and end with a /", instruction.location
        )
    return CopyAction(
        sources=instruction.sources,
        inline=tuple((document.path, _bytes(document.data)) for document in instruction.inline),
        stage=stage,
        image=image,
        destination=scope.absolute(destination),
        is_directory=is_directory,
        chown=instruction.chown,
        mode=_mode(instruction),
    )


def _source(instruction: kinds.Copy, stages: Stages, own: Stage) -> tuple[int | None, str]:
    name = instruction.from_
    if not name:
        return None, ""
    if instruction.inline:
        raise fault("COPY --from cannot be used with a here-document", instruction.location)
    found = stages.source(name)
    if found is None:
        return None, name
    if found.index == own.index:
        raise fault(f"COPY --from={name}: a stage cannot copy from itself", instruction.location)
    return found.index, ""


def _mode(instruction: kinds.Copy) -> int | None:
    text = instruction.chmod
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and set(text) <= set("01234567") and int(text, 8) <= _HIGHEST_MODE):
        error = fault(f"invalid chmod parameter: {text[:40]}", instruction.location)
        error.hint = "an octal number as 755"
        raise error
    return int(text, 8)


def workdir_action(scope: Scope) -> WorkdirAction:
    """A WORKDIR, whose path the scope has already."""
    return WorkdirAction(path=scope.workdir)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
