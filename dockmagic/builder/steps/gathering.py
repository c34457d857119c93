"""Where the files of a COPY or an ADD come from: found and digested, fetched only when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dockmagic.builder.archives import Archive
from dockmagic.builder.context import Context, Selection
from dockmagic.builder.inline import inline
from dockmagic.builder.named import Directory
from dockmagic.builder.remotes import Git, Url
from dockmagic.builder.request import BuildRequest
from dockmagic.builder.steps import git, http, secret
from dockmagic.builder.steps.copy import Source
from dockmagic.builder.steps.picking import pick
from dockmagic.builder.steps.site import Site
from dockmagic.builder.transfers import CopyAction
from dockmagic.oci import digest as digests


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The files of a step.

    Attributes:
        digest: of everything that counts for the layer.
        sources: gives the files, in the order in which they land.
        unmatched: a line for each source that names nothing.
    """

    digest: str
    sources: Callable[[], Sequence[Source]]
    unmatched: tuple[str, ...] = ()


@contextmanager
def gathered(
    site: Site, action: CopyAction, request: BuildRequest, below: tuple[str, ...] | None
) -> Iterator[Gathered]:
    """Find the files; they can be read while the block runs.

    Args:
        site: where the step works.
        action: what is wanted.
        request: has the context.
        below: the layers that it copies from, None for the context.

    Raises:
        NotFoundError: a source is not there, here or on the server.
        UsageError: a source cannot be read or fetched, or is not what its checksum says.
    """
    with ExitStack() as stack:
        found = _Gathering(site=site, action=action, request=request, stack=stack)
        pinned = _pinned(action)
        if pinned:
            yield Gathered(digest=pinned, sources=found.remote)
            return
        parts = [*found.local(below), *found.remote(), *found.inline()]
        digest = parts[0].digest if len(parts) == 1 else digests.of(" ".join(part.digest for part in parts).encode())
        unmatched = (line for part in parts if not isinstance(part, Archive) for line in part.unmatched)
        notes = tuple(f"{action.keyword}: {line}" for line in unmatched)
        yield Gathered(digest=digest, sources=lambda: parts, unmatched=notes)


def files_of(directory: Directory | None, request: BuildRequest) -> Context:
    """A named context of files, or for None the build context.

    Raises:
        UsageError: it cannot be read.
    """
    if directory is None:
        return Context(request.context, dockerfile=request.dockerfile)
    return Context(directory.path, ignores=directory.ignores)


def _pinned(action: CopyAction) -> str:
    """What stands for a file that is known before it is fetched: its checksum is a digest, which what is fetched must have."""
    remote = action.remote[0] if action.checksum and action.remote else None
    if not isinstance(remote, Url):
        return ""
    return f"{action.checksum} {'unpacked' if action.unpack else remote.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gathering:
    """The sources of one action, kind by kind."""

    site: Site
    action: CopyAction
    request: BuildRequest
    stack: ExitStack

    def local(self, below: tuple[str, ...] | None) -> Iterator[Source]:
        """Paths of a stage, of an image or of the context."""
        if not self.action.sources:
            return
        if below is not None:
            yield pick(self.site, below, self.action)
            return
        context = self.stack.enter_context(files_of(self.action.directory, self.request))
        if self.action.parents:
            yield context.select_with_parents(self.action.sources, exclude=self.action.exclude)
            return
        archives: list[Archive] = []
        unpacked = None if self.action.unpack is False else archives
        selection = context.select(self.action.sources, exclude=self.action.exclude, archives=unpacked)
        if selection.items or not archives:
            yield selection
        yield from archives

    def remote(self) -> list[Source]:
        """What is fetched now."""
        sources: list[Source] = []
        for remote in self.action.remote:
            directory = self.stack.enter_context(self.site.store.workspace())
            if isinstance(remote, Git):
                sources.append(self._tree(remote, directory))
            else:
                told = secret.of_url(remote.url, self.request.secrets)
                unpack = bool(self.action.unpack)
                sources.append(http.fetch(remote, directory, self.action.checksum, unpack=unpack, authorization=told))
        return sources

    def _tree(self, remote: Git, directory: Path) -> Selection:
        told = secret.of_repository(remote.remote, self.request.secrets)
        agents = self.request.agents
        root = git.fetch(remote, directory, self.action.checksum, agents=agents, authorization=told)
        context = self.stack.enter_context(Context(root, ignores=False))
        hidden = () if remote.keep_git_dir else (".git",)
        return context.select(["/"], exclude=(*self.action.exclude, *hidden))

    def inline(self) -> Iterator[Source]:
        """Here-documents."""
        if self.action.inline:
            yield inline(self.action.inline)
