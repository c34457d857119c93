"""Jobs on trees, by name: what an :class:`~dockmagic.layers.owner.Owner` runs where the ids exist.

Every job gets JSON-able arguments and open descriptors, and returns something JSON-able. Its working directory is the scheme's
root; paths are relative to it and never leave it. ``"single": true`` in the arguments says that only one id is mapped.
"""

from __future__ import annotations

import base64
import json
import os
import posixpath
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, BinaryIO

from dockmagic.errors import NotFoundError, UsageError
from dockmagic.layers import arrivals, landing, metadata, peek, populate, removal, shipment
from dockmagic.layers import changes as change
from dockmagic.layers import duplicate as duplicating
from dockmagic.layers import flatten as flattening
from dockmagic.layers import seal as sealing
from dockmagic.layers import unpack as unpacking
from dockmagic.layers import usage as using
from dockmagic.layers import verify as verifying
from dockmagic.layers.compression import Decompressed
from dockmagic.layers.digesting import digest_of
from dockmagic.layers.metadata import Metadata
from dockmagic.layers.overlayfs import OWNER
from dockmagic.layers.scan import Owners
from dockmagic.layers.stack import Found, Stack
from dockmagic.layers.stamp import stamp as stamped
from dockmagic.oci.changeset import Entry
from dockmagic.syscalls.files import RENAME_NOREPLACE, renameat2

# of devices that are left out
_NAMED = 20
Arguments = Mapping[str, Any]
Job = Callable[[Arguments, Sequence[int]], Any]


def inside(path: str) -> str:
    """A relative path that stays below the working directory.

    Raises:
        UsageError: it does not.
    """
    if not path or path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise UsageError(f"a path that leaves the scheme's root: {path!r}")
    return path


def _lowers(arguments: Arguments) -> list[str]:
    return [inside(lower) for lower in arguments.get("lowers", ())]


def _owners(arguments: Arguments) -> Owners:
    uid, gid = arguments.get("default_owner", (0, 0))
    table = {str(k): (int(v[0]), int(v[1])) for k, v in arguments.get("owners", {}).items()}
    return Owners(single=bool(arguments.get("single")), default=(uid, gid), table=table)


def _ignore(arguments: Arguments) -> frozenset[str]:
    return frozenset(path.strip("/") for path in arguments.get("ignore", ()))


def _numbers(truth: Metadata, out: int) -> dict[str, Any]:
    """A layer's numbers; its metadata goes to ``out``."""
    with os.fdopen(os.dup(out), "wb") as file:
        file.write(truth.to_bytes())
    return {
        "diff_id": truth.diff_id,
        "size": truth.size,
        "files": truth.files,
        "tar_size": truth.tar_size,
        "empty": not truth.entries,
    }


def unpack(arguments: Arguments, fds: Sequence[int]) -> Any:
    """``{dest, lowers, below}``, fds [tar, metadata out]: extract a tar, plain or compressed; returns the layer's numbers.

    ``lowers`` are the trees of the layers below, top first, ``below`` their DiffIDs, base first; both may be missing.

    What was extracted of a tar that fails is removed.
    """
    destination = inside(arguments["dest"])
    with os.fdopen(os.dup(fds[0]), "rb", buffering=1 << 20) as source:
        try:
            truth = unpacking.unpack(
                Decompressed(source), destination, single=bool(arguments.get("single")), lowers=_lowers(arguments)
            )
        except BaseException:
            with suppress(OSError):
                removal.remove(destination)
            raise
    if truth.leans or truth.inherits:
        truth = replace(truth, below=tuple(arguments.get("below", ())))
    return _numbers(truth, fds[1])


def seal(arguments: Arguments, fds: Sequence[int]) -> Any:
    """``{upper, lowers, epoch, default_owner, owners, ignore}``, fds [metadata out]: make a writable layer a snapshot."""
    truth = sealing.seal(
        inside(arguments["upper"]),
        _lowers(arguments),
        owners=_owners(arguments),
        epoch=int(arguments["epoch"]),
        ignore=_ignore(arguments),
    )
    return _numbers(truth, fds[0])


