"""Named contexts that are elsewhere: repositories and files behind URLs, fetched before the build."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dockmagic.builder import named
from dockmagic.builder.named import Directory
from dockmagic.builder.remotes import Git, Url
from dockmagic.builder.request import BuildRequest
from dockmagic.builder.steps import git, http, secret
from dockmagic.errors import NotFoundError, UsageError
from dockmagic.store import Store

_FILE = "context"


@contextmanager
def fetched(store: Store, request: BuildRequest, keys: frozenset[str]) -> Iterator[Mapping[str, str | Directory]]:
    """The same contexts with the files of those that are read, while the block runs.

    As with BuildKit, a repository is its tree without ``.git``, and any other URL a directory with the one file ``context``.

    Args:
        store: has room for the files.
        request: has the contexts, and what signs in for them.
        keys: of the contexts that the build reads.

    Raises:
        NotFoundError: there is no such repository or file.
        UsageError: it cannot be fetched.
    """
    given = request.contexts
    remote = named.read(given).fetched
    wanted = sorted(keys & remote.keys())
    if not wanted:
        yield given
        return
    with store.workspace() as directory:
        places: dict[str, Directory] = {}
        for number, key in enumerate(wanted):
            place = directory / str(number)
            place.mkdir()
            try:
                places[key] = Directory(_fetched(remote[key], place, request), ignores=False)
            except (NotFoundError, UsageError) as error:
                words = error.message.removeprefix("ADD: ")
                raise type(error)(f"--build-context {key}: {words}", hint=error.hint, detail=error.detail) from None
        yield {name: places.get(named.key_of(name), value) for name, value in given.items()}


def _fetched(remote: Git | Url, directory: Path, request: BuildRequest) -> Path:
    if isinstance(remote, Git):
        told = secret.of_repository(remote.remote, request.secrets)
        root = git.fetch(remote, directory, "", agents=request.agents, authorization=told)
        if not remote.keep_git_dir:
            shutil.rmtree(root / ".git", ignore_errors=True)
        return root
    file = http.download(remote, directory, secret.of_url(remote.url, request.secrets))
    root = directory / "root"
    root.mkdir()
    file.rename(root / _FILE).chmod(0o600)
    return root
