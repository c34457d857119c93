"""Builds for judging: one engine a process, bases that are made of busybox, contexts from file operations."""

from __future__ import annotations

import atexit
import base64
import functools
import gzip
import io
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dockmagic.engine import build as building
from dockmagic.engine import images, several
from dockmagic.engine.engine import Engine
from dockmagic.oci import reference
from dockmagic.results import Build, Image
from tests.conformance.verdict import NotJudgedError

BUSYBOX = Path("/usr/bin/busybox")
FAMILIES = ("busybox", "alpine")
_TYPES = {"reg": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE}
_KINDS = {tarfile.REGTYPE: "file", tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "symlink", tarfile.LNKTYPE: "hardlink"}
# Debian's busybox comes without them; a user's id is the next one from 1000
_ADDUSER = """#!/bin/sh
group=; while [ $# -gt 1 ]; do case $1 in -u) id=$2; shift;; -G) group=$2; shift;; esac; shift; done
id=${id:-$((1000 + $(grep -c ':1[0-9][0-9][0-9]:' /etc/passwd)))}
echo "$1:x:$id:$id::/home/$1:/bin/sh" >> /etc/passwd; echo "$1:x:$id:" >> /etc/group
"""
_ADDGROUP = """#!/bin/sh
echo "$1:x:$((1000 + $(grep -c ':1[0-9][0-9][0-9]:' /etc/group))):" >> /etc/group
"""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ACCOUNTS = {
    "passwd": (
        "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nbin:x:2:2:bin:/bin:/bin/false\n"
        "www-data:x:33:33:www-data:/var/www:/bin/false\noperator:x:37:37:Operator:/var:/bin/false\n"
        "nobody:x:65534:65534:nobody:/home:/bin/false\n"
    ),
    "group": (
        "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\nlp:x:7:\nmail:x:8:\nwheel:x:10:root\n"
        "www-data:x:33:\noperator:x:37:\nusers:x:100:\nnobody:x:65534:\n"
    ),
    "shadow": "root:*::0:::::\n",
}
_RELEASE = {
    "os-release": 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.20.0\n',
    "alpine-release": "3.20.0\n",
    "nsswitch.conf": "hosts: files dns\n",
    "apk/arch": "x86_64\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What stands at a path."""

    name: str
    kind: str
    mode: int
    uid: int
    gid: int
    link: str
    content: bytes


class Workshop:
    """A store with base images; made once a process."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="conformance-"))
        self.engine = Engine(self.directory / "home")
        self._made: set[str] = set()

    def close(self) -> None:
        self.engine.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def base(self, name: str) -> None:
        """Make sure that a base image is there under ``name``.

        Raises:
            NotJudgedError: it is none that can be made of busybox.
        """
        if name in self._made or name == "scratch":
            return
        family = reference.parse_normalized(name).path.rsplit("/", 1)[-1]
        if family not in FAMILIES:
            raise NotJudgedError(f"needs the image {name}")
        raw = self._raw(family)
        self.engine.build(f'FROM {raw}\nENV PATH={_PATH}\nCMD ["sh"]\n', tags=(name,), context=self.directory)
        self._made.add(name)

    def _raw(self, family: str) -> str:
        name = f"raw/{family}"
        if name not in self._made:
            archive = self.directory / f"{family}.tar"
            archive.write_bytes(_root(family))
            self.engine.import_(archive, name)
            self._made.add(name)
        return name

    def forget(self, name: str) -> None:
        """A row's build took the name of a base."""
        self._made.discard(name)

    def build(self, **options: Any) -> Build:
        """Build as ``%%container build`` does."""
        return several.build_each(self.engine.session, building.Request(**options))

    def image(self, image_id: str) -> Image:
        """An image of the store as a value."""
        session = self.engine.session
        return images.describe(session, session.store.images.get(image_id), names=())

    def tree(self, image: Image) -> dict[str, Node]:
        """What stands at each path of the image."""
        found: dict[str, Node] = {}
        for layer in image.layers:
            _apply(found, self._layer(layer.diff_id))
        return found

    @functools.lru_cache(maxsize=64)  # noqa: B019 - one object a process
    def _layer(self, diff_id: str) -> tuple[Node, ...]:
        with tempfile.TemporaryFile() as file:
            self.engine.session.store.layers.pack(diff_id, file.fileno())
            file.seek(0)
            with tarfile.open(fileobj=file) as archive:
                return tuple(_read(archive, member) for member in archive)


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Node:
    reader = archive.extractfile(member) if member.isreg() else None
    return Node(
        name=member.name,
        kind=_KINDS.get(member.type, "other"),
        mode=member.mode,
        uid=member.uid,
        gid=member.gid,
        link=member.linkname,
        content=reader.read() if reader else b"",
    )


def _apply(found: dict[str, Node], layer: Sequence[Node]) -> None:
    for node in layer:
        parent, _, base = node.name.rpartition("/")
        if base == ".wh..wh..opq":
            _drop(found, parent, itself=False)
        elif base.startswith(".wh."):
            _drop(found, f"{parent}/{base.removeprefix('.wh.')}".lstrip("/"), itself=True)
    for node in layer:
        if node.name.rpartition("/")[2].startswith(".wh."):
            continue
        before = found.get(node.name)
        if before is not None and before.kind == "dir" and node.kind != "dir":
            _drop(found, node.name, itself=True)
        found[node.name] = node if node.kind != "hardlink" else replace(found[node.link], name=node.name)


def _drop(found: dict[str, Node], path: str, *, itself: bool) -> None:
    for name in list(found):
        if name.startswith(f"{path}/" if path else "") or (itself and name == path):
            del found[name]


@functools.cache
def workshop() -> Workshop:
    """This process's own."""
    if not BUSYBOX.exists():
        raise NotJudgedError("no /usr/bin/busybox: the package busybox-static has it")
    made = Workshop()
    atexit.register(made.close)
    return made


def _root(family: str) -> bytes:
    """A root file system of busybox, as a tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in ("bin", "dev", "etc", "home", "proc", "root", "sbin", "sys", "tmp", "usr", "usr/bin", "usr/sbin"):
            _add(archive, name, tarfile.DIRTYPE, mode=0o1777 if name == "tmp" else 0o700 if name == "root" else 0o755)
        for name in ("var", "var/lib", "var/spool", "var/tmp", "mnt", "etc/apk", "usr/local", "usr/local/bin", "opt"):
            _add(archive, name, tarfile.DIRTYPE, mode=0o1777 if name == "var/tmp" else 0o755)
        _add(archive, "bin/busybox", tarfile.REGTYPE, content=BUSYBOX.read_bytes(), mode=0o755)
        names = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
        for name in names:
            if name != "busybox":
                _add(archive, f"bin/{name}", tarfile.SYMTYPE, link="busybox", mode=0o777)
        _add(archive, "usr/bin/env", tarfile.SYMTYPE, link="/bin/busybox", mode=0o777)
        for name, text in {"adduser": _ADDUSER, "addgroup": _ADDGROUP}.items():
            if name not in names:
                _add(archive, f"usr/sbin/{name}", tarfile.REGTYPE, content=text.encode(), mode=0o755)
        files = {**_ACCOUNTS, **_RELEASE} if family == "alpine" else _ACCOUNTS
        for name, text in files.items():
            _add(archive, f"etc/{name}", tarfile.REGTYPE, content=text.encode())
    return out.getvalue()


def _add(
    archive: tarfile.TarFile, name: str, kind: bytes, *, content: bytes = b"", link: str = "", mode: int = 0o644
) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname, info.size = kind, mode, link, len(content)
    archive.addfile(info, io.BytesIO(content))


@contextmanager
def context(operations: Sequence[Mapping[str, Any]]) -> Iterator[Path]:
    """A directory in which these operations were done, by file systems' own rules."""
    umask = os.umask(0)
    try:
        with tempfile.TemporaryDirectory() as directory:
            for operation in operations:
                do(Path(directory), operation)
            os.umask(umask)
            yield Path(directory)
    finally:
        os.umask(umask)


def do(root: Path, operation: Mapping[str, Any]) -> None:
    """One operation below ``root``."""
    path = root / operation["path"].lstrip("/")
    if operation["op"] != "remove":
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    match operation["op"]:
        case "mkdir":
            path.mkdir(exist_ok=True)
        case "write":
            path.write_bytes(content(operation))
        case "symlink":
            path.symlink_to(operation["target"])
        case "link":
            os.link(root / operation["target"].lstrip("/"), path, follow_symlinks=False)
        case "remove":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            return
        case _:
            _do_rarely(path, operation)
    if "mode" in operation and operation["op"] != "symlink":
        path.chmod(int(operation["mode"], 8))


def _do_rarely(path: Path, operation: Mapping[str, Any]) -> None:
    match operation["op"]:
        case "chmod":
            pass
        case "chown":
            os.lchown(path, operation["uid"], operation["gid"])
        case "utime":
            os.utime(path, (operation["unix"], operation["unix"]), follow_symlinks=False)
        case "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(path))
        case "xattr":
            os.setxattr(path, operation["name"], operation["value"].encode())
        case unknown:
            raise NotJudgedError(f"the operation {unknown}")


def content(operation: Mapping[str, Any]) -> bytes:
    """A file's bytes: text, base64, or an archive of entries."""
    if "content_base64" in operation:
        return base64.b64decode(operation["content_base64"])
    given = operation.get("content", "")
    if isinstance(given, str):
        return given.encode()
    match given:
        case {"$tar": entries}:
            return _archive(entries)
        case {"$targz": entries}:
            return gzip.compress(_archive(entries), mtime=0)
        case {"$gzip": text}:
            return gzip.compress(text.encode() if isinstance(text, str) else content({"content": text}), mtime=0)
    raise NotJudgedError("a file's content was not converted")


def _archive(entries: Sequence[Mapping[str, Any]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for entry in entries:
            info = tarfile.TarInfo(entry["name"])
            info.type = _TYPES[entry["type"]]
            info.mode = int(entry.get("mode", "0644"), 8)
            info.uid, info.gid = entry.get("uid", 0), entry.get("gid", 0)
            info.linkname = entry.get("linkname", "")
            data = content(entry) if entry["type"] == "reg" else b""
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()