def pack(arguments: Arguments, fds: Sequence[int]) -> Any:
    """``{tree}``, fds [metadata in, tar out]: write a layer's tar again; returns its digest."""
    with os.fdopen(os.dup(fds[0]), "rb") as file:
        truth = metadata.parse(file.read())
    with os.fdopen(os.dup(fds[1]), "wb", buffering=1 << 20) as out:
        return {"digest": sealing.pack(inside(arguments["tree"]), truth, out.write)}


def changes(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{upper, lowers, ignore, …}``: what a writable layer changes; see :func:`dockmagic.layers.changes.changes`."""
    return change.changes(
        inside(arguments["upper"]), _lowers(arguments), owners=_owners(arguments), ignore=_ignore(arguments)
    )


def listing(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{upper}``: how a writable layer stands."""
    return {"entries": change.listing(inside(arguments["upper"]))}


def entries(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{upper, lowers, owners, …}``: a writable layer as a changeset; see :func:`dockmagic.layers.peek.entries`."""
    found = peek.entries(
        inside(arguments["upper"]), _lowers(arguments), owners=_owners(arguments), ignore=_ignore(arguments)
    )
    return {"entries": found}


def beginning(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{lowers, path, limit}``: how a file begins; see :func:`dockmagic.layers.peek.beginning`."""
    return peek.beginning(_lowers(arguments), arguments["path"], int(arguments["limit"]))


def fetch(arguments: Arguments, fds: Sequence[int]) -> Any:
    """``{lowers, path, limit, count}``, fds [out]: files by value; see :func:`dockmagic.layers.peek.fetch`."""
    limit, count = int(arguments["limit"]), int(arguments["count"])
    return peek.fetch(_lowers(arguments), arguments["path"], fds[0], limit=limit, count=count)


def copy(arguments: Arguments, fds: Sequence[int]) -> Any:
    """``{upper, lowers, dest, dest_is_dir, single_file, chown, chmod, sources}``, fds [shipment] without sources: COPY.

    ``upper`` is a directory that only landings wrote to. Returns the owners that only a table can hold, for ``seal``.
    """
    single = bool(arguments.get("single"))
    target = landing.Landing(inside(arguments["upper"]), _lowers(arguments), single=single)
    sources = arguments.get("sources")
    if sources is not None:
        for source in sources:
            source["lowers"] = [inside(lower) for lower in source["lowers"]]
        arrivals.land(target, _wish(arguments), arrivals.from_stack(sources, single=single))
    else:
        with os.fdopen(os.dup(fds[0]), "rb", buffering=1 << 20) as stream:
            arrivals.land(target, _wish(arguments), shipment.arrivals(stream))
    return {"owners": target.table}


def extract(arguments: Arguments, fds: Sequence[int]) -> Any:
    """``{upper, lowers, dest, chown}``, fds [archive]: land what an archive holds, as ADD does.

    Returns the owners that only a table can hold, and the paths of devices, which are left out.
    """
    target = landing.Landing(inside(arguments["upper"]), _lowers(arguments), single=bool(arguments.get("single")))
    with os.fdopen(os.dup(fds[0]), "rb", buffering=1 << 20) as stream:
        arrivals.extract(target, _wish(arguments), stream)
    return {"owners": target.table, "left_out": target.left_out[:_NAMED]}


def _wish(arguments: Arguments) -> arrivals.Wish:
    owner = arguments.get("chown")
    return arrivals.Wish(
        destination=arguments["dest"],
        is_directory=bool(arguments.get("dest_is_dir")),
        single_file=bool(arguments.get("single_file")),
        owner=None if owner is None else (int(owner[0]), int(owner[1])),
        chmod=arguments.get("chmod") or "",
    )


def makedirs(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{upper, lowers, path, owner}``: WORKDIR's directory and its parents, by default root's, 0755."""
    target = landing.Landing(inside(arguments["upper"]), _lowers(arguments), single=bool(arguments.get("single")))
    uid, gid = arguments.get("owner", landing.ROOT)
    return {"path": "/" + target.makedirs(arguments["path"], owner=(int(uid), int(gid)))}


def stamp(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{upper, lowers, owner, owners}``: record whose the new files are, where only one id is mapped; see the module.

    Returns:
        ``{"owners": …}``: the table, with what no attribute can hold.
    """
    uid, gid = arguments["owner"]
    found = stamped(inside(arguments["upper"]), _lowers(arguments), (int(uid), int(gid)), _owners(arguments).table)
    return {"owners": found}


def read(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{lowers, path, limit}``: a regular file of a stack, base64."""
    data = Stack(_lowers(arguments)).read(arguments["path"], limit=int(arguments.get("limit", 1 << 20)))
    return {"content": base64.b64encode(data).decode("ascii")}


def status(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{lowers, path}``: kind, mode and size of what stands there, None for nothing."""
    found = Stack(_lowers(arguments)).lookup(arguments["path"], follow=bool(arguments.get("follow", True)))
    if found is None:
        return None
    mode = found.status.st_mode
    return {
        "path": f"/{found.path}",
        "kind": stat.filemode(mode)[0],
        "mode": stat.S_IMODE(mode),
        "size": found.status.st_size,
    }


def _directory(arguments: Arguments) -> tuple[Stack, Found]:
    """The stack of ``lowers``, and the directory that stands at ``path`` in it."""
    stack = Stack(_lowers(arguments))
    found = stack.lookup(arguments["path"])
    if found is None or not found.is_dir:
        raise NotFoundError(f"no such directory in the image: {arguments['path']}")
    return stack, found


def names(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{lowers, path}``: the names in a directory.

    Raises:
        NotFoundError: there is no such directory.
    """
    stack, found = _directory(arguments)
    return {"names": [posixpath.basename(child.path) for child in stack.listdir(found)]}


def walk(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{lowers, path}``: everything below a directory, parents first; links are not followed.

    Returns:
        ``{"entries": [[path relative to the directory, whether it is a directory], …]}``.

    Raises:
        NotFoundError: there is no such directory.
    """
    stack, found = _directory(arguments)
    entries: list[tuple[str, bool]] = []
    pending = [(found, "")]
    while pending:
        directory, path = pending.pop()
        for child in stack.listdir(directory):
            below = posixpath.join(path, posixpath.basename(child.path))
            entries.append((below, child.is_dir))
            if child.is_dir:
                pending.append((child, below))
    return {"entries": entries}


def digest(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{lowers, path, only, special}``: a digest of the content, modes and owners of a tree in a stack; times do not count.

    With ``only``, of these paths below it alone; ``special`` has owners as in :func:`copy`.

    Raises:
        NotFoundError: there is no such path.
    """
    stack = Stack(_lowers(arguments))
    only, special = arguments.get("only"), arguments.get("special")
    return {"digest": digest_of(stack, arguments["path"], _owners(arguments), only=only, special=special)}


def remove(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{path}``: remove a tree; what is not there is fine."""
    removal.remove(inside(arguments["path"]))


def flatten(_: Arguments, fds: Sequence[int]) -> Any:
    """Fds [rows in, tar out]: the tar of a merged root; each line of the rows is JSON: a tree, and an entry as metadata has it."""

    def rows(file: BinaryIO) -> Iterator[tuple[str, Entry]]:
        for line in file:
            tree, row = json.loads(line)
            yield inside(tree), metadata.entry(row)

    with os.fdopen(os.dup(fds[0]), "rb") as file, os.fdopen(os.dup(fds[1]), "wb", buffering=1 << 20) as out:
        flattening.flatten(rows(file), out.write)


def populated(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{dest, lowers, path}``: a volume's first content; ``{"found": …}``. Without ``dest`` the path is asked: ``{"empty": …}``."""
    if "dest" not in arguments:
        return {"empty": populate.is_empty(inside(arguments["path"]))}
    target, single = inside(arguments["dest"]), bool(arguments.get("single"))
    return {"found": populate.populate(target, _lowers(arguments), arguments["path"], single=single)}


def verify(arguments: Arguments, fds: Sequence[int]) -> Any:
    """``{tree}``, fds [metadata in]: whether a layer's tree stands as its metadata says; see :func:`dockmagic.layers.verify.wrong`."""
    with os.fdopen(os.dup(fds[0]), "rb") as file:
        truth = metadata.parse(file.read())
    return {"whole": next(verifying.wrong(inside(arguments["tree"]), truth.entries), None) is None}


def usage(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{paths}``: bytes of regular files in each tree; see :func:`dockmagic.layers.usage.usage`."""
    return {"sizes": [using.usage(inside(path)) for path in arguments["paths"]]}


def mkdir(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{paths, mode, owner}``: make directories, by default 0755 and root's, and their parents, 0711."""
    mode, (uid, gid) = int(arguments.get("mode", 0o755)), arguments.get("owner", (0, 0))
    for path in arguments["paths"]:
        parent = posixpath.dirname(inside(path))
        if parent:
            os.makedirs(parent, 0o711, exist_ok=True)
        os.mkdir(path, 0o755)
        if (uid, gid) != (0, 0) and arguments.get("single"):
            os.setxattr(path, OWNER, b"%d:%d" % (uid, gid))
        elif (uid, gid) != (0, 0):
            os.chown(path, uid, gid)
        os.chmod(path, mode)


def rename(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{src, dst}``: rename; where ``dst`` stands already it has the same content, and ``src`` is removed.

    A link at ``dst`` that leads nowhere, as to a shared store that has gone, is replaced.

    Returns:
        ``{"existed": …}``.
    """
    source, target = inside(arguments["src"]), inside(arguments["dst"])
    os.makedirs(posixpath.dirname(target), 0o711, exist_ok=True)
    if os.path.islink(target) and not os.path.exists(target):
        removal.remove(target)
    try:
        renameat2(source, target, flags=RENAME_NOREPLACE)
    except FileExistsError:
        removal.remove(source)
        return {"existed": True}
    return {"existed": False}


def point(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{path, targets}``: a link to the first of these directories, absolute paths, whose files have this scheme's ids.

    A directory at ``path`` stays, and so does a link that leads to one.
    """
    path = inside(arguments["path"])
    if os.path.isdir(path):
        return
    for target in arguments["targets"]:
        with suppress(OSError):
            # reachable from here, and its root is root's
            if os.stat(f"{target}/.").st_uid == os.geteuid():
                os.makedirs(posixpath.dirname(path), 0o711, exist_ok=True)
                removal.remove(path)
                os.symlink(target, path)
                return


def duplicate(arguments: Arguments, _: Sequence[int]) -> Any:
    """``{src, dst}``: copy a writable layer, with owners, attributes, whiteouts and hard links; ``dst`` is new.

    Returns:
        The table of owners for the copy, where ``owners`` gave one for the source: inode numbers differ.
    """
    source, target = inside(arguments["src"]), inside(arguments["dst"])
    return {"owners": duplicating.duplicate(source, target, arguments.get("owners", {}))}


JOBS: Mapping[str, Job] = {
    "beginning": beginning,
    "changes": changes,
    "copy": copy,
    "digest": digest,
    "duplicate": duplicate,
    "extract": extract,
    "fetch": fetch,
    "entries": entries,
    "flatten": flatten,
    "list": names,
    "listing": listing,
    "makedirs": makedirs,
    "mkdir": mkdir,
    "pack": pack,
    "point": point,
    "populate": populated,
    "read": read,
    "remove": remove,
    "rename": rename,
    "seal": seal,
    "stamp": stamp,
    "stat": status,
    "unpack": unpack,
    "usage": usage,
    "verify": verify,
    "walk": walk,
}
