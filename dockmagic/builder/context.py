"""The build context: what COPY reads from a directory of the host, and never anything outside of it.

docs.docker.com/reference/dockerfile, section COPY, as BuildKit does it:

- sources are relative to the context's root, ``/x`` and ``../x`` too, so none leads out;
- a directory gives its content, a file itself under its last name; wildcards are those of Go's ``filepath.Match``;
- a source that is a symbolic link, or leads through one, is followed within the root; links found in a directory are copied as links;
- what ``.dockerignore`` excludes is not there;
- modes are kept, owners are 0:0, hard links become files of their own, a socket becomes an empty file.

Pipes and devices are refused: a layer made by COPY holds files, directories and links. Extended attributes are not taken.
Only what is named is read.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from dockmagic.builder import ignorefile, parents
from dockmagic.builder.archives import Archive
from dockmagic.builder.globs import has_meta
from dockmagic.builder.ignorefile import Ignore
from dockmagic.builder.selection import Bytes, Item, Selection
from dockmagic.builder.sources import Place, named_by, resolve
from dockmagic.builder.tree import FileContent, Parts, Tree, reading, told
from dockmagic.builder.view import View
from dockmagic.errors import NotFoundError, UsageError
from dockmagic.layers.arrivals import is_archive
from dockmagic.oci.changeset import Entry

__all__ = ["Context", "Selection"]

_IGNORE_FILE = ".dockerignore"
_IGNORE_LIMIT = 1 << 20
_SMALL = 16 << 10  # bytes of a file that is read once
_ROOM = 32 << 20  # bytes of all of them


class Context:
    """A directory that COPY reads from. Selections read their content from it: it stays open until they are written.

    Args:
        root: the directory.
        dockerfile: the Dockerfile's path, where it stands in a file: ``NAME.dockerignore`` beside it goes before ``.dockerignore``.
        ignores: an ignore file counts.

    Raises:
        UsageError: ``root`` is no directory or cannot be read, or a line of the ignore file is malformed.
    """

    def __init__(self, root: Path, *, dockerfile: Path | None = None, ignores: bool = True) -> None:
        self._room = _ROOM
        try:
            self._tree = Tree(root)
        except (OSError, ValueError) as error:
            raise UsageError(
                "the build context is no directory that can be read",
                hint="name another one by --context",
                detail=str(error),
            ) from error
        try:
            self._view = _view(self._tree, dockerfile) if ignores else View(self._tree, Ignore(()), _IGNORE_FILE)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the descriptors back; selections cannot be written any more."""
        self._tree.close()

    def select(
        self, sources: Sequence[str], *, exclude: Sequence[str] = (), archives: list[Archive] | None = None
    ) -> Selection:
        """What a COPY of ``sources`` copies; file contents are read once for the digest.

        Args:
            sources: as written, without quotes and with variables filled in.
            exclude: patterns of ``--exclude``, matched against paths within a source directory and against a source file's name.
            archives: gets those of the sources that are archives, in place of the selection; None copies them as files.

        Returns:
            The selection. ``single_file`` says that the only source names one file, by its name or by a wildcard: docker lets the
            destination rename both.

        Raises:
            NotFoundError: a source without wildcards is not there or is excluded, or there is no directory to look for any in.
            UsageError: a pattern is malformed, something cannot be read or copied, or sources land on each other.
        """
        skip = Ignore(exclude)
        self._tree.rewind()
        named = named_by(self._view, sources)
        places = named.places
        items: list[Item] = []
        for place in places:
            if place.is_dir:
                below = self._view.below(place.path, skip)
                items += [self._item(found.path, found.landing, found.status) for found in below]
            elif archives is not None and _is_archive(self._tree, place):
                archives.append(Archive(content=FileContent(self._tree, place.path)))
            elif not skip.verdict(place.name).excluded:
                items.append(self._item(place.path, place.name, place.status))
        self._tree.rewind()
        single = len(sources) == len(places) == len(items) == 1 and not places[0].is_dir
        several = len(places) > 1 and not places[0].is_dir
        last = None
        if several and len(items) == len(places) and not any(place.is_dir for place in places):
            last = Selection(items[-1:], single_file=True)
        return Selection(
            items, single_file=single, several=several, last=last, lands=bool(places), unmatched=named.unmatched
        )

    def select_with_parents(self, sources: Sequence[str], *, exclude: Sequence[str] = ()) -> Selection:
        """What ``COPY --parents`` copies of ``sources``: files and directories with the directories above them.

        Args:
            sources: as written; the part behind ``/./``, or all of it, is a pattern whose directories are kept.
            exclude: as for :meth:`select`.

        Raises:
            NotFoundError: a source without wildcards is not there or is excluded.
            UsageError: as for :meth:`select`.
        """
        self._tree.rewind()
        items: list[Item] = []
        for source in sources:
            root, pattern = parents.divided(source)
            if not has_meta(root) and not has_meta(pattern):
                named_by(self._view, [posixpath.join(root, pattern)])
            ignore = parents.selector(pattern, exclude)
            for place in named_by(self._view, [root]).places:
                below = self._view.below(place.path, ignore) if place.is_dir else ()
                items += [self._item(found.path, found.landing, found.status) for found in below]
        self._tree.rewind()
        return Selection(items)

    def _item(self, path: Parts, landing: str, status: os.stat_result) -> Item:
        """What lands; a small file's content is kept, so that it is not opened again to be copied."""
        if not stat.S_ISREG(status.st_mode):
            return _bare(self._tree, path, landing, status)
        mode = stat.S_IMODE(status.st_mode)
        if status.st_size <= min(_SMALL, self._room) and (data := _small(self._tree, path)) is not None:
            self._room -= len(data)
            entry = Entry(path=landing, type="file", mode=mode, size=len(data))
            return Item(entry=entry, content=Bytes(data), sha256=hashlib.sha256(data).hexdigest())
        content = FileContent(self._tree, path)
        size, sha256 = _measured(content.chunks())
        return Item(entry=Entry(path=landing, type="file", mode=mode, size=size), content=content, sha256=sha256)


