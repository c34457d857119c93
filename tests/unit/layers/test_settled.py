"""A COPY that is landed and sealed by one job is the layer that two jobs make, which look at every file."""

from __future__ import annotations

import os
import tempfile

import pytest

from dockmagic.layers import metadata
from dockmagic.oci.changeset import Entry
from tests.unit.layers.given import file, packed, sealed, shipment_of, tar_of, unpacked

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other owners")

EPOCH = 315532800
WISH = {"chown": [3, 4], "chmod": "u+x"}
BELOW = tar_of(
    Entry(path="app", type="dir", mode=0o750, uid=5, gid=6),
    Entry(path="full", type="dir"),
    file("full/old", b"old"),
    Entry(path="full/sub", type="dir"),
    file("full/sub/gone", b"gone"),
    Entry(path="shared", type="dir", mode=0o2775, gid=7),
)
SHIPMENTS = {
    "files of all sizes": [file("empty", b""), file("one", b"1"), file("zeros", bytes(9000)), file("big", b"b" * 300_000)],
    "directories": [Entry(path="d", type="dir", mode=0o711), file("d/a"), Entry(path="d/e", type="dir"), file("d/e/b")],
    "an order that is not the tar's": [Entry(path="a", type="dir"), file("a/x"), file("a-b"), file("a.b")],
    "modes and owners": [file("su", mode=0o6755), file("secret", mode=0o400), file("theirs", uid=7, gid=8), file("far", uid=70_000)],
    "the same name again": [file("twice", b"first"), file("twice", b"second!"), file("other")],
    "a directory in a file's place": [file("x", b"file"), Entry(path="x", type="dir"), file("x/y"), file("z")],
    "names of one file": [file("first", b"names"), Entry(path="second", type="hardlink", linkname="first"), file("third")],
    "links": [Entry(path="l", type="symlink", linkname="f"), file("f"), Entry(path="p", type="fifo", mode=0o600)],
    "attributes": [file("with", xattrs={"user.colour": b"blue"}), file("without")],
    "no name of an image": [file("d\udcff", b"bytes")],
}  # fmt: skip


def layer(owner, rows, dest, wish, *, one_job):
    upper = f"tmp/up-{one_job}"
    owner.call("mkdir", {"paths": [upper]})
    given = {"upper": upper, "lowers": ["snapshots/below"], "dest": dest, "dest_is_dir": True, **wish}
    with tempfile.TemporaryFile() as sent, tempfile.TemporaryFile() as out:
        sent.write(shipment_of(*rows))
        sent.seek(0)
        if one_job:
            arguments = {"upper": upper, "lowers": given["lowers"], "epoch": EPOCH, "last": given}
            owner.call("seal", arguments, [out.fileno(), sent.fileno()])
            out.seek(0)
            found = out.read()
        else:
            owners = owner.call("copy", given, [sent.fileno()])["owners"]
            found = sealed(owner, upper, given["lowers"], owners=owners)[1].to_bytes()
        out.seek(0)
        out.write(found)
        out.seek(0)
        assert owner.call("verify", {"tree": upper}, [out.fileno()])["whole"]
    return upper, found


@pytest.mark.parametrize(
    ("dest", "wish"),
    [("/", {}), ("/app", WISH), ("/full", {}), ("/full/sub", WISH), ("/new/deep", {}), ("/shared", WISH)],
    ids=["root", "empty", "full", "deep", "new", "setgid"],
)
@pytest.mark.parametrize("rows", SHIPMENTS.values(), ids=SHIPMENTS)
def test_one_job_makes_what_two_make(owner, roots, rows, dest, wish):
    unpacked(owner, BELOW, "below")
    _, by_two = layer(owner, rows, dest, wish, one_job=False)
    upper, by_one = layer(owner, rows, dest, wish, one_job=True)
    assert by_one == by_two
    assert {os.lstat(path).st_mtime for path in (roots / upper).rglob("*")} == {EPOCH}


def test_contents_that_are_kept_are_those_that_stand_there(owner):
    """What is digested from memory is what is read from the disk again."""
    unpacked(owner, BELOW, "below")
    rows = [row for shipment in SHIPMENTS.values() for row in shipment]
    upper, found = layer(owner, rows, "/app", {}, one_job=True)
    assert packed(owner, upper, metadata.parse(found))
