"""Where the dynamic loader of this machine finds a library; see ld.so(8) and ldconfig(8)."""

from __future__ import annotations

import glob
import os
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dockmagic.builder.hostimage.elf import Elf, ElfError
from dockmagic.builder.hostimage.elf import read as read_elf

# Debian's names of the default directories, by the machine of the ELF header.
_MULTIARCH = {
    3: "i386-linux-gnu",
    21: "powerpc64le-linux-gnu",
    22: "s390x-linux-gnu",
    40: "arm-linux-gnueabihf",
    62: "x86_64-linux-gnu",
    183: "aarch64-linux-gnu",
    243: "riscv64-linux-gnu",
    258: "loongarch64-linux-gnu",
}
_DEEPEST_INCLUDE = 8
_64_BITS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A program or library with the directories that its own libraries are looked for in.

    Attributes:
        path: where the loader finds it.
        elf: what it says.
        relative: it was found by way of $ORIGIN, so it is found again when both are moved together.
        inherited: the DT_RPATH directories of those that loaded it, each with whether it came from $ORIGIN.
    """

    path: str
    elf: Elf
    relative: bool = False
    inherited: tuple[tuple[str, bool], ...] = ()


class Loader:
    """Looks for libraries as ld.so does, without its cache: what the cache holds is in the configured directories.

    Args:
        kind: class, byte order and machine of the programs.
        configured: directories of ld.so.conf, in order.
        defaults: directories that the loader knows without a cache; None for those of the machine.
    """

    def __init__(
        self, kind: tuple[int, int, int], *, configured: Sequence[str], defaults: Sequence[str] | None = None
    ) -> None:
        self._kind = kind
        self._multiarch = _MULTIARCH.get(kind[2], "")
        self._defaults = tuple(self._of_machine() if defaults is None else defaults)
        self._known = frozenset(os.path.realpath(directory) for directory in self._defaults)
        self._everywhere = tuple((directory, False) for directory in (*configured, *self._defaults))
        self._seen: dict[str, Elf | None] = {}

    def _of_machine(self) -> Iterator[str]:
        if self._multiarch:
            yield f"/lib/{self._multiarch}"
            yield f"/usr/lib/{self._multiarch}"
        if self._kind[0] == _64_BITS:
            yield "/lib64"
            yield "/usr/lib64"
        yield "/lib"
        yield "/usr/lib"

    def is_default(self, directory: str) -> bool:
        """Whether the loader looks into a directory without being told."""
        return os.path.realpath(directory) in self._known

    def find(self, name: str, by: Loaded) -> Loaded | None:
        """The library of that name as ``by`` gets it, None where there is none."""
        inherited = (*self._expanded(by.elf.rpath, by.path), *by.inherited)
        first = self._expanded(by.elf.runpath, by.path) or inherited
        candidates = [(name, False)] if "/" in name else _candidates(name, (*first, *self._everywhere))
        for path, relative in candidates:
            elf = self._suitable(path)
            if elf is not None:
                return Loaded(path=path, elf=elf, relative=relative, inherited=inherited)
        return None

    def _suitable(self, path: str) -> Elf | None:
        """The library at a path; None when the loader would go on to the next directory."""
        if path not in self._seen:
            elf = _elf(path)
            self._seen[path] = elf if elf is not None and elf.kind == self._kind else None
        return self._seen[path]

    def _expanded(self, directories: Sequence[str], path: str) -> tuple[tuple[str, bool], ...]:
        return tuple(self._expand(directory, path) for directory in directories)

    def _expand(self, directory: str, path: str) -> tuple[str, bool]:
        """A directory with its tokens replaced, and whether it moves with the file."""
        values = {"ORIGIN": posixpath.dirname(path), "LIB": f"lib/{self._multiarch}" if self._multiarch else "lib64"}
        expanded = directory
        for token, value in values.items():
            expanded = expanded.replace(f"${{{token}}}", value).replace(f"${token}", value)
        return expanded, "ORIGIN" in directory


def _candidates(name: str, directories: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    return [(os.path.normpath(f"{directory}/{name}"), relative) for directory, relative in directories]


def _elf(path: str) -> Elf | None:
    """What an ELF file says; None when there is none that can be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return read_elf(fd)
    except (ElfError, OSError):
        return None
    finally:
        os.close(fd)


def configured(path: Path, depth: int = 0) -> tuple[str, ...]:
    """The directories that ld.so.conf names, in order, with those of the files that it includes.

    A file that is not there or cannot be read names none.
    """
    try:
        lines = path.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ()
    found: list[str] = []
    for line in lines:
        words = line.partition("#")[0].replace(",", " ").replace(":", " ").split()
        if words[:1] == ["include"] and depth < _DEEPEST_INCLUDE:
            for pattern in words[1:]:
                for name in sorted(glob.glob(str(path.parent / pattern))):  # noqa: PTH207 - a pattern may be absolute
                    found += configured(Path(name), depth + 1)
        elif words[:1] not in (["include"], ["hwcap"]):
            found += [word.partition("=")[0] for word in words if word.startswith("/")]
    return tuple(found)