def _is_archive(tree: Tree, place: Place) -> bool:
    if not stat.S_ISREG(place.status.st_mode):
        return False
    with reading("/".join(place.path)), os.fdopen(tree.open(place.path), "rb") as file:
        return is_archive(file)


def _bare(tree: Tree, path: Parts, landing: str, status: os.stat_result) -> Item:
    """What is no regular file, and has no content that would have to be read."""
    mode = stat.S_IMODE(status.st_mode)
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFDIR:
        return Item(entry=Entry(path=landing, type="dir", mode=mode))
    if kind == stat.S_IFLNK:
        with reading("/".join(path)):
            return Item(entry=Entry(path=landing, type="symlink", mode=0o777, linkname=tree.link(path)))
    if kind == stat.S_IFSOCK:
        return Item(entry=Entry(path=landing, type="file", mode=mode))
    what = "a pipe" if kind == stat.S_IFIFO else "a device"
    raise UsageError(f'{what} cannot be copied: "{"/".join(path)}"', hint=f"exclude it by {_IGNORE_FILE}")


def _small(tree: Tree, path: Parts) -> bytes | None:
    """All of a small file, by one read; None where it has grown large meanwhile."""
    try:
        file = tree.open(path)
        try:
            data = os.read(file, _SMALL + 1)
        finally:
            os.close(file)
    except OSError as error:
        raise told("/".join(path), error) from error
    return data if len(data) <= _SMALL else None


def _measured(chunks: Iterator[bytes]) -> tuple[int, str]:
    state = hashlib.sha256()
    size = 0
    for chunk in chunks:
        size += len(chunk)
        state.update(chunk)
    return size, state.hexdigest()


def ignore_text(root: Path, *, dockerfile: Path | None = None) -> str:
    """The text of the ignore file that counts for a context, "" where there is none; arguments as of :class:`Context`.

    Raises:
        UsageError: the directory or the file cannot be read.
    """
    try:
        tree = Tree(root)
    except (OSError, ValueError) as error:
        raise UsageError("the build context is no directory that can be read", detail=str(error)) from error
    try:
        return _ignore_file(tree, dockerfile)[1]
    finally:
        tree.close()


def _view(tree: Tree, dockerfile: Path | None) -> View:
    """The tree without what its ignore file excludes."""
    name, text = _ignore_file(tree, dockerfile)
    try:
        return View(tree, Ignore(ignorefile.read(text)), name)
    except UsageError as error:
        raise UsageError(f"{name}: {error.message}", hint=error.hint) from error


def _ignore_file(tree: Tree, dockerfile: Path | None) -> tuple[str, str]:
    """Name and text of the ignore file that counts."""
    name, data = _IGNORE_FILE, None
    if dockerfile is not None:
        beside = dockerfile.with_name(f"{dockerfile.name}{_IGNORE_FILE}")
        with reading(beside.name), suppress(FileNotFoundError, NotADirectoryError):
            name, data = beside.name, beside.read_bytes()
    if data is None:
        name, data = _IGNORE_FILE, _ignore_data(tree)
    return name, data.decode("utf-8", "surrogateescape")


def _ignore_data(tree: Tree) -> bytes:
    try:
        tree.status((_IGNORE_FILE,))
    except FileNotFoundError:  # as mostly, and at each COPY: nobody looks for names that are near
        return b""
    except OSError:
        pass  # told below
    try:
        place = resolve(View(tree, Ignore(()), _IGNORE_FILE), _IGNORE_FILE)
    except NotFoundError:
        return b""
    if not stat.S_ISREG(place.status.st_mode) or place.status.st_size > _IGNORE_LIMIT:
        raise UsageError(f"{_IGNORE_FILE} is no text file of up to 1 MiB")
    return b"".join(FileContent(tree, place.path).chunks())
