"""What a RUN instruction mounts besides its root: trees of other layers, directories that stay, memory, and secrets."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from errno import ENOENT

from dockmagic.sandbox.accounts import Refused
from dockmagic.sandbox.ops import QUIET, Operation, Site, Standing, bounded
from dockmagic.sandbox.places import WITHIN, attach
from dockmagic.sandbox.rootfs import SCRATCH, mount_overlay
from dockmagic.syscalls import files, mounts


class Mounted(Operation):
    """One of them; ``tree`` gives its detached mount.

    Attributes:
        target: absolute path in the container.
        writable: it may be written to.
    """

    __slots__ = ("target", "writable")

    def __init__(self, target: str, *, writable: bool) -> None:
        self.target = target
        self.writable = writable

    def describe(self) -> str:
        return f"mount on {self.target}"

    def tree(self) -> int:
        """Its mount, attached nowhere."""
        raise NotImplementedError

    def apply(self, site: Site) -> None:
        tree = self.tree()
        mounts.mount_setattr(tree, add=QUIET | (0 if self.writable else mounts.RDONLY))
        directory = stat.S_ISDIR(os.fstat(tree).st_mode)
        top = os.dup(tree)
        attach(tree, site.place(self.target, directory=directory))
        site.volumes.append(Standing(self.target, top, ours=True, stays=isinstance(self, DirectoryMount)))


class LayersMount(Mounted):
    """Layers with a writable one on top that is thrown away."""

    __slots__ = ("lowers", "number", "source", "upper", "work")

    def __init__(self, mount, number: int) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
        super().__init__(mount["target"], writable=not mount["read_only"])
        self.lowers = mount["lowers"]
        self.upper = mount["upper"]
        self.work = mount["work"]
        self.source = mount["source"]
        self.number = number

    def tree(self) -> int:
        name = f"mounts/{self.number}"
        os.mkdir(f"{SCRATCH}/{name}", 0o755)  # noqa: PTH102 - no pathlib here
        mount_overlay(self.lowers, self.upper, self.work, name)
        return within(f"{SCRATCH}/{name}", self.source)


class DirectoryMount(Mounted):
    """A directory below the scheme's root."""

    __slots__ = ("directory", "source")

    def __init__(self, mount) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
        super().__init__(mount["target"], writable=not mount["read_only"])
        self.directory = mount["directory"]
        self.source = mount["source"]

    def tree(self) -> int:
        return within(self.directory, self.source)


class MemoryMount(Mounted):
    """An empty file system in memory."""

    __slots__ = ("mode", "noexec", "size")

    def __init__(self, mount) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
        super().__init__(mount["target"], writable=not mount["read_only"])
        self.size = mount["size"]
        self.noexec = mount["noexec"]
        self.mode = mount["mode"]

    def tree(self) -> int:
        options: dict[str, str | None] = {"mode": f"{self.mode or 0o1777:o}"}
        if self.size:
            options |= bounded(self.size)
        return mounts.new_mount("tmpfs", options, QUIET | (mounts.NOEXEC if self.noexec else 0))


class FileMount(Mounted):
    """A file that exists in memory alone: a secret."""

    __slots__ = ("contents", "length", "mode", "number", "offset", "owner")

    def __init__(self, mount, number: int, contents: int, offset: int) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - JSON
        super().__init__(mount["target"], writable=False)
        self.contents = contents
        self.length = mount["content"]
        self.offset = offset
        self.mode = mount["mode"]
        self.owner = mount["owner"]
        self.number = number

    def tree(self) -> int:
        name = f"{SCRATCH}/mounts/{self.number}"
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        offset, left = self.offset, self.length
        while left:
            sent = os.sendfile(descriptor, self.contents, offset, left)
            if not sent:
                raise OSError(ENOENT, "content is missing")
            offset, left = offset + sent, left - sent
        if tuple(self.owner) != (0, 0):
            # Where one id is mapped there is no other owner, and nobody whom it would keep out.
            with suppress(OSError):
                os.fchown(descriptor, *self.owner)
        os.fchmod(descriptor, self.mode)
        os.close(descriptor)
        return mounts.open_tree(name)


def within(directory: str, source: str) -> int:
    """A detached copy of what stands at a path within a directory; no link leads out of that.

    Raises:
        Refused: nothing stands there.
    """
    top = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        found = files.openat2(source.strip("/") or ".", os.O_PATH, resolve=WITHIN, dir_fd=top)
    except FileNotFoundError:
        raise Refused(f'a mount\'s source "{source}" is not there') from None
    finally:
        os.close(top)
    try:
        return mounts.open_tree("", dir_fd=found)
    finally:
        os.close(found)


def operations(given: list[dict[str, object]], contents: int, offset: int) -> list[Mounted]:
    """One for each mount of a spec, in order.

    Args:
        given: ``Spec.to_json()["mounts"]``.
        contents: descriptor of the contents of all files.
        offset: where those of the mounts begin.
    """
    made: list[Mounted] = []
    for number, mount in enumerate(given):
        if mount["early"]:
            continue
        match mount["kind"]:
            case "layers":
                made.append(LayersMount(mount, number))
            case "directory":
                made.append(DirectoryMount(mount))
            case "tmpfs":
                made.append(MemoryMount(mount))
            case _:
                made.append(FileMount(mount, number, contents, offset))
        offset += int(str(mount["content"]))
    return made


def early(given: list[dict[str, object]]) -> list[Operation]:
    """Those of a spec's mounts that come first."""
    return [
        DirectoryMount(mount) if mount["kind"] == "directory" else MemoryMount(mount)
        for mount in given
        if mount["early"]
    ]
