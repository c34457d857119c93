"""Archives in both directions with skopeo, podman and umoci; and root file systems out and in again."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import threading
from pathlib import Path

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.errors import ArchiveError, NotFoundError, UsageError
from dockmagic.testing import sha256
from tests.users import KINDS, make_user

BREAD = """FROM localhost/base
RUN mkdir -p /d/empty /gone && echo hi > /d/f && ln /d/f /d/g && ln -s f /d/l && chown 33:34 /d/f && chmod 4755 /d/f
RUN rm -r /gone && mkdir /d/sticky && chmod 1777 /d/sticky && mkfifo /d/pipe
CMD ["cat", "/d/f"]
"""
NAME = "registry.example/team/bread:1"


ANY_USER = """
import json, os, tarfile
from dockmagic import Engine
os.chdir(os.environ["HOME"])
engine = Engine()
engine.build("FROM localhost/base\\nRUN mkdir /d && echo hi > /d/f && ln /d/f /d/g && chown 33:34 /d/f\\n", tags=("bread:1",))
engine.run("bread:1", name="fish1", script="echo > /new; chown 5:6 /new; ln -s new /link; chown -h 7:8 /link; rm /d/g\\n")
engine.export("fish1", "root.tar")
image = engine.import_("root.tar", "again:1")
with tarfile.open("root.tar") as tar:
    owners = {m.name: [m.uid, m.gid] for m in tar if m.name in {"d/f", "new", "link"}}
different = len(engine.compare("fish1", image))
engine.save("bread:1", image, output="images.tar")
engine.rmi("again:1")
pruned = sorted({value.kind for value in engine.prune()})
loaded = [list(found.tags) for found in engine.load("images.tar")]
print(json.dumps([owners, different, pruned, loaded, str(engine.fsck())]))
engine.close()
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("engine") / "home")
    made.build(BREAD, tags=(NAME, "bread:2"))
    yield made
    assert made.session.store.check() == []
    made.close()


@pytest.fixture
def other(tmp_path):
    made = Engine(tmp_path / "other")
    yield made
    assert made.session.store.check() == []
    made.close()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_user_gets_out_what_it_put_in(kind, tmp_path):
    done = make_user(kind, tmp_path).python(ANY_USER, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == [
        {"d/f": [33, 34], "new": [5, 6], "link": [7, 8]},
        0,
        ["build cache", "container"],
        [["bread:1"], ["again:1"]],
        "the store is whole",
    ]


def tool(*command):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr[-3000:]}"
    return done.stdout


def podman(tmp_path, *words):
    # it takes no longer path than 50 characters for its own things
    short = Path(tempfile.gettempdir()) / f"podman-{sha256(str(tmp_path).encode())[7:17]}"
    store = ("--root", f"{tmp_path}/podman", "--runroot", short, "--storage-driver", "vfs")
    try:
        return tool("podman", *store, *map(str, words))
    finally:
        shutil.rmtree(short, ignore_errors=True)


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "oci-dir"])
def test_skopeo_reads_every_form_and_we_read_what_it_makes_of_it(engine, other, tmp_path, form):
    engine.save(NAME, output=tmp_path / "out", format=form)
    source = {"docker-archive": f"docker-archive:{tmp_path}/out", "oci-archive": f"oci-archive:{tmp_path}/out:1"}
    source["oci-dir"] = f"oci:{tmp_path}/out:1"
    tool("skopeo", "copy", "-q", source[form], f"oci:{tmp_path}/copied:{NAME}")
    tool("skopeo", "copy", "-q", source[form], f"docker-archive:{tmp_path}/copied.tar:{NAME}")
    for path in (tmp_path / "copied", tmp_path / "copied.tar"):
        (loaded,) = other.load(path)
        assert loaded.tags == (NAME,)
        # from docker's form to OCI's skopeo writes the config anew
        assert loaded.id == engine.inspect(NAME).id or (form == "docker-archive" and path.is_dir())
        assert [layer.diff_id for layer in loaded.layers] == [layer.diff_id for layer in engine.inspect(NAME).layers]
        other.rmi(NAME)


def test_skopeo_sees_the_manifest_under_our_digest(engine, tmp_path):
    engine.save(NAME, output=tmp_path / "out", format="oci-dir")
    assert json.loads(tool("skopeo", "inspect", f"oci:{tmp_path}/out:1"))["Digest"] == engine.inspect(NAME).digest


@pytest.mark.skipif(os.geteuid() != 0, reason="podman is given root's store here")
@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_podman_loads_ours_and_we_load_its(engine, other, tmp_path, form):
    engine.save(NAME, output=tmp_path / "image.tar", format=form)
    assert NAME in podman(tmp_path, "load", "-i", tmp_path / "image.tar")
    config = json.loads(podman(tmp_path, "inspect", NAME))[0]
    assert f"sha256:{config['Id']}" == engine.inspect(NAME).id
    podman(tmp_path, "save", "--format", form, "-o", tmp_path / "back.tar", NAME)
    (loaded,) = other.load(tmp_path / "back.tar")
    assert (loaded.id, loaded.tags) == (engine.inspect(NAME).id, (NAME,))


