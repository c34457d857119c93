"""Layers: tars extracted over each other, and changes written as tars. Every step is a layer of its own, as in the store."""

from __future__ import annotations

import base64
import io
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dockmagic.errors import ArchiveError
from dockmagic.layers.stack import Stack
from dockmagic.oci.changeset import OPAQUE_WHITEOUT, WHITEOUT_PREFIX
from tests.conformance.layer_trees import Trees, as_tree
from tests.conformance.verdict import NotJudgedError, Row, different

_TYPES = {
    "reg": tarfile.REGTYPE,
    "dir": tarfile.DIRTYPE,
    "symlink": tarfile.SYMTYPE,
    "hardlink": tarfile.LNKTYPE,
    "fifo": tarfile.FIFOTYPE,
    "block": tarfile.BLKTYPE,
    "char": tarfile.CHRTYPE,
}


def judge(row: Row) -> str | None:
    given, expected = row["input"], row["expected"]
    with tempfile.TemporaryDirectory() as directory, _umask(given.get("umask")):
        trees = Trees(Path(directory).resolve())
        match given.get("op", "apply"):
            case "apply":
                return _apply(trees, given, expected)
            case "make_diff":
                return _make_diff(trees, given, expected)
            case "diff_apply" | "layer_chain":
                return _chain(trees, given)
            case unknown:
                raise NotJudgedError(f"op {unknown}")


@contextmanager
def _umask(text: str | None) -> Iterator[None]:
    before = os.umask(int(text or "0022", 8))
    try:
        yield
    finally:
        os.umask(before)


def _apply(trees: Trees, given: Row, expected: Row) -> str | None:
    trees.base(given["base"])
    trees.work(trees.root / "snapshots/base", given.get("outside", []))
    before = trees.outside_state()
    tars = [_tar(entries, str(trees.outside)) for entries in given.get("layers", [])]
    if "layer_tar_gz_base64" in given:
        tars.append(base64.b64decode(given["layer_tar_gz_base64"]))
    try:
        for tar in tars:
            trees.unpack(tar)
        refused = None
    except ArchiveError as error:
        refused = error.message
    touched = different("outside", before, trees.outside_state())
    outcome = expected["outcome"]
    if outcome == "reject" or touched:
        return touched or (None if refused else "accepted")
    if refused:
        return f"refused: {refused}" if outcome == "ok" else None
    return next((f for check in expected["checks"] if (f := _check(trees, check))), None)


def _check(trees: Trees, check: Mapping[str, Any]) -> str | None:
    """None where the merged tree is as the check wants it."""
    if check["check"] in OUTSIDE:
        return None  # everything outside was compared already
    if check["check"] not in CHECKS:
        raise NotJudgedError(f"check {check['check']}")
    with trees.merged() as stack:
        return CHECKS[check["check"]](trees, stack, check)


def _absent(_: Trees, stack: Stack, check: Row) -> str | None:
    return f"{check['path']} is there" if stack.lookup(check["path"], follow=False) else None


def _exists(_: Trees, stack: Stack, check: Row) -> str | None:
    return None if stack.lookup(check["path"], follow=False) else f"{check['path']} is missing"


def _is_dir(_: Trees, stack: Stack, check: Row) -> str | None:
    found = stack.lookup(check["path"], follow=False)
    return None if found and found.is_dir else f"{check['path']} is no directory"


def _empty_dir(_: Trees, stack: Stack, check: Row) -> str | None:
    found = stack.lookup(check["path"], follow=False)
    return different(check["path"], [], [f.path for f in stack.listdir(found)] if found else None)


def _content(_: Trees, stack: Stack, check: Row) -> str | None:
    wanted = base64.b64decode(check.get("content_base64", "")) or check.get("content", "").encode()
    there = stack.lookup(check["path"]) is not None
    return different(check["path"], wanted, stack.read(check["path"], limit=1 << 20) if there else None)


def _mode(_: Trees, stack: Stack, check: Row) -> str | None:
    found = stack.lookup(check["path"], follow=False)
    return different(check["path"], int(check["mode"], 8), found and found.status.st_mode & 0o7777)


def _nlink(_: Trees, stack: Stack, check: Row) -> str | None:
    found = stack.lookup(check["path"], follow=False)
    return different(check["path"], check["count"], found and found.status.st_nlink)


