"""What the tests of layers need: tars from rows, jobs with files in place of pipes, and a look at a merged tree."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from dockmagic.layers import metadata, shipment
from dockmagic.layers.stack import Stack
from dockmagic.layers.tar_writer import END, header, padding
from dockmagic.oci.changeset import Entry


def tar_of(*rows: tuple[Entry, bytes] | Entry) -> bytes:
    parts = []
    for row in rows:
        entry, content = row if isinstance(row, tuple) else (row, b"")
        parts += [header(entry), content, padding(len(content))]
    return b"".join(parts) + END


def shipment_of(*rows: tuple[Entry, bytes] | Entry) -> bytes:
    """The same rows as a builder sends them, in batches of two."""
    pairs = [row if isinstance(row, tuple) else (row, b"") for row in rows]
    parts = []
    for first in range(0, len(pairs), 2):
        batch = pairs[first : first + 2]
        parts += [shipment.head([entry for entry, _ in batch]), *(content for _, content in batch)]
    return b"".join(parts) + shipment.END


def file(path: str, content: bytes = b"x", **fields) -> tuple[Entry, bytes]:
    fields.setdefault("mode", 0o644)
    return Entry(path=path, type="file", size=len(content), **fields), content


def raw(name: bytes, *, kind: bytes = b"0", content: bytes = b"", **fields: bytes) -> bytes:
    """A member as its fields stand, with the right checksum; a field is given as its bytes."""
    widths = {"mode": 8, "uid": 8, "gid": 8, "size": 12, "mtime": 12}
    size = fields.get("size", b"%011o\0" % len(content))
    given = {**dict.fromkeys(("mode", "uid", "gid"), b"0000000\0"), "mtime": b"00000000000\0", **fields, "size": size}
    head = name.ljust(100, b"\0") + b"".join(given[key].ljust(width, b"\0") for key, width in widths.items())
    rest = kind + given.get("link", b"").ljust(100, b"\0") + given.get("magic", b"ustar\00000") + bytes(64)
    rest += (given.get("device", b"0000000\0") + b"0000000\0" + given.get("prefix", b"")).ljust(183, b"\0")
    total = sum(head) + 8 * 32 + sum(rest)
    return head + b"%06o\0 " % total + rest + content + padding(len(content))


def unpacked(owner, data: bytes, name: str = "a", **arguments):
    with tempfile.TemporaryFile() as tar, tempfile.TemporaryFile() as out:
        tar.write(data)
        tar.seek(0)
        numbers = owner.call("unpack", {"dest": f"snapshots/{name}", **arguments}, [tar.fileno(), out.fileno()])
        found = truth(out)
        out.seek(0)
        with Path(os.devnull).open("wb") as nothing:
            again = owner.call("pack", {"tree": f"snapshots/{name}"}, [out.fileno(), nothing.fileno()])
        assert numbers["tree_digest"] == again["digest"]
        return numbers, found


def sealed(owner, upper: str, lowers=(), **arguments):
    with tempfile.TemporaryFile() as out:
        given = {"upper": upper, "lowers": list(lowers), "epoch": 315532800, **arguments}
        numbers = owner.call("seal", given, [out.fileno()])
        return numbers, truth(out)


def packed(owner, tree: str, found: metadata.Metadata) -> bytes:
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out:
        source.write(found.to_bytes())
        source.seek(0)
        answer = owner.call("pack", {"tree": tree}, [source.fileno(), out.fileno()])
        assert answer["digest"] == found.diff_id
        out.seek(0)
        return out.read()


def truth(out) -> metadata.Metadata:
    out.seek(0)
    return metadata.parse(out.read())


def merged(root: Path, *lowers: str) -> dict[str, str]:
    """Path to a word on what stands there, of a stack."""
    before = Path.cwd()
    os.chdir(root)
    try:
        stack = Stack(lowers)
        found = {}
        pending = [stack.lookup("")]
        while pending:
            for child in stack.listdir(pending.pop()):
                if child.is_dir:
                    found[child.path] = "dir"
                    pending.append(child)
                elif Path(child.real).is_symlink():
                    found[child.path] = f"-> {Path(child.real).readlink()}"
                elif Path(child.real).is_file():
                    found[child.path] = Path(child.real).read_text()
                else:
                    found[child.path] = "special"
        return found
    finally:
        os.chdir(before)
