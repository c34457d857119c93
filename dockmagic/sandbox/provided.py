"""What a container gets from outside of its image: small files of ours, the caller's files, and volumes."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from errno import EEXIST, EINVAL, ELOOP, ENOTDIR, EXDEV

from dockmagic.sandbox.ops import DEAD, QUIET, Operation, Site, Standing
from dockmagic.sandbox.places import PLAIN, WITHIN, at, attach, copy_of, plain_directory
from dockmagic.sandbox.rootfs import SCRATCH
from dockmagic.syscalls import files, mounts

# Of /run/dockmagic, for the files of processes that join.
ROOM_FOR_MORE = 64 << 20


class ProvidedFile(Operation):
    """A small file that is ours, over one of the image: /etc/hosts and the like. A dangling link there stays as it is."""

    __slots__ = ("content", "target")

    def __init__(self, target: str, content: bytes) -> None:
        self.target = target
        self.content = content

    def describe(self) -> str:
        return f"file on /{self.target}"

    def apply(self, site: Site) -> None:
        place = self._place(site)
        if place < 0:
            return
        name = f"{SCRATCH}/files/{self.target.replace('/', '-')}"
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(descriptor, self.content)
        os.close(descriptor)
        copy = mounts.open_tree(name)
        attach(copy, place)

    def _place(self, site: Site) -> int:
        try:
            found = files.openat2(self.target, os.O_PATH, resolve=WITHIN, dir_fd=site.root)
        except FileNotFoundError:
            return self._make(site)
        except OSError as error:
            if error.errno in {ELOOP, EXDEV, ENOTDIR}:
                site.notes.append(f"/{self.target} of the image leads nowhere: not provided")
                return -1
            raise
        if not stat.S_ISREG(os.fstat(found).st_mode):
            raise OSError(EINVAL, "must be an ordinary file", "/" + self.target)
        return found

    def _make(self, site: Site) -> int:
        """The skeleton's file is hidden by an opaque directory above it, or the image has a dangling link."""
        parent, name = self.target.rsplit("/", 1)
        directory = plain_directory(site.root, parent)
        try:
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=directory))
        except OSError as error:
            if error.errno != EEXIST:
                raise
            site.notes.append(f"/{self.target} of the image is a dangling link: not provided")
            return -1
        return at(directory, name)


class ProvidedDirectory(Operation):
    """/run/dockmagic: read-only, with the files that the caller gives.

    Attributes:
        entries: name, size and mode of each.
        contents: descriptor of a file with their contents, one after the other.
    """

    __slots__ = ("contents", "entries", "target")

    def __init__(self, target: str, entries: list[tuple[str, int, int]], contents: int) -> None:
        self.target = target
        self.entries = entries
        self.contents = contents

    def describe(self) -> str:
        return f"tmpfs on /{self.target}"

    def apply(self, site: Site) -> None:
        size = sum(size + 8192 for _, size, _ in self.entries) + ROOM_FOR_MORE
        made = mounts.new_mount("tmpfs", {"mode": "0755", "size": str(size)}, QUIET)
        fill(made, self.entries, self.contents)
        mounts.mount_setattr(made, add=mounts.RDONLY)
        attach(made, plain_directory(site.root, self.target))


class HostTree(Operation):
    """A directory or file of the host (``-v``).

    Attributes:
        source: its path on the host, for errors and where ``tree`` is None.
        tree: a detached mount of it that somebody with more rights made, or None.
        hidden: path below it that is covered (the store, in a parent directory of it), or "".
    """

    __slots__ = ("hidden", "read_only", "source", "target", "tree")

    def __init__(self, source: str, target: str, *, read_only: bool, hidden: str, tree: int | None) -> None:
        self.hidden = hidden
        self.source = source
        self.target = target
        self.read_only = read_only
        self.tree = tree

    def describe(self) -> str:
        return f"{self.source} on {self.target}"

    def apply(self, site: Site) -> None:
        tree = copy_of(self.source) if self.tree is None else self.tree
        mounts.mount_setattr(tree, add=QUIET | (mounts.RDONLY if self.read_only else 0), recursive=True)
        directory = stat.S_ISDIR(os.fstat(tree).st_mode)
        top = os.dup(tree)
        attach(tree, site.place(self.target, directory=directory))
        if self.hidden:
            place = files.openat2(self.hidden, os.O_PATH | os.O_DIRECTORY, resolve=PLAIN, dir_fd=top)
            cover = {"mode": "0555", "size": "4k"}
            attach(mounts.new_mount("tmpfs", {**cover}, DEAD | mounts.RDONLY), place)
        site.volumes.append(Standing(self.target, top, ours=False))


def add_files(entries: list[tuple[str, int, int]], contents: int) -> None:
    """More files for a living container's /run/dockmagic, whose mount it sees as read-only; its root must be ours."""
    if not entries:
        return
    writable = mounts.open_tree("/run/dockmagic")
    try:
        mounts.mount_setattr(writable, add=0, clear=mounts.RDONLY)
        fill(writable, entries, contents)
    finally:
        os.close(writable)


def fill(top: int, entries: list[tuple[str, int, int]], contents: int) -> None:
    """Write files below a directory, each complete before it has its name; one of that name is replaced.

    Args:
        top: descriptor of the directory, which no container can write to.
        entries: name, size and mode of each.
        contents: descriptor of a file with their contents, one after the other.
    """
    offset = 0
    for name, length, mode in entries:
        *parents, last = name.split("/")
        directory = _below(top, parents)
        made = os.open(f".{last}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600, dir_fd=directory)
        _copy(contents, offset, length, made)
        os.fchmod(made, mode)
        os.close(made)
        os.rename(f".{last}.new", last, src_dir_fd=directory, dst_dir_fd=directory)
        os.close(directory)
        offset += length


def _below(top: int, parents: list[str]) -> int:
    directory = os.dup(top)
    for parent in parents:
        with suppress(FileExistsError):
            os.mkdir(parent, 0o755, dir_fd=directory)
        below = os.open(parent, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
        os.close(directory)
        directory = below
    return directory


def _copy(contents: int, offset: int, length: int, target: int) -> None:
    while length:
        sent = os.sendfile(target, contents, offset, length)
        if not sent:
            raise OSError(EINVAL, "content is missing")
        offset, length = offset + sent, length - sent
