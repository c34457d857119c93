"""What COPY and ADD do, as values: sources told apart, flags checked, the destination made absolute. Pure.

The rules are those of the Dockerfile reference; where it is silent, of BuildKit's ``convert_copy.go``.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Literal

from dockmagic.builder import remotes
from dockmagic.builder.named import NO_CONTEXTS, Contexts, Directory, directory_of
from dockmagic.builder.remotes import Git, Url
from dockmagic.builder.scope import Scope
from dockmagic.dockerfile import instructions as kinds
from dockmagic.dockerfile.location import fault
from dockmagic.dockerfile.quoting import quote
from dockmagic.dockerfile.stages import Stage, Stages
from dockmagic.errors import UsageError
from dockmagic.layers import permissions
from dockmagic.oci import digest as digests

SLASH_WANTED = "with more than one source: the destination must be a directory and end with a /"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyAction:
    """Files from the context, from the Dockerfile itself, from a stage, an image or, with ADD, from elsewhere.

    Attributes:
        keyword: what it is called in messages.
        sources: paths as written, variables replaced.
        inline: here-documents: (name, content).
        remote: what is fetched, in order; of ADD alone.
        stage: number of the stage that it copies from, or None.
        image: name of the image that it copies from, or "".
        directory: a named context of files that it copies from, or None.
        destination: absolute.
        is_directory: the destination was written with a slash.
        into_directory: there are several sources and no slash: the destination must be a directory of the image.
        chown: as written, variables replaced; "" for root.
        chmod: permissions for everything copied, octal or symbolic; "" for those of the sources.
        exclude: patterns of what is left out.
        parents: the directories above the sources are copied too.
        link: nothing of the destination counts: the layer is made as if on an empty root.
        unpack: archives are extracted; None for those among ``sources`` only.
        checksum: what the fetched file's digest, or the commit, must be; "" for anything.
    """

    keyword: Literal["COPY", "ADD"] = "COPY"
    sources: tuple[str, ...]
    inline: tuple[tuple[str, bytes], ...]
    remote: tuple[Url | Git, ...] = ()
    stage: int | None
    image: str
    directory: Directory | None = None
    destination: str
    is_directory: bool
    into_directory: bool = False
    chown: str
    chmod: str
    exclude: tuple[str, ...] = ()
    parents: bool = False
    link: bool = False
    unpack: bool | None = False
    checksum: str = ""


def copy_action(
    instruction: kinds.Copy, scope: Scope, stages: Stages, own: Stage, contexts: Contexts = NO_CONTEXTS
) -> CopyAction:
    """A COPY.

    Args:
        instruction: with variables and names of contexts replaced.
        scope: the stage before it.
        stages: all of them.
        own: the stage that it stands in.
        contexts: what names mean.

    Raises:
        DockerfileError: a mode that is none, a remote source, or a source stage that is not before this one.
    """
    for source in instruction.sources:
        try:
            remote = remotes.read(source)
        except UsageError:
            remote = None
        if remote is not None:
            what = "a git ref" if isinstance(remote, Git) else "a URL"
            raise fault(f"source can't be {what} for COPY", instruction.location)
    directory = directory_of(instruction.from_, contexts)
    stage, image = (None, "") if directory else _source(instruction, stages, own)
    return CopyAction(
        sources=instruction.sources,
        inline=_inline(instruction),
        stage=stage,
        image=image,
        directory=directory,
        destination=scope.absolute(instruction.destination),
        is_directory=_is_directory(instruction),
        into_directory=not instruction.parents and _into_directory(instruction),
        chown=instruction.chown,
        chmod=_chmod(instruction),
        exclude=instruction.exclude,
        parents=instruction.parents,
        link=instruction.link,
    )


def add_action(instruction: kinds.Add, scope: Scope) -> CopyAction:
    """An ADD.

    Raises:
        DockerfileError: a mode that is none, a reference that cannot be read, or a checksum of what has none.
    """
    local: list[str] = []
    fetched: list[Url | Git] = []
    for source in instruction.sources:
        try:
            remote = remotes.read(source, keep_git_dir=instruction.keep_git_dir)
        except UsageError as error:
            raise fault(error.message, instruction.location) from None
        if remote is None:
            local.append(source)
        else:
            fetched.append(remote)
    return CopyAction(
        keyword="ADD",
        sources=tuple(local),
        inline=_inline(instruction),
        remote=tuple(fetched),
        stage=None,
        image="",
        destination=scope.absolute(instruction.destination),
        is_directory=_is_directory(instruction),
        into_directory=_into_directory(instruction),
        chown=instruction.chown,
        chmod=_chmod(instruction),
        exclude=instruction.exclude,
        link=instruction.link,
        unpack=instruction.unpack,
        checksum=_checksum(instruction, fetched),
    )


def _inline(instruction: kinds.Copy | kinds.Add) -> tuple[tuple[str, bytes], ...]:
    return tuple((each.path, each.data.encode("utf-8", "surrogateescape")) for each in instruction.inline)


def _is_directory(instruction: kinds.Copy | kinds.Add) -> bool:
    destination = instruction.destination
    return destination.endswith("/") or posixpath.basename(destination) in {"", ".", ".."}


def _into_directory(instruction: kinds.Copy | kinds.Add) -> bool:
    """Several sources, and no slash. The reference wants one; BuildKit also takes a directory that the image has.

    Where there is none BuildKit writes the sources over each other (moby/buildkit#1853).
    """
    several = len(instruction.sources) + len(instruction.inline) > 1
    if not several or _is_directory(instruction):
        return False
    if instruction.link:
        raise fault(f"{instruction.keyword} {SLASH_WANTED}", instruction.location)
    return True


def _source(instruction: kinds.Copy, stages: Stages, own: Stage) -> tuple[int | None, str]:
    name = instruction.from_
    if not name:
        return None, ""
    found = stages.source(name)
    if found is None:
        return None, name
    if found.index == own.index:
        raise fault(f"COPY --from={name}: a stage cannot copy from itself", instruction.location)
    if found.index > own.index:
        raise fault(
            f'cannot copy from stage "{name}", it needs to be defined before current stage "{own.title}"',
            instruction.location,
        )
    return found.index, ""


def check_source(instruction: kinds.Copy) -> None:
    """Refuse variables in ``--from``.

    Args:
        instruction: as written, before variables were replaced.

    Raises:
        DockerfileError: there is one.
    """
    if "$" in instruction.from_:
        raise fault(
            "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a"
            " workaround",
            instruction.location,
        )


def _chmod(instruction: kinds.Copy | kinds.Add) -> str:
    text = instruction.chmod
    if text and not permissions.is_valid(text):
        error = fault(
            f"invalid chmod parameter: '{text[:40]}'. it should be octal string and between 0 and 07777",
            instruction.location,
        )
        error.hint = "an octal number as 755, or symbols as u=rwX,go-w"
        raise error
    return text


def _checksum(instruction: kinds.Add, fetched: list[Url | Git]) -> str:
    text = instruction.checksum
    if not text:
        return ""
    if len(instruction.sources) != 1 or instruction.inline:
        raise fault("checksum can't be specified for multiple sources", instruction.location)
    if not fetched:
        raise fault("checksum requires HTTP(S) or Git sources", instruction.location)
    remote = fetched[0]
    if isinstance(remote, Url) and not digests.is_digest(text):
        raise fault(f"invalid checksum: {text[:80]}", instruction.location)
    if isinstance(remote, Git) and remote.checksum and remote.checksum != text:
        raise fault(f"checksum mismatch {quote(text[:80])} != {quote(remote.checksum[:80])}", instruction.location)
    return text
