"""What ``COPY --from`` names in the layers of a stage or an image."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dockmagic.builder import globs, parents
from dockmagic.builder.ignorefile import Ignore
from dockmagic.builder.steps.site import Site
from dockmagic.builder.transfers import CopyAction
from dockmagic.errors import NotFoundError
from dockmagic.oci import digest as digests

_HINT = "a path is taken from the root of that stage or image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A path.

    Attributes:
        path: absolute.
        only: what alone is meant below it, None for everything.
    """

    path: str
    only: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """Paths in the layers of a stage or an image.

    Attributes:
        below: DiffIDs of these layers, base first.
        picks: in order.
        single_file: there is one, and it is no directory.
        several: there are more, of which the first is no directory: they need one to land in.
        some_directory: one of these is a directory.
        unmatched: a line for each source with wildcards that names nothing.
        digest: of their content, modes and owners.
        special: owners of links and pipes by path, where the disk cannot tell them.
    """

    below: tuple[str, ...]
    picks: tuple[Pick, ...]
    special: Mapping[str, tuple[int, int]]
    single_file: bool
    several: bool
    some_directory: bool
    unmatched: tuple[str, ...]
    digest: str

    @property
    def last(self) -> Picked | None:
        """What stays of several without a directory to land in; None where one is a directory itself."""
        if not self.several or self.some_directory:
            return None
        return replace(self, picks=self.picks[-1:], single_file=True, several=False)

    @property
    def lands(self) -> bool:
        """Something was named: the destination is made."""
        return bool(self.picks)


def pick(site: Site, below: tuple[str, ...], action: CopyAction) -> Picked:
    """Find what COPY --from names.

    Raises:
        NotFoundError: a source is not there.
        UsageError: a pattern is malformed.
    """
    search = _Search(site, list(site.lowers(below)), action.exclude, _special(site, below))
    find = search.with_parents if action.parents else search.plain
    found = {source: tuple(find(source)) for source in action.sources}
    picks = tuple(pick for source in action.sources for pick in found[source])
    starts_with_file = bool(below and picks) and picks[0].only is None and search.kind(picks[0].path) != "d"
    return Picked(
        below=below,
        picks=picks,
        special=search.special,
        single_file=starts_with_file and len(picks) == len(action.sources) == 1,
        several=starts_with_file and len(picks) > 1,
        some_directory=starts_with_file and any(search.kind(pick.path) == "d" for pick in picks),
        unmatched=tuple(f'nothing matches "{source}"' for source in action.sources if not found[source]),
        digest=digests.of(" ".join(search.digest(pick) for pick in picks).encode("ascii")),
    )


def _special(site: Site, below: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """Owners of links and pipes where only one id is mapped: such files have no attribute for it, but the layers' truth has it."""
    found: dict[str, tuple[int, int]] = {}
    for diff_id in below if site.runtime().isolation.ids == "single" else ():
        for entry in site.store.layers.entries(diff_id):
            found.pop(entry.path, None)
            if entry.type in {"symlink", "fifo"} and (entry.uid, entry.gid) != (0, 0):
                found[entry.path] = (entry.uid, entry.gid)
    return found


@dataclass(frozen=True, slots=True)
class _Search:
    """A look into layers, top first."""

    site: Site
    lowers: list[str]
    exclude: Sequence[str]
    special: Mapping[str, tuple[int, int]]

    def plain(self, source: str) -> Iterator[Pick]:
        ignore = Ignore(self.exclude)
        for path in self.matching(source):
            if not ignore.patterns:
                yield Pick(path=path)
            elif self.kind(path) == "d":
                yield Pick(path=path, only=parents.chosen(self._entries(path, ""), ignore))
            elif not ignore.excludes(posixpath.basename(path)):
                yield Pick(path=path)

    def with_parents(self, source: str) -> Iterator[Pick]:
        root, pattern = parents.divided(source)
        if not globs.has_meta(root) and not globs.has_meta(pattern):
            self.matching(posixpath.join(root, pattern))
        ignore = parents.selector(pattern, self.exclude)
        for path in self.matching(root):
            yield Pick(path=path, only=parents.chosen(self._entries(path, parents.literal(pattern)), ignore))

    def _entries(self, root: str, start: str) -> Iterator[tuple[str, bool]]:
        """Everything below ``root``, or of that only what is below ``start`` and the directories above it."""
        parts = start.split("/") if start else []
        for count in range(1, len(parts) + 1):
            yield "/".join(parts[:count]), True
        if self.kind(posixpath.join(root, start)) == "d":
            for path, is_dir in self._call("walk", path=posixpath.join(root, start))["entries"]:
                yield posixpath.join(start, path), bool(is_dir)

    def digest(self, pick: Pick) -> str:
        if not self.lowers:
            return digests.of(b"")  # the root of an empty stage
        return str(self._call("digest", path=pick.path, only=pick.only, special=self.special)["digest"])

    def kind(self, path: str, *, follow: bool = True) -> str:
        found = self._call("stat", path=path, follow=follow) if self.lowers else None
        return "" if found is None else str(found["kind"])

    def matching(self, source: str) -> list[str]:
        """The paths that a source means, bytewise in order; a wildcard is matched name by name, and may match nothing.

        Raises:
            NotFoundError: a source without wildcards is not there.
        """
        # As Go's path.Join("/", source): nothing leads out of the root.
        wanted = posixpath.normpath(posixpath.join("/", source)).lstrip("/")
        found = ["/"]
        parts = wanted.split("/") if wanted not in {"", "."} else []
        for count, part in enumerate(parts, 1):
            found = [path for directory in found for path in self._children(directory, part)]
            if count < len(parts) and globs.has_meta("/".join(parts[:count])):
                # from the first wildcard on no link is followed but the last
                found = [path for path in found if self.kind(path, follow=False) == "d"]
        if not found and not globs.has_meta(source):
            raise NotFoundError(f'COPY --from: "{source}" is not there', hint=_HINT)
        return found

    def _children(self, directory: str, part: str) -> list[str]:
        if not globs.has_meta(part):
            path = posixpath.join(directory, part)
            return [path] if self.kind(path) else []
        glob = globs.Glob(part)
        try:
            names = self._call("list", path=directory)["names"] if self.lowers else []
        except NotFoundError:
            return []
        return [posixpath.join(directory, name) for name in names if glob.matches(name)]

    def _call(self, job: str, **arguments: Any) -> Any:
        return self.site.call(job, {"lowers": self.lowers, **arguments})
