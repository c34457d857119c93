"""The root file system: the image's layers, the writable one, and the skeleton of mount points below all.

The skeleton is the lowest lower directory, so that mount points never enter the writable layer. It is made anew for each container,
in memory.
"""

# pathlib costs more to import than all of this costs to do.
# ruff: noqa: PTH102, PTH106, PTH108, PTH112, PTH116, PTH211
from __future__ import annotations

import os
from contextlib import suppress
from errno import EINVAL

from dockmagic.sandbox.kernel import is_before
from dockmagic.sandbox.ops import DEAD, QUIET, Operation, Site
from dockmagic.sandbox.places import attach
from dockmagic.syscalls import mounts

# The directory, relative to the scheme's root, that the scratch file system covers in the child's own mount namespace.
SCRATCH = "mnt"

_MS_QUIET = 0x2 | 0x4  # MS_NOSUID | MS_NODEV
_DIRECTORIES = ("proc", "sys", "dev", "etc", "run", "run/dockmagic")
_FILES = ("etc/hosts", "etc/hostname", "etc/resolv.conf")


class Scratch(Operation):
    """A private tmpfs over SCRATCH: the skeleton (lowest lower directory), the place of the root, small files."""

    __slots__ = ("epoch", "extra")

    def __init__(self, epoch: int, extra: dict[str, bytes]) -> None:
        self.epoch = epoch
        self.extra = extra

    def describe(self) -> str:
        return "scratch tmpfs"

    def apply(self, site: Site) -> None:
        del site
        attach(mounts.new_mount("tmpfs", {"mode": "0755", "size": "4m"}, DEAD), os.open(SCRATCH, os.O_PATH))
        for name in ("skeleton", "root", "files", "layers", "mounts"):
            os.mkdir(f"{SCRATCH}/{name}", 0o755)
        top = SCRATCH + "/skeleton/"
        made = [*_DIRECTORIES]
        for directory in _DIRECTORIES:
            os.mkdir(top + directory, 0o755)
        for name, content in {**dict.fromkeys(_FILES, b""), **self.extra}.items():
            made += _write(top, name, content)
        for name in [*reversed(made), ""]:
            os.utime(top + name, (self.epoch, self.epoch))


def _write(top: str, name: str, content: bytes) -> list[str]:
    """A file of the skeleton and the directories above it; what was made."""
    parents = name.split("/")[:-1]
    made = []
    for depth in range(1, len(parents) + 1):
        directory = "/".join(parents[:depth])
        if not os.path.isdir(top + directory):
            os.mkdir(top + directory, 0o755)
            made.append(directory)
    descriptor = os.open(top + name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(descriptor, content)
    os.close(descriptor)
    return [*made, name]


class Overlay(Operation):
    """The image's layers with the writable one on top, and the skeleton below all."""

    __slots__ = ("lowers", "nosuid", "upper", "work")

    def __init__(self, lowers: list[str], upper: str, work: str, *, nosuid: bool = True) -> None:
        self.nosuid = nosuid
        self.lowers = lowers
        self.upper = upper
        self.work = work

    def describe(self) -> str:
        return "overlay on /"

    def apply(self, site: Site) -> None:
        # What a "volatile" overlay leaves, so that nobody uses it after a crash of the machine; here the writable layer is all
        # that there is of a container, and what a build makes of one is written to disk before it counts.
        with suppress(FileNotFoundError):
            os.unlink(f"{self.work}/work/incompat/volatile/dirty")
        for name in ("incompat/volatile", "incompat"):
            with suppress(FileNotFoundError):
                os.rmdir(f"{self.work}/work/{name}")
        mount_overlay([*self.lowers, SCRATCH + "/skeleton"], self.upper, self.work, "root")
        site.root = os.open(SCRATCH + "/root", os.O_PATH | os.O_DIRECTORY)
        if not self.nosuid:
            mounts.mount_setattr(site.root, add=0, clear=mounts.NOSUID)


def mount_overlay(lowers: list[str], upper: str, work: str, where: str) -> None:
    """Mount layers with a writable one on top on a directory of SCRATCH, volatile and with ``userxattr``.

    Args:
        lowers: directories, top first.
        upper: directory of the writable layer.
        work: directory of overlayfs.
        where: name of the directory.
    """
    # Asked for the newer call, an older kernel would complain in its log at each container's start.
    if is_before(os.uname().release, (6, 5)):
        _mount_by_options(lowers, upper, work, where)
        return
    place = os.open(f"{SCRATCH}/{where}", os.O_PATH | os.O_DIRECTORY)
    try:
        attach(_mounted(lowers, upper, work), place)
    except OSError as error:
        # Where it is not as its version says. An older kernel takes options by any name, and refuses them, without a name, at the end.
        if error.errno != EINVAL or not (error.strerror or "").startswith("fsconfig"):
            raise
        _mount_by_options(lowers, upper, work, where)


def _mounted(lowers: list[str], upper: str, work: str) -> int:
    """A detached mount; one option for each layer, which needs Linux 6.5."""
    context = mounts.fsopen("overlay")
    try:
        mounts.fsconfig_string(context, "source", "overlay")
        for lower in lowers:
            mounts.fsconfig_string(context, "lowerdir+", lower)
        mounts.fsconfig_string(context, "upperdir", upper)
        mounts.fsconfig_string(context, "workdir", work)
        for flag in ("userxattr", "volatile"):
            mounts.fsconfig_flag(context, flag)
        mounts.fsconfig_create(context)
        return mounts.fsmount(context, QUIET)
    finally:
        os.close(context)


def _mount_by_options(lowers: list[str], upper: str, work: str, where: str) -> None:
    """The old call takes one page of options: short names keep 500 layers below it."""
    here = os.open(".", os.O_PATH | os.O_DIRECTORY)
    names = f"{SCRATCH}/layers/{where.replace('/', '-')}"
    os.mkdir(names, 0o755)
    os.chdir(names)
    for number, lower in enumerate(lowers):
        os.symlink("../../../" + lower, str(number))
        os.stat("../../../" + lower)  # mount(2) would not say which of them is not there
    lowerdir = ":".join(str(number) for number in range(len(lowers)))
    options = f"lowerdir={lowerdir},upperdir=../../../{upper},workdir=../../../{work},userxattr,volatile"
    mounts.mount("overlay", f"../../{where}", "overlay", _MS_QUIET, options)
    os.fchdir(here)
    os.close(here)