@pytest.mark.skipif(os.geteuid() != 0, reason="umoci sets owners")
def test_umoci_unpacks_ours_and_we_load_what_it_repacks(engine, other, tmp_path):
    engine.save(NAME, output=tmp_path / "layout", format="oci-dir")
    tool("umoci", "unpack", "--image", f"{tmp_path}/layout:1", f"{tmp_path}/bundle")
    root = tmp_path / "bundle" / "rootfs"
    first = (root / "d/f").stat()
    assert (first.st_uid, first.st_gid, first.st_mode & 0o7777, first.st_nlink) == (33, 34, 0o4755, 2)
    assert not (root / "gone").exists()
    assert (root / "d/pipe").is_fifo()
    (root / "new").write_text("umoci was here\n")
    (root / "d/l").unlink()
    tool("umoci", "repack", "--image", f"{tmp_path}/layout:{NAME}", f"{tmp_path}/bundle")
    tool("umoci", "rm", "--image", f"{tmp_path}/layout:1")
    (loaded,) = other.load(tmp_path / "layout")
    changes = dict(loaded.layers[-1].changes)
    assert (changes["/new"], changes["/d/l"]) == ("A", "D")
    assert other.run(loaded, script="cat /new /d/g\n").stdout == "umoci was here\nhi\n"


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "oci-dir"])
def test_ids_digests_and_names_survive_save_and_load(engine, other, tmp_path, form):
    engine.save(NAME, "bread", "localhost/base", output=tmp_path / "out", format=form)
    other.load(tmp_path / "out")
    for name in (NAME, "bread:2", "localhost/base"):
        here, there = engine.inspect(name), other.inspect(name)
        assert (there.id, there.digest) == (here.id, here.digest)
    assert other.run("bread:2").stdout == "hi\n"
    again = tmp_path / "again"
    other.save(NAME, "bread", "localhost/base", output=again, format=form)
    if form != "oci-dir":
        assert again.read_bytes() == (tmp_path / "out").read_bytes()


def test_save_and_load_through_a_pipe(engine, other):
    reader, writer = os.pipe()

    def write():
        with os.fdopen(writer, "wb") as out:
            engine.save(NAME, output=out)

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reader, "rb") as source:
        (loaded,) = other.load(source)
    thread.join()
    assert (loaded.id, loaded.tags) == (engine.inspect(NAME).id, (NAME,))


def test_what_a_word_means_is_as_with_docker(engine, tmp_path):
    image = engine.inspect(NAME)

    def names(*words):
        out = io.BytesIO()
        told = engine.save(*words, output=out)
        assert [value.id for value in told] == [image.id]
        with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
            (row,) = json.load(tar.extractfile("manifest.json"))
        return row["RepoTags"]

    assert names(NAME) == [NAME]
    assert names("registry.example/team/bread") == [NAME]
    assert names("bread") == ["docker.io/library/bread:2"]
    assert names(image.id) == names(image.id[7:19]) == []
    assert sorted(names(image)) == ["docker.io/library/bread:2", NAME]
    assert sorted(names(NAME, "bread:2", image.id)) == ["docker.io/library/bread:2", NAME]
    for words, error in (((NAME, "nobody:1"), NotFoundError), (("bread:1",), NotFoundError)):
        with pytest.raises(error):
            engine.save(*words, output=tmp_path / "x.tar")
    with pytest.raises(UsageError, match="formats are"):
        engine.save(NAME, output=tmp_path / "x.tar", format="zip")
    with pytest.raises(UsageError):
        engine.save(NAME, output=io.BytesIO(), format="oci-dir")
    assert list(tmp_path.iterdir()) == []


def test_an_exported_root_is_the_same_when_it_is_imported(engine, other, tmp_path):
    engine.export(NAME, tmp_path / "root.tar")
    image = engine.import_(tmp_path / "root.tar")
    assert engine.compare(NAME, image) == ()
    out = io.BytesIO()
    engine.export(image, out)
    assert out.getvalue() == (tmp_path / "root.tar").read_bytes()
    with tarfile.open(tmp_path / "root.tar") as tar:
        found = {m.name: m for m in tar}
    assert (found["d/f"].uid, found["d/f"].gid, found["d/f"].mode) == (33, 34, 0o4755)
    assert (found["d/g"].type, found["d/g"].linkname) == (tarfile.LNKTYPE, "d/f")
    assert found["d/l"].linkname == "f"
    assert found["d/pipe"].isfifo()
    assert not any(name.startswith("gone") or name in {"etc/hosts", "dev/null"} for name in found)


def test_an_exported_container_has_what_it_changed(engine, tmp_path):
    script = "echo new > /new; ln /new /newer; rm /d/l; chown 5:6 /d/sticky; mkdir /d/f2; echo more >> /d/f\n"
    engine.run(NAME, name="fish1", script=script)
    engine.export("fish1", tmp_path / "root.tar")
    image = engine.import_(tmp_path / "root.tar")
    assert engine.compare("fish1", image) == ()
    with tarfile.open(tmp_path / "root.tar") as tar:
        assert tar.extractfile("new").read() == b"new\n"
        assert tar.getmember("newer").linkname == "new"
        assert (tar.getmember("d/sticky").uid, tar.getmember("d/sticky").gid) == (5, 6)
        assert "d/l" not in tar.getnames()
    with pytest.raises(ArchiveError):
        engine.export("fish1", tmp_path)
    with pytest.raises(NotFoundError):
        engine.export("nobody", tmp_path / "x.tar")
    engine.rm("fish1")
