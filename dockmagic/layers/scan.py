"""Reading a writable layer as overlayfs left it: what each entry of the upper directory means as a changeset."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dockmagic.layers import depth, overlayfs
from dockmagic.layers.stack import Found, Stack
from dockmagic.oci.changeset import Entry, Kind

Owner = tuple[int, int]
_KEPT_XATTRS = ("user.", "security.capability")
_NOTHING: Mapping[str, Entry] = {}
# Of a file that nobody needs to look at: it has one name.
_PLAIN = os.stat_result((stat.S_IFREG, 0, 0, 1, 0, 0, 0, 0, 0, 0))
_KINDS: Mapping[int, Kind] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """Whose a file of the writable layer is.

    Attributes:
        single: only one id is mapped, so the disk does not say.
        default: who made what has no record.
        table: records that stand before any attribute: inode number in the upper directory, as text, to (uid, gid).
    """

    single: bool = False
    default: Owner = (0, 0)
    table: Mapping[str, Owner] = field(default_factory=dict)

    def of(self, path: str, status: os.stat_result) -> Owner:
        """The owner as the image has it."""
        if not self.single:
            return status.st_uid, status.st_gid
        recorded = self.table.get(str(status.st_ino))
        if recorded is None and (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            recorded = overlayfs.parse_owner(overlayfs.attribute(path, overlayfs.OWNER))
        return self.default if recorded is None else (recorded[0], recorded[1])

    def over(self, path: str, status: os.stat_result, below: Found | None) -> Owner:
        """The owner of what stands over ``below``: the same one, where a file system keeps no records of what overlayfs copies up."""
        if self.single and below is not None and str(status.st_ino) not in self.table:
            same_kind = stat.S_IFMT(below.status.st_mode) == stat.S_IFMT(status.st_mode)
            if same_kind and not overlayfs.keeps_attributes(path):
                return Owners(single=True).of(below.real, below.status)
        return self.of(path, status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An entry of the upper directory and what stands below it.

    Attributes:
        entry: as the changeset has it.
        real: the file in the upper directory.
        status: of ``real``.
        below: what the lower layers show at that path, None for nothing.
        kept: of a directory, whether its own metadata changed.
        hidden: whether an opaque directory hides ``below``, so that the entry stands for itself.
        bare: it has no extended attribute at all.
        cut: a directory with entries that lie too deep to be named; they are left out.
    """

    entry: Entry
    real: str
    status: os.stat_result
    below: Found | None
    kept: bool = True
    hidden: bool = False
    bare: bool = False
    cut: bool = False


def scan(
    upper: str,
    below: Stack,
    owners: Owners,
    ignore: frozenset[str],
    *,
    mtime: int = 0,
    settled: Mapping[str, Entry] = _NOTHING,
) -> list[Change]:
    """Every meaningful entry of a writable layer, bytewise by path; a directory's opaque mark follows it.

    Every entry but a deletion gets ``mtime``. Left out are sockets, whiteouts of what is not below, directories that were only copied up, and ``ignore`` unless
    something stands below them. What is ``settled``, new files of one name, is known already and not looked at.
    """
    found = sorted(_walk(upper, below, owners, mtime, settled), key=lambda c: os.fsencode(c.entry.path))
    return _meaningful(found, ignore)


def _walk(upper: str, below: Stack, owners: Owners, mtime: int, settled: Mapping[str, Entry]) -> Iterator[Change]:
    pending = [("", below.lookup(""), False)]
    while pending:
        directory, under, hidden = pending.pop()
        real = f"{upper}/{directory}" if directory else upper
        with os.scandir(real) as entries:
            names = [entry.name for entry in entries]
        for name in names:
            path = f"{directory}/{name}" if directory else name
            if not depth.is_named(path):
                continue
            if path in settled:
                yield Change(entry=settled[path], real=f"{upper}/{path}", status=_PLAIN, below=None, bare=True)
                continue
            change = _change(path, f"{upper}/{path}", _under(below, under, name), owners, mtime)
            if change is None or (hidden and change.entry.type == "whiteout"):
                continue
            yield replace(change, hidden=True) if hidden else change
            if change.entry.type == "dir":
                hides = overlayfs.is_opaque(change.real)
                visible = change.below if change.below is not None and change.below.is_dir else None
                if hides and visible is not None and not hidden:
                    yield replace(change, entry=Entry(path=path, type="opaque"), below=visible)
                pending.append((path, visible, hides or hidden))


