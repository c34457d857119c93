"""ADD of a git reference: one commit's tree, fetched by the installed git with nothing of the user's configuration.

git-fetch(1), git(1) ``GIT_ALLOW_PROTOCOL``: only http, https and git are spoken, by submodules too, so that no path of this machine
and no helper program is ever reached. ssh is spoken where the build was given an agent (``--ssh``): with that agent's keys alone, and with hosts
that the user knows.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from dockmagic.builder.remotes import Git, is_commit
from dockmagic.errors import NotFoundError, UsageError

_TIMEOUT = 1800.0
_PROTOCOLS = "https:http:git"
_SSH = ("ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "IdentityFile=none")
_UNKNOWN_HOST = "Host key verification failed"
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "credential.helper=",
    "init.defaultBranch=main",
    "advice.detachedHead=false",
    "protocol.file.allow=never",
    "transfer.bundleURI=false",
    "gc.auto=0",
)


def fetch(
    remote: Git,
    directory: Path,
    checksum: str,
    *,
    agents: Mapping[str, Path] | None = None,
    authorization: str = "",
) -> Path:
    """Fetch and check out what ``remote`` means.

    Args:
        remote: the reference.
        directory: an empty directory.
        checksum: beginning of the commit that it must be, "" for that of ``remote``.
        authorization: what the repository's host is told of who asks, "" for nothing.
        agents: sockets of ssh agents, by id: "default", or the only one, signs in for what is behind ssh.

    Returns:
        The directory of the tree that is wanted, below ``directory``.

    Raises:
        NotFoundError: no git is installed, or the repository has no such reference or directory.
        UsageError: it cannot be fetched, or is another commit.
    """
    work, commit = _fetched(remote, directory, checksum, agents or {}, authorization)
    work.git("checkout", "--quiet", "--force", "--detach", commit)
    if remote.submodules and (work.tree / ".gitmodules").exists():
        work.git("submodule", "--quiet", "update", "--init", "--recursive", "--depth=1")
    root = work.tree / remote.subdir
    if remote.subdir and not (root.is_dir() and root.resolve().is_relative_to(work.tree.resolve())):
        raise NotFoundError(f'ADD: the repository has no directory "{remote.subdir}"')
    return root


def committed(
    remote: Git,
    directory: Path,
    checksum: str,
    *,
    agents: Mapping[str, Path] | None = None,
    authorization: str = "",
) -> int:
    """The second in which the commit was made that ``remote`` means; arguments and errors as of :func:`fetch`."""
    work, commit = _fetched(remote, directory, checksum, agents or {}, authorization)
    return int(work.git("show", "--no-patch", "--format=%ct", commit))


def _fetched(
    remote: Git, directory: Path, checksum: str, agents: Mapping[str, Path], authorization: str
) -> tuple[_Work, str]:
    """A repository that has the commit, and the commit."""
    agent = agents.get("default") or (next(iter(agents.values())) if len(agents) == 1 else None)
    if remote.over_ssh and agent is None:
        raise UsageError(
            "ADD: a git reference over ssh needs an agent", hint="--ssh default gives yours; or use its https:// form"
        )
    work = _Work(directory, agent, {} if not authorization else _told(remote.remote, authorization))
    work.git("init", "--quiet", "--template=")
    commit = work.fetched(remote)
    _check(commit, checksum, remote.checksum)
    return work, commit


def _told(remote: str, authorization: str) -> dict[str, str]:
    """What makes git send a header to one host; in its environment, for everybody sees its arguments."""
    parts = urlsplit(remote)
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/"
    settings = {f"http.{place}.extraHeader": f"Authorization: {authorization}", "http.followRedirects": "false"}
    found = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found


def _check(commit: str, *checksums: str) -> None:
    wanted = {text for text in checksums if text}
    if len(wanted) > 1:
        raise UsageError("ADD: the checksum of the reference is not that of --checksum")
    for text in wanted:
        if not commit.startswith(text):
            raise UsageError("ADD: the commit is not its --checksum", detail=f"expected {text}, got {commit}")


class _Work:
    """A repository in the making."""

    def __init__(self, directory: Path, agent: Path | None, more: Mapping[str, str]) -> None:
        self._agent = agent
        self._more = more
        self.tree = directory / "tree"
        self.tree.mkdir()
        self._home = directory / "home"
        self._home.mkdir()

    def fetched(self, remote: Git) -> str:
        """Fetch the reference, of its history as little as the server allows; returns its commit."""
        wanted = remote.ref or "HEAD"
        for depth in (("--depth=1",), ()):
            try:
                self.git("fetch", "--quiet", "--no-tags", "--force", *depth, "--", remote.remote, wanted)
            except UsageError:
                continue
            return self.git("rev-parse", "--verify", "FETCH_HEAD^{commit}")
        return self._among_all(remote, wanted)

    def _among_all(self, remote: Git, wanted: str) -> str:
        """What a server does not give by itself: a commit, or the beginning of one."""
        refs = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        self.git("fetch", "--quiet", "--force", "--", remote.remote, *refs)
        try:
            if is_commit(wanted):
                return self.git("rev-parse", "--verify", f"{wanted}^{{commit}}")
        except UsageError:
            pass
        raise NotFoundError(f'ADD: the repository has no branch, tag or commit "{wanted}"')

    def git(self, *arguments: str) -> str:
        """Run git in the tree; what it prints.

        Raises:
            NotFoundError: it is not installed.
            UsageError: it fails.
        """
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        environment = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        environment |= {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._home),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "GIT_ALLOW_PROTOCOL": _PROTOCOLS,
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_CEILING_DIRECTORIES": str(self.tree.parent),
            **self._more,
        }
        if self._agent is not None:
            known = f"UserKnownHostsFile={Path('~/.ssh/known_hosts').expanduser()}"
            environment |= {
                "GIT_ALLOW_PROTOCOL": f"{_PROTOCOLS}:ssh",
                "GIT_SSH_COMMAND": shlex.join([*_SSH, "-o", known]),
                "GIT_SSH_VARIANT": "ssh",
                "SSH_AUTH_SOCK": str(self._agent),
            }
        try:
            done = subprocess.run(
                ["git", *settings, *arguments],  # noqa: S607 - the user's own
                cwd=self.tree,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                umask=0o022,
                check=False,
                timeout=_TIMEOUT,
            )
        except FileNotFoundError as error:
            raise NotFoundError("ADD of a git reference needs git", hint="install the package git") from error
        except subprocess.TimeoutExpired as error:
            raise UsageError("ADD: git did not end in half an hour") from error
        if done.returncode:
            told = done.stderr.decode("utf-8", "replace").strip()
            hint = "ssh-keyscan HOST >> ~/.ssh/known_hosts, once its key was compared" if _UNKNOWN_HOST in told else ""
            raise UsageError("ADD: the repository cannot be fetched", hint=hint, detail=told[-2000:])
        return done.stdout.decode("utf-8", "replace").strip()
