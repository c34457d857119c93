"""Files on their way into or out of a container (``cp``): packed where they are, unpacked where they go.

Both ends run this code; inside a container it runs in place of a program, with the container's root as its own, confined like any program there.
So no link and no race can lead out: there is nothing else to reach. What comes out is unpacked by directories' descriptors, without following a
link, and names are checked: whatever the stream says, nothing lands outside of its place.

An entry is a line of JSON and, of a file, its content. Standard library only, and no ``typing``.
"""
# pathlib would cost the child's start
# ruff: noqa: PTH112, PTH116, PTH118, PTH119, PTH120

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from errno import EEXIST, EFBIG, EINVAL, EISDIR, ENOENT, ENOTDIR, EPROTO

_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 16
_DEEPEST = 400
# Bytes of all files together: a sparse file of a container may say that it is larger than any disk.
_LARGEST = 4 << 30
_FILE, _DIRECTORY, _LINK = "f", "d", "l"


def pack(path: str, write: Callable[[bytes], object]) -> None:
    """Write a file or tree; what is neither file, directory nor link is told and left out.

    Args:
        path: absolute; a link there is followed when it ends with a slash or ``/.``.
        write: takes bytes.

    Raises:
        OSError: it is not there, or cannot be read.
    """
    top = path.rstrip("/") or "/"
    found = os.stat(path) if path != top else os.lstat(top)
    kind = _kind(found)
    if not kind:
        raise OSError(EINVAL, "it is neither a file nor a directory nor a link", path)
    if kind == _DIRECTORY:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        _entry(write, [], _DIRECTORY, found)
        _pack_below(descriptor, [], write)
    else:
        parent = os.open(os.path.dirname(top), os.O_PATH | os.O_DIRECTORY)
        _pack_one(parent, os.path.basename(top), [], write)
        os.close(parent)
    write(b'{"end": true}\n')


def unpack(
    read: Callable[[int], bytes], destination: str, *, name: str, contents: bool, exists: bool | None = None
) -> tuple[int, list[str]]:
    """Put what :func:`pack` wrote where docker's cp would.

    Args:
        read: gives so many bytes, fewer only at the end.
        destination: absolute; links on the way to it are followed.
        name: of the source, which it keeps in a directory that is there.
        contents: of a directory that is there, what stands in the source goes into it.
        exists: whether the destination is a directory, where the caller has looked: no link there is followed then.

    Returns:
        How many entries were made, and the names that were left out.

    Raises:
        OSError: something is in the way, or the stream is not what it should be.
    """
    entries = _entries(read)
    first = next(entries)
    exists = os.path.isdir(destination) if exists is None else exists
    if exists and not (contents and first["t"] == _DIRECTORY):
        destination = os.path.join(destination, name)
    elif destination.endswith("/") and not exists and first["t"] != _DIRECTORY:
        raise OSError(ENOENT, "no such directory", destination)
    destination = destination.rstrip("/")
    top = os.open(os.path.dirname(destination) or "/", os.O_PATH | os.O_DIRECTORY)
    try:
        last = os.path.basename(destination)
        return _unpack(top, last, first, entries, read) if last else _into(top, first, entries, read)
    finally:
        os.close(top)


