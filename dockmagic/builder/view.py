"""A tree as a build sees it: without what an ignore file excludes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from dockmagic.builder.ignorefile import Ignore, Verdict
from dockmagic.builder.tree import Parts, Tree, reading
from dockmagic.errors import UsageError


@dataclass(frozen=True, slots=True)
class Found:
    """Something below a directory: where it stands, its path from that directory, and what it is."""

    path: Parts
    landing: str
    status: os.stat_result


@dataclass(frozen=True, slots=True)
class _Visit:
    """A directory to read: where it stands, where it lands, and what the patterns say of it."""

    path: Parts
    landing: str
    ignored: Verdict | None
    skipped: Verdict | None


@dataclass(frozen=True, slots=True)
class View:
    """A tree and what it hides.

    Attributes:
        tree: everything.
        ignore: what is not there for a build.
        name: of the file that says so, for errors.
    """

    tree: Tree
    ignore: Ignore
    name: str

    def verdict(self, path: Parts) -> Verdict | None:
        """What the patterns say of ``path``; nothing of the root."""
        verdict = None
        for count in range(1, len(path) + 1):
            verdict = self.ignore.verdict("/".join(path[:count]), verdict)
        return verdict

    def excludes(self, path: Parts) -> bool:
        """Whether ``path`` itself is excluded; a directory may still show something below it."""
        verdict = self.verdict(path)
        return verdict is not None and verdict.excluded

    def shows(self, path: Parts, *, is_dir: bool) -> bool:
        """Whether ``path`` is there: it is not excluded, or something below it is brought back."""
        return not self.excludes(path) or (is_dir and next(self.below(path, Ignore(())), None) is not None)

    def entries(self, path: Parts, *, excluded: bool) -> list[tuple[str, os.stat_result]]:
        """Everything in a directory, sorted bytewise.

        An excluded directory is only looked into for what might be brought back: nothing is in one that may not be read.

        Raises:
            UsageError: it cannot be read.
        """
        try:
            with reading("/".join(path) or "."):
                return self.tree.entries(path)
        except UsageError as error:
            if excluded and isinstance(error.__cause__, PermissionError):
                return []
            raise

    def below(self, path: Parts, skip: Ignore) -> Iterator[Found]:
        """What is in a directory, in no order; an excluded directory only where something below it is brought back.

        Args:
            path: the directory.
            skip: further patterns, matched against paths from that directory.

        Raises:
            UsageError: something cannot be read.
        """
        held: dict[str, Found] = {}
        pending = [_Visit(path, "", self.verdict(path), None)]
        while pending:
            visit = pending.pop()
            for name, status in self.entries(visit.path, excluded=visit.ignored is not None and visit.ignored.excluded):
                found = Found((*visit.path, name), f"{visit.landing}/{name}" if visit.landing else name, status)
                ignored = self.ignore.verdict("/".join(found.path), visit.ignored)
                skipped = skip.verdict(found.landing, visit.skipped)
                if not (ignored.excluded or skipped.excluded):
                    yield from _released(held, found.landing)
                    yield found
                elif self._may_show(found, skip, ignored, skipped):
                    held[found.landing] = found
                else:
                    continue
                if stat.S_ISDIR(status.st_mode):
                    pending.append(_Visit(found.path, found.landing, ignored, skipped))

    def _may_show(self, found: Found, skip: Ignore, ignored: Verdict, skipped: Verdict) -> bool:
        """Whether something below an excluded path may be there."""
        return (
            stat.S_ISDIR(found.status.st_mode)
            and (not ignored.excluded or self.ignore.may_bring_back("/".join(found.path)))
            and (not skipped.excluded or skip.may_bring_back(found.landing))
        )


def _released(held: dict[str, Found], landing: str) -> Iterator[Found]:
    """The held directories above ``landing``, which are wanted now."""
    if held:
        names = landing.split("/")
        for count in range(1, len(names)):
            above = held.pop("/".join(names[:count]), None)
            if above is not None:
                yield above