def _under(below: Stack, under: Found | None, name: str) -> Found | None:
    return None if under is None or not under.is_dir else below.child(under, name)


def _change(path: str, real: str, below: Found | None, owners: Owners, mtime: int) -> Change | None:
    status = os.lstat(real)
    if overlayfs.is_whiteout(real, status):
        if below is None:
            return None
        # A device has no attributes, and a file server does not let its owner look for them where its mode is 0.
        bare = stat.S_ISCHR(status.st_mode)
        return Change(entry=Entry(path=path, type="whiteout"), real=real, status=status, below=below, bare=bare)
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        return None
    uid, gid = owners.over(real, status, below)
    # nothing else can have those that mean something
    names = os.listxattr(real, follow_symlinks=False) if kind in {"file", "dir"} else ()
    device = status.st_rdev if kind in {"char", "block"} else 0
    entry = Entry(
        path=path,
        type=kind,
        mode=0o777 if kind == "symlink" else stat.S_IMODE(status.st_mode),
        uid=uid,
        gid=gid,
        size=status.st_size if kind == "file" else 0,
        mtime=mtime,
        linkname=os.readlink(real) if kind == "symlink" else "",
        devmajor=os.major(device),
        devminor=os.minor(device),
        xattrs=xattrs(real, names) if names else {},
    )
    kept = kind != "dir" or below is None or not below.is_dir or _differs(entry, below, owners)
    cut = kind == "dir" and depth.is_cut(real, path)
    return Change(entry=entry, real=real, status=status, below=below, kept=kept or cut, bare=not names, cut=cut)


def _differs(entry: Entry, below: Found, owners: Owners) -> bool:
    """Whether a directory's own metadata, times apart, is another than below."""
    lower = Owners(single=owners.single).of(below.real, below.status)
    mode = stat.S_IMODE(below.status.st_mode)
    return (entry.mode, entry.uid, entry.gid) != (mode, *lower) or dict(entry.xattrs) != xattrs(below.real)


def xattrs(path: str, names: Sequence[str] | None = None) -> dict[str, bytes]:
    """The extended attributes of a file that belong to an image, by the names that they have there.

    Args:
        path: of the file; a link is not followed.
        names: all that it has, where they are known.
    """
    found = {}
    for name in sorted(os.listxattr(path, follow_symlinks=False) if names is None else names):
        if name == overlayfs.OWNER or not name.startswith(_KEPT_XATTRS):
            continue
        if name.startswith(overlayfs.ESCAPED):
            plain = overlayfs.PREFIX + name.removeprefix(overlayfs.ESCAPED)
        elif name.startswith(overlayfs.PREFIX):
            continue
        else:
            plain = name
        value = overlayfs.attribute(path, name)
        if value is not None:
            found[plain] = value
    return found


def _meaningful(found: list[Change], ignore: frozenset[str]) -> list[Change]:
    """Drop directories that say nothing, from the deepest up."""
    needed: set[str] = set()
    kept = []
    for change in reversed(found):
        path = change.entry.path
        if path in ignore and path not in needed:
            continue
        if change.entry.type == "dir" and not (change.kept or change.hidden or path in needed):
            continue
        kept.append(change)
        while "/" in path:
            path = path.rpartition("/")[0]
            if path in needed:
                break
            needed.add(path)
        if change.entry.type == "opaque":
            needed.add(change.entry.path)
    return kept[::-1]
