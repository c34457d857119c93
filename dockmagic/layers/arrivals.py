"""What lands in a writable layer and where: entries that a builder sends, of other stacks, and of archives."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from dockmagic.errors import ArchiveError, NotFoundError, UsageError
from dockmagic.layers import permissions
from dockmagic.layers.compression import Decompressed
from dockmagic.layers.landing import ROOT, Landing, Owner, content_of
from dockmagic.layers.scan import Owners
from dockmagic.layers.stack import Found, Stack
from dockmagic.layers.tar_reader import BLOCK, TarReader, is_header
from dockmagic.oci.changeset import Entry

_LINKS = 40
Arrivals = Iterator[tuple[Entry, Iterable[bytes] | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Where copied files land and as whose.

    Attributes:
        destination: absolute path in the image.
        is_directory: it was written with a slash, or there are several sources.
        single_file: the only source is one file, which may be renamed.
        owner: (uid, gid) for everything copied, None for what the sources say.
        chmod: permissions of everything copied, "" for what the sources say; see :mod:`dockmagic.layers.permissions`.
    """

    destination: str
    is_directory: bool
    single_file: bool
    owner: Owner | None = None
    chmod: str = ""


def land(landing: Landing, wish: Wish, sources: Arrivals) -> None:
    """Copy ``sources`` (entries relative to where they land) as ``wish`` says.

    Raises:
        UsageError: a file meets a directory or the other way round.
    """
    parent, rename = _place(landing.stack, wish)
    real = landing.makedirs(parent, owner=wish.owner or ROOT)
    for arrived, content in sources:
        entry = arrived
        path = entry.path if rename is None else rename
        if path in {"", "."}:
            continue
        if rename is not None or wish.owner is not None or wish.chmod:
            entry = _as_wished(entry, path, wish)
        landing.put(real, entry, content, replaces=not wish.single_file)


def _as_wished(entry: Entry, path: str, wish: Wish) -> Entry:
    uid, gid = wish.owner if wish.owner is not None else (entry.uid, entry.gid)
    mode = entry.mode
    if wish.chmod and entry.type != "symlink":
        mode = permissions.apply(wish.chmod, mode, is_dir=entry.type == "dir")
    return replace(entry, path=path, uid=uid, gid=gid, mode=mode)


def _place(stack: Stack, wish: Wish) -> tuple[str, str | None]:
    """The directory that receives, and the name that a single file gets there; a link at the destination is followed."""
    if not wish.single_file or wish.is_directory:
        return wish.destination, None
    destination = wish.destination
    for _ in range(_LINKS):
        found = stack.lookup(destination, follow=False)
        if found is None or not stat.S_ISLNK(found.status.st_mode):
            break
        destination = posixpath.join("/", posixpath.dirname(found.path), os.readlink(found.real))
    else:
        raise UsageError(f"too many links at {wish.destination}")
    if found is not None and found.is_dir:
        return destination, None
    parent, name = posixpath.split(posixpath.normpath(destination))
    return parent, name


def extract(landing: Landing, wish: Wish, archive: BinaryIO) -> None:
    """Land the entries of an archive, plain or compressed, below the destination, which is made when it is missing.

    Names and links lead nowhere outside of the destination. Owners and modes are the archive's own, unless ``wish`` has an owner.

    Raises:
        ArchiveError: it is damaged or hostile.
        UsageError: something on the way is no directory.
    """
    owner = wish.owner or ROOT
    root = landing.makedirs(wish.destination, owner=owner)
    reader = TarReader(Decompressed(archive))
    for entry in reader:
        if entry.type in {"whiteout", "opaque"}:
            raise ArchiveError(f"a name that no file of an image can have: .wh.{posixpath.basename(entry.path)[:80]}")
        parent = landing.makedirs(posixpath.dirname(entry.path), root=root, owner=owner)
        whose = wish.owner or (entry.uid, entry.gid)
        link = entry.linkname
        if entry.type == "hardlink":
            above = landing.makedirs(posixpath.dirname(link), root=root, owner=owner)
            link = posixpath.join("/", above, posixpath.basename(link))
        path = posixpath.basename(entry.path)
        put = replace(entry, path=path, uid=whose[0], gid=whose[1], linkname=link)
        landing.put(parent, put, reader.chunks())


def is_archive(file: BinaryIO) -> bool:
    """Whether a tar begins there, plain or compressed; by content, not by name.

    Raises:
        ArchiveError: nothing is installed that reads its compression.
    """
    stream = Decompressed(file)
    try:
        return is_header(stream.read(BLOCK))
    except ArchiveError:
        return False


def from_stack(sources: Sequence[Mapping[str, Any]], *, single: bool) -> Arrivals:
    """Entries of paths in other images or stages: a directory's content, a file under its own name.

    Names of one file stay names of one file.

    Args:
        sources: ``{lowers, path}``, with ``only`` where not all of a directory is wanted: paths relative to it; and with
            ``special``: owners of links and pipes by their path in the root, where the disk cannot tell them.
        single: only one id is mapped.

    Raises:
        NotFoundError: a path is not there.
    """
    owners = Owners(single=single)
    for source in sources:
        stack = Stack(source["lowers"])
        found = stack.lookup(source["path"])
        if found is None:
            raise NotFoundError(f'COPY failed: no such file in the image: "{source["path"]}"')
        first: dict[tuple[int, int], str] = {}
        for node, path in _nodes(stack, found, source):
            if path and (arrival := _arrival(node, path, first)) is not None:
                uid, gid = special_owner(node, owners, source.get("special"))
                yield replace(arrival[0], uid=uid, gid=gid), arrival[1]


def _nodes(stack: Stack, found: Found, source: Mapping[str, Any]) -> Iterator[tuple[Found, str]]:
    if source.get("only") is not None:
        for name in source["only"]:
            node = stack.lookup(posixpath.join(found.path, name), follow=False)
            if node is not None:
                yield node, name
        return
    pending = [(found, "" if found.is_dir else posixpath.basename(posixpath.normpath(source["path"])))]
    while pending:
        node, path = pending.pop()
        yield node, path
        if node.is_dir:
            children = [(child, posixpath.join(path, posixpath.basename(child.path))) for child in stack.listdir(node)]
            pending += reversed(children)


def special_owner(node: Found, owners: Owners, special: Mapping[str, Sequence[int]] | None) -> Owner:
    """Whose a file of a stack is; what has no attributes is looked up by its path."""
    if special and not (node.is_dir or stat.S_ISREG(node.status.st_mode)) and node.path in special:
        uid, gid = special[node.path]
        return int(uid), int(gid)
    return owners.of(node.real, node.status)


def _arrival(node: Found, path: str, first: dict[tuple[int, int], str]) -> tuple[Entry, Iterator[bytes] | None] | None:
    """The entry but for its owner; None for what is not copied."""
    status = node.status
    mode = stat.S_IMODE(status.st_mode)
    if node.is_dir:
        return Entry(path=path, type="dir", mode=mode), None
    if stat.S_ISLNK(status.st_mode):
        return Entry(path=path, type="symlink", mode=0o777, linkname=os.readlink(node.real)), None
    if stat.S_ISFIFO(status.st_mode):
        return Entry(path=path, type="fifo", mode=mode), None
    if not stat.S_ISREG(status.st_mode):
        return None
    if status.st_nlink > 1:
        known = first.setdefault((status.st_dev, status.st_ino), path)
        if known != path:
            return Entry(path=path, type="hardlink", mode=mode, linkname=known), None
    return Entry(path=path, type="file", mode=mode, size=status.st_size), content_of(node.real)
