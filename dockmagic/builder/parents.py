"""``COPY --parents``: where the part of a source begins that is kept, and what it means. Pure."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Sequence

from dockmagic.builder.globs import has_meta
from dockmagic.builder.ignorefile import Ignore, Verdict

_PIVOT = "/./"


def divided(source: str) -> tuple[str, str]:
    """The directory that a source is taken from, and the pattern below it, whose directories are kept.

    They meet at the first ``/./``; without one everything is kept. An empty pattern means all of the directory.
    """
    root, pivot, pattern = source.partition(_PIVOT)
    if not pivot:
        root, pattern = "/", source
    return root or "/", posixpath.normpath(posixpath.join("/", pattern)).lstrip("/")


def selector(pattern: str, exclude: Sequence[str]) -> Ignore:
    """What leaves out everything but ``pattern`` and what is below it, and of that what ``exclude`` says.

    Raises:
        UsageError: a pattern is malformed.
    """
    return Ignore(("**", f"!{pattern}", *exclude) if pattern else tuple(exclude))


def literal(pattern: str) -> str:
    """The directories that a pattern names before its first wildcard and before its last part."""
    parts = pattern.split("/")[:-1]
    for count, part in enumerate(parts):
        if has_meta(part):
            return "/".join(parts[:count])
    return "/".join(parts)


def chosen(entries: Iterable[tuple[str, bool]], ignore: Ignore) -> tuple[str, ...]:
    """The paths that ``ignore`` does not leave out, with the directories above them, bytewise in order.

    Args:
        entries: paths, parents first, and whether they are directories.
        ignore: patterns for these paths.
    """
    verdicts: dict[str, Verdict] = {}
    found: set[str] = set()
    for path, is_dir in entries:
        above = posixpath.dirname(path)
        verdict = ignore.verdict(path, verdicts.get(above))
        if is_dir:
            verdicts[path] = verdict
        if not verdict.excluded:
            found.add(path)
            while above and above not in found:
                found.add(above)
                above = posixpath.dirname(above)
    return tuple(sorted(found, key=os.fsencode))
