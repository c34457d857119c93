"""``diff --text``: what changed in files, line by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dockmagic.engine import commit, files
from dockmagic.errors import NotFoundError

if TYPE_CHECKING:
    from dockmagic.engine.files import Place
    from dockmagic.engine.session import Session
    from dockmagic.listing import Content
    from dockmagic.results import Diff

# Of one file. A comparison by lines takes time that grows with the square of it.
_SIZE, _LINES = 1 << 18, 4000
_NOTHING = "/dev/null"


def diff(session: Session, first: Place, second: Place | None = None) -> str:
    """What :func:`dockmagic.engine.commit.diff` tells, and below each file its changed lines as ``diff -u`` has them, without times.

    Raises:
        NotFoundError: one of them is not there.
    """
    told = commit.diff(session, first, second)
    if second is None:
        before: Place = files.container(session, first).image_id
        return "".join(_lines(session, told, before, first))
    return "".join(_lines(session, told, first, second))


def _lines(session: Session, told: Diff, before: Place, after: Place) -> Iterator[str]:
    for path, kind in told.changes.items():
        yield f"{kind} {path}\n"
        then = _content(session, before, path) if kind != "A" else None
        now = _content(session, after, path) if kind != "D" else None
        yield from unified(path, then, now)


def _content(session: Session, place: Place, path: str) -> Content | None:
    """How a file or link begins; None for everything else."""
    try:
        found = files.read(session, place, path, limit=_SIZE)
    except NotFoundError:
        return None  # it goes with a directory that stands for it
    return found if found.kind in {"-", "l"} else None


def unified(path: str, then: Content | None, now: Content | None) -> Iterator[str]:
    """The changed lines of one path; nothing where neither side has content or both have the same. Pure.

    Args:
        path: absolute.
        then: what stood there, None for nothing.
        now: what stands there, None for nothing.
    """
    old, new = _text(then), _text(now)
    if (then is None and now is None) or (then is not None and now is not None and then.data == now.data and now.whole):
        return
    if old is None or new is None or max(len(old), len(new)) > _LINES:
        yield f"  {_why(then, now)}\n"
        return
    origin, target = (_NOTHING if side is None else path for side in (then, now))
    for line in difflib.unified_diff(old, new, origin, target):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _text(content: Content | None) -> Sequence[str] | None:
    """A file's lines, None where it is no text, or too large."""
    if content is None:
        return ()
    if content.kind == "l":
        return (f"-> {content.data.decode('utf-8', 'backslashreplace')}\n",)
    if not content.whole or b"\0" in content.data:
        return None
    try:
        text = content.data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    # not splitlines(), for which a form feed ends a line too
    *whole, last = text.split("\n")
    return [*(f"{line}\n" for line in whole), *([last] if last else [])]


def _why(then: Content | None, now: Content | None) -> str:
    large = any(content is not None and not content.whole for content in (then, now))
    return "too large to be compared by lines" if large else "no text, or too many lines"
