"""What ADD fetches: URLs of files, and git references with their fragment or query. Pure.

The forms are those of the Dockerfile reference ("ADD", "Git context"); ``dfgitutil`` of BuildKit decides between them: a URL whose path
ends with ``.git`` is a repository. Names without a scheme, as ``github.com/owner/name``, are paths.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

from dockmagic.dockerfile.instructions.quantities import parse_boolean
from dockmagic.dockerfile.quoting import quote
from dockmagic.errors import UsageError

_NAMELESS = "__unnamed__"
_WEB = ("http", "https")
_GIT = ("git", "ssh")
_SSH = "ssh://"
_SCP = re.compile(r"[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^:].*")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_SWITCHES = {"keep-git-dir", "submodules"}
_SHOWN = 80
_KEYS = {"ref", "tag", "branch", "subdir", "checksum", "commit", "keep-git-dir", "submodules"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """A file behind http or https.

    Attributes:
        url: as written, variables replaced.
        name: what the file is called unless the destination says otherwise.
    """

    url: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """A tree of a repository.

    Attributes:
        written: as written, variables replaced.
        remote: the repository alone.
        ref: a branch, tag, full reference or commit; "" for the default branch.
        subdir: a directory of it, relative, "" for all.
        checksum: beginning of the commit that it must be, "" for any.
        keep_git_dir: ``.git`` is copied too.
        submodules: they are fetched too.
    """

    written: str
    remote: str
    ref: str
    subdir: str
    checksum: str
    keep_git_dir: bool
    submodules: bool

    @property
    def over_ssh(self) -> bool:
        """An agent has to sign in for it."""
        return self.remote.startswith(_SSH) or _is_scp(self.remote)


def read(source: str, *, keep_git_dir: bool | None = None) -> Url | Git | None:
    """What a source of ADD names; None for a path.

    Raises:
        UsageError: a git reference that cannot be, or that nobody fetches.
    """
    parts = _split(source)
    if parts is None:
        return None
    if parts.scheme in _WEB and not parts.path.endswith(".git"):
        return Url(url=source, name=_file_name(parts.path))
    if parts.scheme in _GIT and not parts.path.strip("/"):
        raise UsageError("a git reference without a repository")
    given = _query(parts.query)
    ref, _, subdir = parts.fragment.partition(":")
    kept = _switch(given, "keep-git-dir")
    if kept is not None and keep_git_dir is not None and kept != keep_git_dir:
        raise UsageError("inconsistent keep-git-dir configuration")
    return Git(
        written=source,
        # the short form names a path from the user's home there, the long one from the root
        remote=re.split("[#?]", source)[0] if _is_scp(source) else urlunsplit((*parts[:3], "", "")),
        ref=_ref(given, ref),
        subdir=_subdir(_agreed("subdir", subdir, given.get("subdir", ""))),
        checksum=_checksum(given),
        keep_git_dir=bool(keep_git_dir if kept is None else kept),
        submodules=_switch(given, "submodules") is not False,
    )


def _split(source: str) -> SplitResult | None:
    if _is_scp(source):
        return urlsplit(f"ssh://{source.replace(':', '/', 1)}")
    try:
        parts = urlsplit(source)
    except ValueError:
        return None
    return parts if source.startswith(tuple(f"{scheme}://" for scheme in (*_WEB, *_GIT))) else None


def _is_scp(source: str) -> bool:
    return _SCP.fullmatch(source) is not None and "://" not in source


def _file_name(path: str) -> str:
    name = posixpath.basename(unquote(path).rstrip("/"))
    if name in {".", ".."} or "\0" in name:
        raise UsageError("a URL whose last part is no name of a file")
    return name or _NAMELESS


def _query(text: str) -> dict[str, str]:
    """What a query says, each key once.

    Raises:
        UsageError: a key that is unknown, there twice, or has no value.
    """
    found: dict[str, str] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        shown = quote(key[:_SHOWN])
        if key in found:
            raise UsageError(f"query {shown} has multiple values")
        if not value and key not in _SWITCHES:
            raise UsageError(f"query {shown} has no value")
        if key not in _KEYS:
            raise UsageError(f"unexpected query {shown}")
        found[key] = value
    return found


def _ref(given: dict[str, str], fragment: str) -> str:
    """The reference, which several may name if they agree; a checksum alone is one."""
    if given.keys() >= {"tag", "branch"}:
        raise UsageError("branch conflicts with tag")
    ref = _agreed("ref", fragment, given.get("ref", ""))
    for key, prefix in (("tag", "refs/tags/"), ("branch", "refs/heads/")):
        if key in given:
            ref = _agreed("ref", ref, prefix + given[key].removeprefix(prefix))
    ref = ref or _checksum(given)
    if ref.startswith(("-", "+")) or any(character.isspace() or character in ":\0" for character in ref):
        raise UsageError("a git reference with an impossible branch, tag or commit")
    return ref


def _agreed(what: str, one: str, other: str) -> str:
    if one and other and one != other:
        raise UsageError(f"{what} conflicts: {quote(one[:_SHOWN])} vs {quote(other[:_SHOWN])}")
    return one or other


def _checksum(given: dict[str, str]) -> str:
    return given.get("checksum", given.get("commit", ""))


def _subdir(text: str) -> str:
    path = posixpath.normpath(posixpath.join("/", text)).lstrip("/")
    if "\0" in path:
        raise UsageError("a git reference with an impossible directory")
    return path


def _switch(given: dict[str, str], key: str) -> bool | None:
    if key not in given:
        return None
    value = parse_boolean(given[key] or "true")
    if value is None:
        raise UsageError(f"invalid {key} value: {quote(given[key][:_SHOWN])}")
    return value


def is_commit(ref: str) -> bool:
    """Whether ``ref`` may be a commit rather than a name."""
    return _COMMIT.fullmatch(ref) is not None