def _unpack(top: int, last: str, first, entries, read) -> tuple[int, list[str]]:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
    _make(top, last, first, read)
    if first["t"] != _DIRECTORY:
        return _rest(top, 1, entries, read)
    below = os.open(last, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
    try:
        return _rest(below, 1, entries, read)
    finally:
        os.close(below)


def _into(top: int, first, entries, read) -> tuple[int, list[str]]:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
    """The root itself is the directory that is there."""
    if first["t"] != _DIRECTORY:
        raise OSError(EISDIR, "it is a directory", "/")
    return _rest(top, 0, entries, read)


def _rest(top: int, made: int, entries, read) -> tuple[int, list[str]]:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
    left_out: list[str] = []
    for entry in entries:
        if entry["t"] == "":
            left_out.append("/".join(entry["p"]))
            continue
        *parents, name = entry["p"]
        directory = os.dup(top)
        try:
            for parent in parents:
                below = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
                os.close(directory)
                directory = below
            _make(directory, name, entry, read)
        finally:
            os.close(directory)
        made += 1
    return made, left_out


def _make(directory: int, name: str, entry, read: Callable[[int], bytes]) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
    found = _status(directory, name)
    if entry["t"] == _DIRECTORY:
        if found is None:
            os.mkdir(name, 0o700, dir_fd=directory)
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
            os.fchmod(below, entry["m"] | 0o700)
            os.close(below)
        elif not stat.S_ISDIR(found.st_mode):
            raise OSError(ENOTDIR, "it is no directory", name)
        return
    if found is not None:
        if stat.S_ISDIR(found.st_mode):
            raise OSError(EISDIR, "a directory is in the way", name)
        os.unlink(name, dir_fd=directory)
    if entry["t"] == _LINK:
        os.symlink(entry["l"], name, dir_fd=directory)
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(name, flags, 0o600, dir_fd=directory)
    try:
        left = entry["s"]
        while left:
            data = read(min(left, _CHUNK))
            if not data:
                raise OSError(EPROTO, "the stream ends early", name)
            left -= len(data)
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        os.fchmod(descriptor, entry["m"])
    finally:
        os.close(descriptor)


def _status(directory: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _entries(read: Callable[[int], bytes]) -> Iterator[dict[str, object]]:
    """Entries, each checked."""
    while True:
        line = b""
        while not line.endswith(b"\n"):
            byte = read(1)
            if not byte or len(line) > _LONGEST_LINE:
                raise OSError(EPROTO, "the stream ends early")
            line += byte
        entry = json.loads(line)
        if "error" in entry:
            number, words, path = entry["error"]
            raise OSError(number, words, path)
        if "end" in entry:
            return
        if len(entry["p"]) > _DEEPEST or any(
            part in {"", ".", ".."} or "/" in part or "\0" in part for part in entry["p"]
        ):
            raise OSError(EINVAL, "a name that leads elsewhere")
        entry["m"] = int(entry["m"]) & 0o777
        yield entry


def _pack_below(directory: int, parents: list[str], write: Callable[[bytes], object]) -> None:
    """All that stands in a directory; closes it."""
    try:
        if len(parents) >= _DEEPEST:
            raise OSError(EINVAL, "too deep", "/".join(parents))
        for name in sorted(os.listdir(directory)):
            _pack_one(directory, name, [*parents, name], write)
    finally:
        os.close(directory)


def _pack_one(directory: int, name: str, path: list[str], write: Callable[[bytes], object]) -> None:
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        if path:
            return  # it went while we came
        raise
    kind = _kind(found)
    if kind == _LINK:
        _entry(write, path, kind, found, link=os.readlink(name, dir_fd=directory))
    elif kind == _DIRECTORY:
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
        _entry(write, path, kind, found)
        _pack_below(below, path, write)
    elif kind == _FILE:
        _pack_file(directory, name, path, write)
    else:
        _entry(write, path, "", found)


def _pack_file(directory: int, name: str, path: list[str], write: Callable[[bytes], object]) -> None:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(EEXIST, "it became something else", name)
        if found.st_size > _LARGEST:
            raise OSError(EFBIG, "a file over 4 GiB", name)
        _entry(write, path, _FILE, found, size=found.st_size)
        left = found.st_size
        while left:
            data = os.read(descriptor, min(left, _CHUNK)) or bytes(min(left, _CHUNK))  # it became shorter
            left -= len(data)
            write(data)
    finally:
        os.close(descriptor)


def _entry(
    write: Callable[[bytes], object],
    path: list[str],
    kind: str,
    found: os.stat_result,
    *,
    size: int = 0,
    link: str = "",
) -> None:
    told = {"p": path, "t": kind, "m": stat.S_IMODE(found.st_mode), "s": size, "l": link}
    write(json.dumps(told).encode() + b"\n")


def _kind(found: os.stat_result) -> str:
    if stat.S_ISREG(found.st_mode):
        return _FILE
    if stat.S_ISDIR(found.st_mode):
        return _DIRECTORY
    return _LINK if stat.S_ISLNK(found.st_mode) else ""


def work(task: list[str], places=None) -> int:  # type: ignore[no-untyped-def]  # noqa: ANN001 - Places, or None
    """In a container, in place of a program: ``pack PATH`` to stdout, or ``unpack PATH NAME CONTENTS`` from stdin.

    What went wrong is an entry of the stream, or a line of JSON. Without a root of one's own, ``places`` says where paths are.
    """
    try:
        if task[0] == "pack":
            pack(task[1] if places is None else places.source(task[1]), _write_all)
        else:
            stream = open(0, "rb", closefd=False)  # noqa: SIM115 - standard input
            target, exists = (task[1], None) if places is None else places.destination(task[1])
            made, left_out = unpack(stream.read, target, name=task[2], contents=task[3] == "1", exists=exists)
            _write_all(json.dumps({"made": made, "left_out": left_out}).encode() + b"\n")
    except OSError as error:
        where = os.fsdecode(error.filename or "") if places is None else task[1]
        told = [error.errno or EINVAL, error.strerror or str(error), where]
        _write_all(json.dumps({"error": told}).encode() + b"\n")
        return 1
    return 0


def _write_all(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]
