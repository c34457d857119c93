"""The second layer of ``localhost/python``: the notebook's Python and its standard library.

It stands in /usr/local in the layout of its own prefix, so it finds its library by the search that every Python begins
beside its executable (``Modules/getpath.py``).
"""

from __future__ import annotations

import os
import posixpath
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dockmagic.builder.hostimage.collect import Collector
from dockmagic.builder.hostimage.source import opened
from dockmagic.builder.hostimage.tree import Piece, Tree
from dockmagic.errors import NotFoundError

_PREFIX = "usr/local"
# Caches, packages, tests, and what needs a screen or a network.
_LEFT_OUT_DIRECTORIES = frozenset(
    ["__pycache__", "dist-packages", "ensurepip", "idle_test", "idlelib", "site-packages", "test", "tests", "tkinter",
     "turtledemo"]
)  # fmt: skip
# The first two are the machine's own doing: Debian's mark against pip, and an administrator's start-up code.
_LEFT_OUT_FILES = frozenset(["EXTERNALLY-MANAGED", "sitecustomize.py", "usercustomize.py", "turtle.py"])
_LEFT_OUT_SUFFIXES = (".a", ".pyc", ".exe")
_LEFT_OUT_MODULES = ("_test", "_ctypes_test", "_tkinter", "_xxtestfuzz", "nis.", "xxlimited", "xxsubtype")


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """An installed Python.

    Attributes:
        executable: absolute, without links.
        prefix: the directory that it was installed into.
        library: its standard library, below the prefix.
        version: ``"3.11"``.
    """

    executable: str
    prefix: str
    library: str
    version: str


def of_this_process() -> Python:
    """The Python that a virtual environment was made from, or that runs without one.

    Raises:
        NotFoundError: it is not installed as files.
    """
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    prefix = os.path.realpath(sys.base_prefix)
    names = [f"{sys.base_prefix}/bin/{name}" for name in (f"python{version}", "python3", "python")]
    executable = next((os.path.realpath(name) for name in names if Path(name).is_file()), "")
    library = os.path.realpath(sysconfig.get_path("stdlib"))
    if not executable or not Path(library, "os.py").is_file() or not library.startswith(prefix.rstrip("/") + "/"):
        raise NotFoundError(
            "localhost/python is made of the notebook's Python, and its files are not found",
            hint="start from localhost/base, or run the kernel with a Python that is installed as files",
            detail=f"prefix {prefix}, executable {executable or 'none'}, standard library {library}",
        )
    return Python(executable=executable, prefix=prefix, library=library, version=version)


def python(of: Python, base: Mapping[str, Piece]) -> Mapping[str, Piece]:
    """The layer's paths.

    Args:
        of: the Python.
        base: the layer below.

    Raises:
        NotFoundError: a library is missing.
        DockmagicError: a file cannot be read, or two libraries have one name.
    """

    def moved(path: str) -> str:
        inside = os.path.relpath(path, of.prefix)
        return "" if inside.startswith("..") else f"{_PREFIX}/{inside}"

    tree = Tree(base)
    collector = Collector(tree, moved)
    name = posixpath.basename(of.executable)
    collector.executable(f"{_PREFIX}/bin/{name}", of.executable)
    for other in {"python", "python3", f"python{of.version}"} - {name}:
        tree.link(f"{_PREFIX}/bin/{other}", name)
    for path in _library(of.library):
        if path.endswith(".so"):
            # A module whose library is missing cannot be imported on this machine either.
            collector.module(moved(path), path)
        else:
            with opened(path) as (_, source):
                tree.file(moved(path), source, 0o644)
    return tree.pieces


def _library(top: str) -> Iterator[str]:
    """The files of a standard library that are taken, in a fixed order."""
    for directory, below, names in os.walk(top):
        below[:] = sorted(
            name for name in below if name not in _LEFT_OUT_DIRECTORIES and not name.startswith("config-")
        )
        for name in sorted(names):
            path = f"{directory}/{name}"
            if _is_taken(name) and Path(path).is_file():
                yield path


def _is_taken(name: str) -> bool:
    if name in _LEFT_OUT_FILES or name.endswith(_LEFT_OUT_SUFFIXES):
        return False
    return not (name.endswith(".so") and name.startswith(_LEFT_OUT_MODULES))
