"""Names of images: the grammar of distribution's references, and Docker's short forms of them.

::

    reference = name [ ":" tag ] [ "@" digest ]
    name      = [ domain "/" ] path-component *( "/" path-component )

A short name means one on Docker Hub: ``bread`` is ``docker.io/library/bread:latest``. A first component with a dot, a colon, an
upper-case letter, or ``localhost``, is a domain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from dockmagic.errors import UsageError

DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"
_LEGACY_DOMAIN = "index.docker.io"
_OFFICIAL = "library/"
_NAME_LIMIT = 255
_HINT = "a name is e.g. bread:1, localhost/base or registry.example/team/bread:1"

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[(?:[a-fA-F0-9:]+)\])"
DOMAIN = re.compile(rf"{_HOST}(?::[0-9]+)?")
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_NAME = rf"(?:{DOMAIN.pattern}/)?{_PATH}"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_TAG_ALONE, _DIGEST_ALONE = re.compile(_TAG), re.compile(_DIGEST)
_REFERENCE = re.compile(rf"({_NAME})(?::({_TAG}))?(?:@({_DIGEST}))?")
_ANCHORED = re.compile(rf"(?:({DOMAIN.pattern})/)?({_PATH})")
# the one algorithm that registries use and that the store has
_LENGTHS = {"sha256": 64}
_ID = re.compile(r"[a-f0-9]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A parsed name.

    Attributes:
        domain: the registry, "" where a strict reference names none.
        path: the repository there.
        tag: "" for none.
        digest: ``"sha256:…"``, "" for none.
    """

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    def __post_init__(self) -> None:
        """Refuse a tag or digest that no name can have."""
        if self.tag and not _TAG_ALONE.fullmatch(self.tag):
            raise UsageError(f'invalid tag "{self.tag[:80]}"', hint=_HINT)
        if self.digest and not _DIGEST_ALONE.fullmatch(self.digest):
            raise UsageError(f'invalid digest "{self.digest[:80]}"', hint=_HINT)

    @property
    def name(self) -> str:
        """Domain and path."""
        return f"{self.domain}/{self.path}" if self.domain else self.path

    @property
    def full(self) -> str:
        """Everything; a name without tag and digest gets ``:latest``."""
        tag = self.tag or ("" if self.digest else DEFAULT_TAG)
        return str(Reference(domain=self.domain, path=self.path, tag=tag, digest=self.digest))

    @property
    def familiar_name(self) -> str:
        """The name as docker shows it: without ``docker.io/`` and ``library/``."""
        if self.domain != DEFAULT_DOMAIN:
            return self.name
        short = self.path.removeprefix(_OFFICIAL)
        # a short name that would be read as a domain keeps its long form
        return self.path if "/" in short else short

    @property
    def familiar(self) -> str:
        """:attr:`full` as docker shows it."""
        return self.familiar_name + self.full.removeprefix(self.name)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


def is_tag(text: str) -> bool:
    """Whether it has a tag's form."""
    return _TAG_ALONE.fullmatch(text) is not None


def parse(text: str) -> Reference:
    """A reference as the grammar has it, without defaults.

    Raises:
        UsageError: it is none.
    """
    found = _REFERENCE.fullmatch(text)
    if found is None:
        if text and _REFERENCE.fullmatch(text.lower()):
            raise UsageError(f'invalid reference "{text[:80]}": a repository name is in lower case', hint=_HINT)
        raise UsageError(f'invalid reference "{text[:80]}"', hint=_HINT)
    name, tag, digest = found.groups(default="")
    parts = _ANCHORED.fullmatch(name)
    domain, path = parts.groups(default="") if parts else ("", name)
    if len(path) > _NAME_LIMIT:
        raise UsageError(f"invalid reference: a repository name of more than {_NAME_LIMIT} characters", hint=_HINT)
    _require_known(digest)
    return Reference(domain=domain, path=path, tag=tag, digest=digest)


def _require_known(digest: str) -> None:
    """Refuse a digest that is of no known algorithm, or not in its length and in lower case."""
    if digest:
        algorithm, _, encoded = digest.partition(":")
        if _LENGTHS.get(algorithm) != len(encoded) or encoded != encoded.lower():
            raise UsageError(f'invalid digest "{digest[:80]}"', hint="sha256: and 64 lower-case hexadecimal digits")


def parse_normalized(text: str) -> Reference:
    """A reference as docker reads it: ``bread`` is ``docker.io/library/bread``.

    Raises:
        UsageError: it is none, or 64 hexadecimal digits, which mean an id.
    """
    if _ID.fullmatch(text):
        raise UsageError(f'invalid reference "{text}": 64 hexadecimal digits are an id', hint=_HINT)
    domain, rest = split_domain(text)
    remote = rest.split(":", 1)[0].split("@", 1)[0]
    if remote != remote.lower():
        raise UsageError(f'invalid reference "{text[:80]}": a repository name is in lower case', hint=_HINT)
    return parse(f"{domain}/{rest}")


def parse_given(text: str) -> Reference:
    """A name that somebody gives an image, as docker reads it; one with a digest is a registry's to give.

    Raises:
        UsageError: it is none, or has a digest.
    """
    found = parse_normalized(text)
    if found.digest:
        raise UsageError(
            "a name with a digest is not given to an image: its content alone decides which one it is",
            hint=f"leave the digest out, e.g. {replace(found, digest='', tag=found.tag or DEFAULT_TAG).familiar}",
        )
    return found


def split_domain(text: str) -> tuple[str, str]:
    """(domain, the rest), with Docker Hub's defaults filled in."""
    first, slash, rest = text.partition("/")
    is_domain = bool(slash) and ("." in first or ":" in first or first == "localhost" or first.lower() != first)
    domain, rest = (first, rest) if is_domain else (DEFAULT_DOMAIN, text)
    if domain == _LEGACY_DOMAIN:
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in rest:
        rest = _OFFICIAL + rest
    return domain, rest
