"""Programs with everything that they need to start: scripts' interpreters, the loader, libraries."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator
from pathlib import Path

from dockmagic.builder.hostimage import elf as elves
from dockmagic.builder.hostimage import tools
from dockmagic.builder.hostimage.loader import Loaded, Loader, configured
from dockmagic.builder.hostimage.source import opened
from dockmagic.builder.hostimage.tree import Tree, merged
from dockmagic.errors import DockmagicError, NotFoundError

_LOADER_CONF = Path("/etc/ld.so.conf")
_PROGRAMS = ("usr/bin", "usr/sbin")
# glibc opens these by name: users and hosts (before 2.34 no part of libc itself), and the end of a thread.
_OPENED_BY_NAME = ("libnss_files.so.2", "libnss_dns.so.2", "libgcc_s.so.1")
_SHEBANG_LIMIT = 256


class Collector:
    """Puts programs and libraries of this machine into a tree.

    Args:
        tree: takes the files.
        moved: gives the place in the image of a library that its users find by way of $ORIGIN, "" for no such place.
    """

    def __init__(self, tree: Tree, moved: Callable[[str], str] = lambda _: "") -> None:
        self._tree = tree
        self._moved = moved
        self._done: set[str] = set()
        shell = tools.find("sh")
        if not shell:
            raise tools.missing("sh", "dash")
        self._shell = self._read(os.path.realpath(shell))
        self._loader = Loader(self._shell.elf.kind, configured=configured(_LOADER_CONF))
        self._libraries = self._of_libc()

    def _of_libc(self) -> str:
        """Where libraries go that the loader of the image would not find at their own place."""
        for name in self._shell.elf.needed:
            found = self._loader.find(name, self._shell)
            if found is not None and self._loader.is_default(posixpath.dirname(found.path)):
                return posixpath.dirname(self._place(found))
        return "usr/lib"

    def program(self, path: str) -> None:
        """A program of the system, under its name and under that of the file that it leads to.

        Raises:
            DockmagicError: it, or something that it needs, is missing or cannot be read.
        """
        if path in self._done:
            return
        self._done.add(path)
        place, real = merged(path), os.path.realpath(path)
        home = merged(real)
        if posixpath.dirname(home) in _PROGRAMS:
            self.executable(home, real)
        self.executable(place, real)

    def executable(self, place: str, path: str) -> None:
        """An executable file at a place of the image.

        Raises:
            DockmagicError: it, or something that it needs, is missing or cannot be read.
        """
        with opened(path) as (fd, source):
            interpreter = _interpreter(fd)
        if interpreter:
            self.program(_required(interpreter, path))
        else:
            self._needs(self._read(path))
        self._tree.file(place, source, 0o755)

    def module(self, place: str, path: str) -> bool:
        """A library that a program opens itself; False, and nothing is taken, where one that it needs is missing."""
        with opened(path) as (_, source):
            loaded = self._read(path)
        libraries, lacking = self._closure(loaded)
        if not lacking:
            self._take(libraries)
            self._tree.file(place, source, 0o644)
        return not lacking

    def opened_by_name(self) -> None:
        """The libraries that the C library opens while a program runs, as far as this machine has them."""
        for name in _OPENED_BY_NAME:
            found = self._loader.find(name, self._shell)
            if found is not None:
                self._needs(found)
                self._take([found])

    def _read(self, path: str) -> Loaded:
        with opened(path) as (fd, _):
            try:
                found = elves.read(fd)
            except elves.ElfError as error:
                raise DockmagicError(
                    "a program of this machine is damaged", hint="install its package again", detail=f"{path}: {error}"
                ) from error
        if found is None:
            raise DockmagicError(
                "a program of this machine is neither ELF nor a script", hint="install its package again", detail=path
            )
        return Loaded(path=path, elf=found)

    def _needs(self, program: Loaded) -> None:
        libraries, lacking = self._closure(program)
        if lacking:
            raise NotFoundError(
                f"a library that this machine's programs need is missing: {lacking[0]}",
                hint="install the package of the program again",
                detail=f"needed by {program.path}",
            )
        if program.elf.interpreter:
            with opened(program.elf.interpreter) as (_, source):
                self._tree.file(merged(program.elf.interpreter), source, 0o755)
        self._take(libraries)

    def _closure(self, program: Loaded) -> tuple[list[Loaded], list[str]]:
        """The libraries that a file needs, directly or not, and the names that are not found."""
        found: dict[str, Loaded] = {}
        lacking: list[str] = []
        waiting = [program]
        while waiting:
            user = waiting.pop(0)
            for name in user.elf.needed:
                library = self._loader.find(name, user)
                if library is None:
                    lacking.append(name)
                elif library.path not in found:
                    found[library.path] = library
                    waiting.append(library)
        return list(found.values()), lacking

    def _take(self, libraries: list[Loaded]) -> None:
        for library in libraries:
            if library.path not in self._done:
                self._done.add(library.path)
                with opened(library.path) as (_, source):
                    self._tree.file(self._place(library), source, 0o644)

    def _place(self, library: Loaded) -> str:
        """Where the image's loader, which has no cache and no configuration, finds a library."""
        directory, name = os.path.split(library.path)
        if self._loader.is_default(directory):
            return f"{merged(os.path.realpath(directory))}/{name}"
        moved = self._moved(library.path) if library.relative else ""
        return moved or f"{self._libraries}/{name}"


def _interpreter(fd: int) -> str:
    """The program that a script names behind ``#!``, that of env(1) looked through, or ""."""
    first = os.pread(fd, _SHEBANG_LIMIT, 0).partition(b"\n")[0]
    words = os.fsdecode(first[2:]).split() if first.startswith(b"#!") else []
    return next(_named(words), "")


def _named(words: list[str]) -> Iterator[str]:
    if words and posixpath.basename(words[0]) == "env":
        yield from (word for word in words[1:] if not word.startswith("-"))
    yield from words[:1]


def _required(interpreter: str, script: str) -> str:
    found = tools.find(posixpath.basename(interpreter))
    if not found:
        raise NotFoundError(
            f"a program of this machine is a script, and there is no {posixpath.basename(interpreter)}",
            hint="install the package of the interpreter",
            detail=script,
        )
    return found
