"""Which paths of a context the sources of a COPY name: wildcards, links and words for what is not there."""

from __future__ import annotations

import difflib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from dockmagic.builder import ignorefile
from dockmagic.builder.globs import Glob, has_meta
from dockmagic.builder.tree import Parts, reading
from dockmagic.builder.view import View
from dockmagic.errors import NotFoundError, UsageError

_LINKS = 40
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}
_COMPARED = 2000


@dataclass(frozen=True, slots=True)
class Place:
    """What a source names: the name that it lands under, where it really stands, and what it is (never a link)."""

    name: str
    path: Parts
    status: os.stat_result

    @property
    def is_dir(self) -> bool:
        """Its content lands, not itself."""
        return stat.S_ISDIR(self.status.st_mode)


@dataclass(frozen=True, slots=True)
class _Source:
    """A source as written, and as names below the root."""

    text: str
    parts: Parts

    @property
    def is_wild(self) -> bool:
        return any(has_meta(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Named:
    """What the sources of a COPY name.

    Attributes:
        places: in order.
        unmatched: a line for each source with wildcards that names nothing.
    """

    places: tuple[Place, ...]
    unmatched: tuple[str, ...]


def named_by(view: View, sources: Sequence[str]) -> Named:
    """What ``sources`` name. A wildcard may name nothing, as for BuildKit.

    Raises:
        NotFoundError: a source without wildcards is not there or is excluded; or nothing is named at all, and there is no directory
            in which a wildcard could have found something.
        UsageError: a pattern is malformed, or something cannot be read.
    """
    places: list[Place] = []
    unmatched: list[str] = []
    nowhere: list[NotFoundError] = []
    for source in map(_source, sources):
        if not source.is_wild:
            places.append(_visible(view, source, resolve(view, source.text)))
            continue
        try:
            found = _matching(view, source)
        except NotFoundError as error:
            nowhere.append(error)
            continue
        places += found.places
        unmatched += found.unmatched
    if nowhere and not places:
        raise nowhere[0]
    return Named(tuple(places), (*unmatched, *map(_line, nowhere)))


def _line(error: NotFoundError) -> str:
    return f"{error.message} ({error.hint})"


def resolve(view: View, path: str) -> Place:
    """Follow the links on the way to ``path`` and at its end, within the root. What is excluded at the end is still named.

    Raises:
        NotFoundError: there is nothing, or a link is excluded.
        UsageError: there are too many links, or something cannot be read.
    """
    source = _source(path)
    return _resolve(view, source, source.parts)


def _source(text: str) -> _Source:
    """``..`` ends at the root.

    Raises:
        UsageError: no path has such characters.
    """
    try:
        if b"\0" not in os.fsencode(text):
            return _Source(text, tuple(part for part in ignorefile.clean(f"/{text}").split("/") if part))
    except UnicodeEncodeError:
        pass
    raise UsageError(f"not a path: {text!r}")


def _resolve(view: View, source: _Source, parts: Parts) -> Place:
    done: list[str] = []
    pending = list(reversed(parts))
    links = 0
    while pending:
        part = pending.pop()
        if part == "..":
            del done[-1:]
            continue
        done.append(part)
        status = _status(view, source, tuple(done))
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > _LINKS:
                raise UsageError(f'too many symbolic links on the way to "{source.text}"')
            target = _link(view, source, tuple(done))
            done = [] if target.startswith("/") else done[:-1]
            pending += [name for name in reversed(target.split("/")) if name not in {"", "."}]
        elif pending and not stat.S_ISDIR(status.st_mode):
            raise _absent(view, source)
    real = tuple(done)
    return Place(parts[-1] if parts else "", real, _status(view, source, real))


def _status(view: View, source: _Source, path: Parts) -> os.stat_result:
    with reading(source.text):
        try:
            return view.tree.status(path)
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
    raise _absent(view, source)


def _link(view: View, source: _Source, path: Parts) -> str:
    if view.excludes(path):
        raise _hidden(view, source)
    with reading(source.text):
        return view.tree.link(path)


def _visible(view: View, source: _Source, place: Place) -> Place:
    if not view.shows(place.path, is_dir=place.is_dir):
        raise _hidden(view, source)
    return place


def _matching(view: View, source: _Source) -> Named:
    """What a source with wildcards names: links are followed before the first wildcard and at the end.

    Raises:
        NotFoundError: there is no directory in front of the first wildcard.
    """
    first = next(index for index, part in enumerate(source.parts) if has_meta(part))
    globs = [Glob(part) for part in source.parts[first:]]
    base = _resolve(view, source, source.parts[:first])
    if not base.is_dir:
        raise _absent(view, source)
    found = [base.path]
    for count, glob in enumerate(globs, 1):
        found = [path for above in found for path in _names(view, above, glob, last=count == len(globs))]
    places = tuple(place for path in found for place in _shown(view, source, path))
    if places:
        return Named(places, ())
    return Named((), (_line(_hidden(view, source) if found else _absent(view, source)),))


def _names(view: View, above: Parts, glob: Glob, *, last: bool) -> Iterator[Parts]:
    for name, status in view.entries(above, excluded=view.excludes(above)):
        path = (*above, name)
        if glob.matches(name) and (last or (stat.S_ISDIR(status.st_mode) and _may_lead_on(view, path))):
            yield path


def _may_lead_on(view: View, directory: Parts) -> bool:
    return not view.excludes(directory) or view.ignore.may_bring_back("/".join(directory))


def _shown(view: View, source: _Source, path: Parts) -> Iterator[Place]:
    """The place of a match, unless it is excluded.

    Raises:
        UsageError: it is a link to nothing.
    """
    mode = _status(view, source, path).st_mode
    if not view.shows(path, is_dir=stat.S_ISDIR(mode)):
        return
    try:
        yield _visible(view, source, _resolve(view, source, path))
    except NotFoundError as error:
        raise UsageError(_nowhere("/".join(path)), hint="remove it, or exclude it by .dockerignore") from error


def _nowhere(path: str) -> str:
    return f'a symbolic link to nothing in the build context: "{path}"'


def _absent(view: View, source: _Source) -> NotFoundError:
    hint = "sources are relative to the build context, which --context names"
    if source.is_wild:
        message = f'nothing in the build context matches "{source.text}"'
    else:
        message = f'no such file or directory in the build context: "{source.text}"'
        with suppress(OSError):
            if stat.S_ISLNK(view.tree.status(source.parts).st_mode):
                return NotFoundError(_nowhere(source.text), hint="links are followed within the build context only")
    near = _near(view, source.parts)
    return NotFoundError(message, hint=f'did you mean "{near}"?' if near else hint)


def _near(view: View, parts: Parts) -> str:
    """A source that names something and looks much like ``parts``, or ""."""
    above, wanted = parts[:-1], parts[-1]
    names: list[str] = []
    with suppress(OSError):
        if has_meta(wanted) and view.tree.status(parts):
            # a file has the bracket in its name, where a source has a class
            return "/".join((*above, wanted.replace("[", "[[]")))
    with suppress(OSError):
        names = [name for name, _ in view.tree.entries(above)[:_COMPARED] if not view.excludes((*above, name))]
    folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(wanted.casefold(), folded, n=1)
    return "/".join((*above, folded[near[0]])) if near else ""


def _hidden(view: View, source: _Source) -> NotFoundError:
    return NotFoundError(
        f'excluded by {view.name}: "{source.text}"', hint='bring it back there by a last line that begins with "!"'
    )
