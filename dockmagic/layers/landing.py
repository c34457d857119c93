"""Writing files into a fresh writable layer, as if the layers below were merged underneath: COPY, ADD and WORKDIR."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from dockmagic.errors import ArchiveError, UsageError
from dockmagic.layers import overlayfs, removal
from dockmagic.layers.making import write_all
from dockmagic.layers.scan import Owners
from dockmagic.layers.settled import Settled
from dockmagic.layers.stack import Found, Stack
from dockmagic.oci.changeset import Entry

_CHUNK = 1 << 20
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_RANGE = 65535
_LINKS = 40
Owner = tuple[int, int]
ROOT: Owner = (0, 0)


class Landing:
    """A fresh upper directory over layers; what is written goes there, what is below is looked up.

    Args:
        upper: a directory that only landings wrote to, relative to the working directory.
        lowers: layers below, top first.
        single: only one id is mapped.
        settled: gets the files that need no look any more; None where nobody wants to know.

    Attributes:
        stack: what has landed so far, and what is below it.
        table: owners that only a table can hold: inode number, as text, to (uid, gid).
        left_out: paths of devices, which are not made.
    """

    def __init__(self, upper: str, lowers: Sequence[str], *, single: bool, settled: Settled | None = None) -> None:
        self._upper = upper
        self._below = Stack(lowers)
        self._single = single
        self._settled = settled
        self.stack = Stack((upper, *lowers))
        self.table: dict[str, Owner] = {}
        self.left_out: list[str] = []
        # directories that hold nothing but what landed here, and where nothing shows through from below
        self._fresh: set[str] = set() if lowers or os.listdir(upper) else {""}
        self._self = (os.geteuid(), os.getegid())
        self._last = (("", ""), "")

    def makedirs(self, path: str, *, root: str = "", owner: Owner = ROOT, mode: int = 0o755) -> str:
        """Make a directory and its missing parents; links on the way are followed within ``root``.

        Args:
            path: from ``root``.
            root: a real directory of the merged root, without a leading slash.
            owner: of every directory that is made.
            mode: of every directory that is made.

        Returns:
            The real path, relative to the merged root.

        Raises:
            UsageError: something on the way is no directory.
        """
        done = root
        pending = _parts(path)
        links = 0
        while pending:
            part = pending.pop()
            if part == "..":
                done = posixpath.dirname(done) if done != root else root
                continue
            child = posixpath.join(done, part)
            found = self.stack.lookup(child, follow=False)
            if found is not None and stat.S_ISLNK(found.status.st_mode):
                links += 1
                if links > _LINKS:
                    raise UsageError(f"too many links on the way to {path}")
                target = os.readlink(found.real)
                pending += _parts(target)
                done = root if target.startswith("/") else done
                continue
            if found is None:
                self._make(child, owner, mode)
            elif not found.is_dir:
                raise UsageError(f"not a directory in the image: /{child}")
            done = child
        return done

    def put(self, parent: str, entry: Entry, content: Iterable[bytes] | None, *, replaces: bool = True) -> None:
        """Write ``entry`` below the real directory ``parent``; its path, and a hard link's first name, are relative to that.

        Args:
            parent: relative to the merged root.
            entry: what to write; the directories above it are there.
            content: of a file.
            replaces: a directory may take the place of something else, and the other way round.

        Raises:
            UsageError: it may not.
        """
        above, path = self._place(parent, entry.path)
        if entry.type == "file" and above in self._fresh and self._put_new(path, entry, content):
            return
        found = self.stack.lookup(path, follow=False)
        if entry.type == "dir":
            self._put_directory(path, entry, found, replaces=replaces)
            return
        if found is not None and found.is_dir and not replaces:
            raise UsageError(f"cannot copy a file onto a directory of the image: /{path}")
        self._stale(path)
        self._unsettle(path)
        self._surface(above)
        target = f"{self._upper}/{path}"
        if entry.type == "hardlink":
            source = posixpath.normpath(posixpath.join(parent, entry.linkname))
            self._put_link(source.lstrip("/"), path)
            return
        removal.remove(target)
        self._create(target, entry, content)

    def _place(self, parent: str, path: str) -> tuple[str, str]:
        """The directory that an entry stands in, and its own path."""
        above, _, name = path.rpartition("/")
        if name in {"", ".", ".."}:
            whole = posixpath.normpath(posixpath.join(parent, path))
            return posixpath.dirname(whole), whole
        if (parent, above) != self._last[0]:  # they come directory by directory
            place = posixpath.normpath(posixpath.join(parent, above))
            self._last = (parent, above), "" if place == "." else place
        place = self._last[1]
        return place, f"{place}/{name}" if place else name

    def _put_new(self, path: str, entry: Entry, content: Iterable[bytes] | None) -> bool:
        """Make a file where nothing can be but what landed before; False where something did."""
        try:
            file = os.open(f"{self._upper}/{path}", _NEW, 0o600)
        except FileExistsError:
            return False
        try:
            size, data = 0, b""
            for data in content or ():
                write_all(file, data)
                size += len(data)
            _put_attributes(file, entry)
            owner = (entry.uid, entry.gid)
            if self._single:
                if owner != ROOT:
                    os.setxattr(file, overlayfs.OWNER, b"%d:%d" % owner)
            elif owner != self._self:
                os.fchown(file, *_within_range(owner))
            os.fchmod(file, entry.mode)
            if self._settled is not None:
                os.utime(file, (self._settled.epoch, self._settled.epoch))
                self._settled.add(path, entry, size, data if len(data) == size else None)
        finally:
            os.close(file)
        return True

    def _stale(self, path: str) -> None:
        """Note that what stands at ``path`` may be replaced."""
        if path in self._fresh:
            self._fresh = {old for old in self._fresh if old != path and not old.startswith(f"{path}/")}

    def _unsettle(self, path: str) -> None:
        """Note that a file is replaced, or gets another name; also a directory, with what is in it."""
        if self._settled is not None and os.path.lexists(f"{self._upper}/{path}"):
            self._settled.forget()

    def _put_directory(self, path: str, entry: Entry, found: Found | None, *, replaces: bool) -> None:
        if found is not None and not found.is_dir:
            if not replaces:
                raise UsageError(f"cannot copy a directory onto a file of the image: /{path}")
            self._stale(path)
            self._unsettle(path)
            removal.remove(f"{self._upper}/{path}")
            found = None
        if found is None:
            self._make(path, (entry.uid, entry.gid), entry.mode)
            return
        self._surface(path)
        self._stale(path)
        target = f"{self._upper}/{path}"
        own(target, (entry.uid, entry.gid), single=self._single)
        os.chmod(target, entry.mode)

    def _put_link(self, source: str, path: str) -> None:
        found = self.stack.lookup(source, follow=False)
        if found is None or not (stat.S_ISREG(found.status.st_mode) or stat.S_ISLNK(found.status.st_mode)):
            raise ArchiveError(f"a hard link to what is not there: {source[:120]!r}")
        if source == path:
            return
        self._unsettle(source)
        if not found.real.startswith(f"{self._upper}/"):
            self._bring(source, found)
        target = f"{self._upper}/{path}"
        removal.remove(target)
        os.link(f"{self._upper}/{source}", target, follow_symlinks=False)

    def _bring(self, path: str, found: Found) -> None:
        """Bring a file of the layers below up, so that a name can be added to it."""
        status = found.status
        uid, gid = Owners(single=self._single).of(found.real, status)
        is_link = stat.S_ISLNK(status.st_mode)
        entry = Entry(
            path=path,
            type="symlink" if is_link else "file",
            mode=stat.S_IMODE(status.st_mode),
            uid=uid,
            gid=gid,
            linkname=os.readlink(found.real) if is_link else "",
        )
        self._surface(posixpath.dirname(path))
        self._create(f"{self._upper}/{path}", entry, None if is_link else content_of(found.real))

    def _make(self, path: str, owner: Owner, mode: int) -> None:
        self._surface(posixpath.dirname(path))
        target = f"{self._upper}/{path}"
        os.mkdir(target, 0o700)
        below = self._below.lookup(path, follow=False)
        if below is not None and below.is_dir:  # something that hid it was replaced: its content stays hidden
            directory = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                overlayfs.make_opaque(directory)
            finally:
                os.close(directory)
        own(target, owner, single=self._single)
        os.chmod(target, mode)
        if not mode & stat.S_ISGID:  # there, files get another group than this process's
            self._fresh.add(path)

    def _surface(self, path: str) -> None:
        """Bring a directory of the layers below up, with its metadata, as overlayfs copies up."""
        if not path or _is_directory(f"{self._upper}/{path}"):
            return
        self._surface(posixpath.dirname(path))
        found = self._below.lookup(path, follow=False)
        if found is None or not found.is_dir:
            raise UsageError(f"not a directory in the image: /{path}")
        target = f"{self._upper}/{path}"
        os.mkdir(target, 0o700)
        for name in os.listxattr(found.real, follow_symlinks=False):
            if name == overlayfs.OWNER or not name.startswith(overlayfs.PREFIX) or name.startswith(overlayfs.ESCAPED):
                with suppress(OSError):
                    os.setxattr(target, name, os.getxattr(found.real, name, follow_symlinks=False))
        if not self._single:
            os.chown(target, found.status.st_uid, found.status.st_gid)
        os.chmod(target, stat.S_IMODE(found.status.st_mode))
        if not (found.status.st_mode & stat.S_ISGID or any(os.listdir(layer) for layer in found.layers)):
            self._fresh.add(path)

    def _create(self, target: str, entry: Entry, content: Iterable[bytes] | None) -> None:
        owner = (entry.uid, entry.gid)
        match entry.type:
            case "symlink":
                os.symlink(entry.linkname, target)
                self._own_special(target, owner)
            case "fifo":
                os.mkfifo(target, 0o600)
                self._own_special(target, owner)
                os.chmod(target, entry.mode)
            case "file":
                _write(target, entry, content or ())
                own(target, owner, single=self._single)
                os.chmod(target, entry.mode)
            case "char" | "block":
                self.left_out.append(f"/{entry.path}")
            case _:
                raise ArchiveError(f"an entry that no layer can hold: {entry.path[:120]!r}")

    def _own_special(self, target: str, owner: Owner) -> None:
        """Of what has no attributes of a user."""
        if not self._single:
            os.chown(target, *_within_range(owner), follow_symlinks=False)
        elif owner != ROOT:
            self.table[str(os.lstat(target).st_ino)] = owner


def own(target: str, owner: Owner, *, single: bool) -> None:
    """Give a file or directory to its owner, as this scheme does it."""
    if not single:
        os.chown(target, *_within_range(owner), follow_symlinks=False)
    elif owner != ROOT:
        os.setxattr(target, overlayfs.OWNER, b"%d:%d" % owner, follow_symlinks=False)
    else:
        with suppress(OSError):
            os.removexattr(target, overlayfs.OWNER, follow_symlinks=False)


def content_of(path: str) -> Iterator[bytes]:
    """A regular file's bytes, in pieces."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        while data := os.read(file, _CHUNK):
            yield data
    finally:
        os.close(file)


def _write(target: str, entry: Entry, content: Iterable[bytes]) -> None:
    file = os.open(target, _NEW, 0o600)
    try:
        for data in content:
            write_all(file, data)
        _put_attributes(file, entry)
    finally:
        os.close(file)


def _put_attributes(file: int, entry: Entry) -> None:
    for name, value in entry.xattrs.items():
        if not name.startswith(("trusted.", overlayfs.PREFIX)) and name != overlayfs.OWNER:
            with suppress(OSError):
                os.setxattr(file, name, value)


def _within_range(owner: Owner) -> Owner:
    return min(owner[0], _RANGE), min(owner[1], _RANGE)


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _parts(path: str) -> list[str]:
    return [part for part in reversed(path.split("/")) if part not in {"", "."}]
