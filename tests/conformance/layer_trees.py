"""Layers in a directory of their own, for judging: extracted, merged, and made by work on a real overlay."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dockmagic.layers import metadata
from dockmagic.layers.inprocess import InProcessOwner
from dockmagic.layers.metadata import Metadata
from dockmagic.layers.stack import Found, Stack

Ops = Sequence[Mapping[str, Any]]
_EPOCH = 315532800


class Trees:
    """A base, layers that were extracted over it, and layers that were made over it.

    Attributes:
        root: the scheme's root.
        outside: a directory beside it.
        truths: of the extracted layers.
    """

    def __init__(self, directory: Path) -> None:
        self.root = directory / "roots"
        self.outside = directory / "outside"
        self.outside.mkdir()
        self.truths: list[Metadata] = []
        self._owner = InProcessOwner(self.root)
        self._owner.call("mkdir", {"paths": ["snapshots/base"]})
        self._extracted = ["snapshots/base"]
        self._made = ["snapshots/base"]

    def base(self, ops: Ops) -> None:
        """Fill the lowest layer."""
        self.work(self.root / "snapshots/base", ops)

    def work(self, root: Path, ops: Ops) -> None:
        """Do file operations; paths are relative to ``root``, those with OUTSIDE to the directory beside."""
        for op in ops:
            do(root, op, str(self.outside))

    def outside_state(self) -> dict[str, tuple[Any, ...]]:
        """Everything beside the extracted trees: kinds, modes and contents."""
        beside = [p for p in (self.root / "snapshots").iterdir() if p.name[0] not in "bl"]
        found = [p for top in [self.outside, *beside] for p in [top, *sorted(top.rglob("*"))]]
        return {str(p): (p.lstat().st_mode, p.read_bytes() if p.is_file() else b"") for p in found}

    def unpack(self, tar: bytes) -> None:
        """Extract a tar as the next layer."""
        name = f"snapshots/l{len(self._extracted)}"
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out:
            source.write(tar)
            source.seek(0)
            self._owner.call("unpack", {"dest": name, "lowers": self._extracted}, [source.fileno(), out.fileno()])
            out.seek(0)
            self.truths.append(metadata.parse(out.read()))
        self._extracted.insert(0, name)

    @contextmanager
    def merged(self) -> Iterator[Stack]:
        """The extracted layers as one tree."""
        with _inside(self.root):
            yield Stack(self._extracted)

    def diff(self, ops: Ops) -> tuple[dict[str, bytes], bytes]:
        """Work on an overlay over the layers made so far: how its tree stood then, and the layer's tar."""
        name = f"containers/{len(self._made)}"
        self._owner.call("mkdir", {"paths": [f"{name}/upper", f"{name}/work", f"{name}/merged"]})
        command = [
            sys.executable,
            "-m",
            "tests.conformance.layer_trees",
            name,
            ":".join(self._made),
            json.dumps(list(ops)),
        ]
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
        subprocess.run(["unshare", "-m", *command], cwd=self.root, env=environment, check=True)
        upper = f"{name}/upper"
        with _inside(self.root):
            source = as_tree(Stack([upper, *self._made]))
        arguments = {"upper": upper, "lowers": self._made, "epoch": _EPOCH}
        with tempfile.TemporaryFile() as truth, tempfile.TemporaryFile() as out:
            self._owner.call("seal", arguments, [truth.fileno()])
            truth.seek(0)
            self._owner.call("pack", {"tree": upper}, [truth.fileno(), out.fileno()])
            out.seek(0)
            tar = out.read()
        self._made.insert(0, upper)
        return source, tar


@contextmanager
def _inside(directory: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)


def as_tree(stack: Stack) -> dict[str, bytes]:
    """What stands at each path: kind, mode, owner, content or target, and the first name of the same file."""
    found: dict[str, bytes] = {}
    names: dict[tuple[int, int], str] = {}
    pending = [f for f in [stack.lookup("")] if f is not None]
    while pending:
        for child in stack.listdir(pending.pop(0)):
            status = child.status
            first = names.setdefault((status.st_dev, status.st_ino), child.path)
            word = f"{status.st_mode:o} {status.st_uid} {status.st_gid} {'' if child.is_dir else first} ".encode()
            found[child.path] = word + _content(child)
            if child.is_dir:
                pending.append(child)
    return found


def _content(found: Found) -> bytes:
    if stat.S_ISLNK(found.status.st_mode):
        return bytes(Path(found.real).readlink())
    return Path(found.real).read_bytes() if stat.S_ISREG(found.status.st_mode) else b""


def do(root: Path, op: Mapping[str, Any], outside: str = "") -> None:
    """One file operation below ``root``."""

    def at(text: str) -> Path:
        return Path(text.replace("OUTSIDE", outside)) if "OUTSIDE" in text else root / text.lstrip("/")

    path = at(op["path"])
    match op["op"]:
        case "mkdir":
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(int(op["mode"], 8))
        case "write":
            content = base64.b64decode(op["content_base64"]) if "content_base64" in op else op["content"].encode()
            path.write_bytes(content)
            path.chmod(int(op["mode"], 8))
        case "symlink":
            path.symlink_to(op["target"])
        case "link":
            os.link(at(op["target"]), path, follow_symlinks=False)
        case "chmod":
            path.chmod(int(op["mode"], 8))
        case "rename":
            shutil.move(path, at(op["to"]))  # overlayfs refuses to rename a directory of a lower layer
        case _:
            _do_rarely(path, op["op"])


def _do_rarely(path: Path, name: str) -> None:
    match name:
        case "remove":
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        case "removeall":
            shutil.rmtree(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as server, _inside(path.parent):
                server.bind(path.name)
        case _:
            raise ValueError(name)


def main() -> None:
    """``NAME LOWERS OPS`` in a mount namespace of its own: do operations on an overlay."""
    name, lowers, ops = sys.argv[1:]
    options = f"userxattr,lowerdir={lowers},upperdir={name}/upper,workdir={name}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, f"{name}/merged"], check=True)
    for op in json.loads(ops):
        do(Path(name).absolute() / "merged", op)


if __name__ == "__main__":
    main()
