"""The layer of ``localhost/base``: the machine's programs, and fixed files around them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dockmagic.builder.hostimage import tools
from dockmagic.builder.hostimage.collect import Collector
from dockmagic.builder.hostimage.source import opened
from dockmagic.builder.hostimage.tree import MERGED, Piece, Tree

_DIRECTORIES = {
    "dev": 0o755,
    "etc": 0o755,
    "home": 0o755,
    "mnt": 0o755,
    "opt": 0o755,
    "proc": 0o755,
    "root": 0o700,
    "run": 0o755,
    "sys": 0o755,
    "tmp": 0o1777,
    "usr/bin": 0o755,
    "usr/lib": 0o755,
    "usr/lib64": 0o755,
    "usr/local/bin": 0o755,
    "usr/local/lib": 0o755,
    "usr/local/sbin": 0o755,
    "usr/sbin": 0o755,
    "usr/share": 0o755,
    "var/cache": 0o755,
    "var/lib": 0o755,
    "var/log": 0o755,
    "var/tmp": 0o1777,
}
_LINKS = {
    **{name: f"usr/{name}" for name in MERGED},
    "etc/os-release": "../usr/lib/os-release",
    "var/run": "/run",
}
_TEXTS = {
    "etc/group": "root:x:0:\nnobody:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "usr/lib/os-release": 'ID=dockmagic\nNAME="dockmagic base"\nPRETTY_NAME="dockmagic base"\n',
}
# C.UTF-8, where the C library does not have it built in
_LOCALES = ("C.UTF-8", "C.utf8")
_LOCALE_PARENT = "usr/lib/locale"


def base() -> Mapping[str, Piece]:
    """The layer's paths.

    Raises:
        NotFoundError: a program or library is missing.
        DockmagicError: one cannot be read.
    """
    tree = Tree()
    for path, mode in _DIRECTORIES.items():
        tree.directory(path, mode)
    for path, target in _LINKS.items():
        tree.link(path, target)
    for path, content in _TEXTS.items():
        tree.text(path, content)
    collector = Collector(tree)
    for program in tools.programs():
        collector.program(program)
    # after the programs: a library keeps the name that they know it by
    collector.opened_by_name()
    _add_locale(tree)
    return tree.pieces


def _add_locale(tree: Tree) -> None:
    for name in _LOCALES:
        for path in sorted(Path("/", _LOCALE_PARENT, name).rglob("*")):
            if path.is_file():
                with opened(str(path)) as (_, source):
                    tree.file(str(path).lstrip("/"), source, 0o644)
