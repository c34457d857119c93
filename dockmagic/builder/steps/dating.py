"""The date of what SOURCE_DATE_EPOCH names: a commit's, or that of a file behind a URL."""

from __future__ import annotations

from dockmagic.builder.epoch import VARIABLE, Dated
from dockmagic.builder.remotes import Git
from dockmagic.builder.request import BuildRequest
from dockmagic.builder.steps import git, http, secret
from dockmagic.errors import ArchiveError, NotFoundError, UsageError
from dockmagic.store import Store


def date_of(store: Store, dated: Dated, request: BuildRequest) -> int | None:
    """Seconds since 1970, None where nothing tells them.

    Args:
        store: has room for what has to be fetched.
        dated: what has the date.
        request: has what signs in.

    Raises:
        NotFoundError: there is no such repository or file.
        UsageError: it cannot be fetched, or is not what its checksum says.
    """
    remote = dated.remote
    with store.workspace() as directory:
        try:
            if isinstance(remote, Git):
                told = secret.of_repository(remote.remote, request.secrets)
                return git.committed(remote, directory, dated.checksum, agents=request.agents, authorization=told)
            told = secret.of_url(remote.url, request.secrets)
            return http.modified(remote, directory, dated.checksum, told)
        except (ArchiveError, NotFoundError, UsageError) as error:
            words = error.message.removeprefix("ADD: ")
            kind = NotFoundError if isinstance(error, NotFoundError) else UsageError
            raise kind(f"{VARIABLE}: {words}", hint=error.hint, detail=error.detail) from None
