"""What makes a step the same step: keys from content, and words for a key that was not found. Pure but for the look-up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dockmagic.builder.actions import RunAction, WorkdirAction
from dockmagic.builder.remotes import Url
from dockmagic.builder.transfers import CopyAction
from dockmagic.oci import digest as digests
from dockmagic.store.cache import Cache, CacheRow

# Counts up when a step comes to give another layer for the same key.
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Everything that a step's layer depends on.

    Attributes:
        components: by name, JSON.
        lineage: the instruction and its stage: steps of one lineage explain each other's misses.
        position: where the step stands, whatever it says.
        first: nothing stands between it and the base image.
        sources: what a COPY names, for words.
    """

    components: Mapping[str, Any]
    lineage: str
    position: str
    first: bool
    sources: str = ""

    @property
    def digest(self) -> str:
        """The key itself."""
        return digests.of(_packed(self.components))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a step stands.

    Attributes:
        build: what tells one Dockerfile from another: the names that its image gets.
        base: what its stage starts from.
        stage: the stage's title.
        number: of the instruction in its stage.
        code: the instruction.
        first: nothing stands between it and the stage's base image.
    """

    build: tuple[str, ...]
    base: str
    stage: str
    number: int
    code: str
    first: bool


def run_key(
    action: RunAction, mounts: Sequence[Sequence[str]], below: tuple[str, ...], place: Place, *, epoch: int
) -> Key:
    """The key of a RUN; proxies and the values of secrets are no part of it.

    Args:
        action: what is executed.
        mounts: what each mount is, in words that change with the content of a bind.
        below: DiffIDs of the layers below it.
        place: where it stands.
        epoch: seconds since 1970.
    """
    components = {
        "argv": list(action.argv),
        "env": dict(action.env),
        "arguments": dict(action.arguments),
        "user": action.user,
        "cwd": action.cwd,
        "network": "none"
        if action.network == "none"
        else "host",  # whether there is one: by which way is the host's affair
        "hostname": action.hostname,
        "files": {name: digests.of(content) for name, content in action.files},
        "mounts": [list(mount) for mount in mounts],
        "hosts": [list(host) for host in action.hosts],
    }
    return _key("run", components, below, place, epoch=epoch)


def copy_key(action: CopyAction, content: str, owner: str, below: tuple[str, ...], place: Place, *, epoch: int) -> Key:
    """The key of a COPY or an ADD: of what is copied only the content, the modes and the owners count.

    Args:
        action: what is copied.
        content: a digest of it.
        owner: what ``--chown`` says; its numbers where the layers below do not count.
        below: DiffIDs of the layers below it, which do not count with ``--link``.
        place: where it stands.
        epoch: seconds since 1970.
    """
    components = {
        "content": content,
        "destination": action.destination,
        "is_directory": action.is_directory,
        "chown": owner,
        "chmod": action.chmod,
        "link": action.link,
    }
    remote = (each.url if isinstance(each, Url) else each.written for each in action.remote)
    sources = " ".join([*action.sources, *remote, *(name for name, _ in action.inline)])
    return _key("copy", components, () if action.link else below, place, epoch=epoch, sources=sources)


def workdir_key(action: WorkdirAction, below: tuple[str, ...], place: Place, *, epoch: int) -> Key:
    """The key of a WORKDIR that has to make its directory."""
    return _key("workdir", {"path": action.path, "user": action.user}, below, place, epoch=epoch)


def _key(
    kind: str, components: Mapping[str, Any], below: tuple[str, ...], place: Place, *, epoch: int, sources: str = ""
) -> Key:
    position = [*place.build, "", place.base, place.stage, place.number]
    return Key(
        components={"format": _FORMAT, "kind": kind, "below": digests.of(_packed(below)), "epoch": epoch, **components},
        lineage=_packed([place.base, place.stage, place.code]).decode("ascii"),
        position=_packed(position).decode("ascii"),
        first=place.first,
        sources=sources,
    )


def _packed(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def miss(key: Key, cache: Cache) -> str:
    """Why nothing was found, by the step that is nearest to it."""
    similar = cache.similar(key.lineage)
    if similar is not None:
        return difference(key, similar)
    if cache.latest_for(key.position) is not None:
        return "the instruction changed"
    return "not built before"


def difference(key: Key, row: CacheRow) -> str:
    """The first thing, in the order of their weight, that differs from a step that was built."""
    before, now = row.components, key.components
    if before.get("content") != now.get("content"):
        return f"content changed: {key.sources}"
    if before.get("below") != now.get("below"):
        return "the base image changed" if key.first else "a step above changed"
    for name, words in (("arguments", "build argument"), ("env", "ENV")):
        changed = _changed(before.get(name, {}), now.get(name, {}))
        if changed:
            return f"{words} changed: {', '.join(changed)}"
    for name, words in _WORDS.items():
        if before.get(name) != now.get(name):
            return f"{words} changed"
    return "the cached layer is gone"


_WORDS = {
    "argv": "SHELL",
    "user": "USER",
    "cwd": "WORKDIR",
    "files": "the here-document",
    "network": "--network",
    "mounts": "--mount",
    "hosts": "--add-host",
    "destination": "the destination",
    "chown": "--chown",
    "chmod": "--chmod",
    "hostname": "BUILDKIT_SANDBOX_HOSTNAME",
    "link": "--link",
    "epoch": "SOURCE_DATE_EPOCH",
    "format": "dockmagic",
}


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