def _same_target(_: Trees, stack: Stack, check: Row) -> str | None:
    a, b = (stack.lookup(check[side], follow=False) for side in "ab")
    return different("target", a and Path(a.real).readlink(), b and Path(b.real).readlink())


def _same_inode(_: Trees, stack: Stack, check: Row) -> str | None:
    for follow in (False, True):
        a, b = (stack.lookup(check[side], follow=follow) for side in "ab")
        if a and b and (a.status.st_dev, a.status.st_ino) == (b.status.st_dev, b.status.st_ino):
            return None
    return f"{check['a']} and {check['b']} are not one file"


def _xattr(_: Trees, stack: Stack, check: Row) -> str | None:
    found = stack.lookup(check["path"], follow=False)
    return different(check["path"], check["value"].encode(), found and os.getxattr(found.real, check["name"]))


def _recorded(trees: Trees, _: Stack, check: Row) -> str | None:
    """An attribute of a class that a scheme may refuse on disk stands in the truth of the layer."""
    values = [e.xattrs.get(check["name"]) for truth in trees.truths for e in truth.entries if e.path == check["path"]]
    return different(check["path"], [check["value"].encode()], values)


def _nowhere(_: Trees, stack: Stack, check: Row) -> str | None:
    inside = as_tree(stack).values()
    return "its content is inside" if any(check["content"].encode() in row for row in inside) else None


OUTSIDE = {"outside_content", "outside_untouched", "host_untouched", "host_mode"}
CHECKS: dict[str, Callable[[Trees, Stack, Row], str | None]] = {
    "absent": _absent,
    "content": _content,
    "empty_dir": _empty_dir,
    "exists": _exists,
    "is_dir": _is_dir,
    "mode": _mode,
    "nlink": _nlink,
    "no_file_with_content_inside": _nowhere,
    "same_inode": _same_inode,
    "same_symlink_target": _same_target,
    "xattr": _xattr,
    "xattr_if_privileged": _recorded,
}


def _make_diff(trees: Trees, given: Row, expected: Row) -> str | None:
    trees.base(given["a"])
    _, tar = trees.diff(given["b"])
    return different("entries", [_wanted(e) for e in expected["entries"]], _written(tar))


def _wanted(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    # what a whiteout or a hard link says besides its name has no meaning
    mode = int(entry["mode"], 8) if "mode" in entry else None
    return entry["name"], entry["type"], mode, entry.get("content", "").encode(), entry.get("linkname", "")


def _written(tar: bytes) -> list[tuple[Any, ...]]:
    kinds = {number: name for name, number in _TYPES.items()}
    found = []
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for member in archive:
            kind = kinds[member.type]
            name = member.name + "/" * member.isdir()
            silent = kind == "hardlink" or Path(member.name).name.startswith((WHITEOUT_PREFIX, OPAQUE_WHITEOUT))
            reader = archive.extractfile(member) if member.isreg() else None
            content = reader.read() if reader else b""
            found.append((name, kind, None if silent else member.mode, content, member.linkname))
    return found


def _chain(trees: Trees, given: Row) -> str | None:
    """Each step is done on a real overlay, sealed, packed, and extracted elsewhere: both stacks are the same tree."""
    trees.base([])
    for number, step in enumerate(given["steps"]):
        source, tar = trees.diff(step)
        trees.unpack(tar)
        with trees.merged() as stack:
            missed = different(f"step {number}", source, as_tree(stack))
        if missed:
            return missed
    return None


def _tar(entries: list[Mapping[str, Any]], outside: str) -> bytes:
    out = io.BytesIO()
    numbers = any("devmajor" in entry for entry in entries)
    form = tarfile.GNU_FORMAT if numbers else tarfile.PAX_FORMAT
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for entry in entries:
            info = tarfile.TarInfo(entry["name"].replace("OUTSIDE", outside))
            info.type = _TYPES[entry["type"]]
            info.mode = int(entry.get("mode", "0777"), 8)
            info.linkname = entry.get("linkname", "").replace("OUTSIDE", outside)
            info.devmajor, info.devminor = entry.get("devmajor", 0), entry.get("devminor", 0)
            info.pax_headers = {f"SCHILY.xattr.{k}": v for k, v in entry.get("xattrs", {}).items()}
            content = base64.b64decode(entry.get("content_base64", "")) or entry.get("content", "").encode()
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()
