from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import threading

import pytest

from dockmagic.errors import ArchiveError, NotFoundError, StoreCorruptError
from tests.unit.store.making import add_image, adopt, config_of, docker_archive, image_of, open_store, sha256
from tests.unit.store.test_archive import CONFIG, ONE, TWO, Pipe, oci_files, write

NAME = "docker.io/library/bread:1"


class Unhurried:
    """A raw stream: it takes a little of what it is given, and cannot seek."""

    def __init__(self):
        self.content = b""

    def write(self, data, /):
        self.content += data[:1000]
        return len(data[:1000])


def members(content):
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}


def saved(store, *images, form="docker-archive"):
    out = io.BytesIO()
    store.archive.save(images, out, form)
    return out.getvalue()


@pytest.fixture
def built(store):
    """An image of one layer that came as a tar and one that was built."""
    base = store.layers.add_tar(gzip.compress(ONE, mtime=0))
    top = adopt(store, {"b/c": b"built"}, [store.layers.snapshot(base.diff_id)])
    return image_of(store, [base, top], name="bread:1")


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_the_same_images_give_the_same_bytes(store, tmp_path, built, form):
    first = saved(store, (built, [NAME]), form=form)
    other = open_store(tmp_path / "other")
    other.archive.load(io.BytesIO(first))
    assert saved(other, (built, [NAME]), form=form) == first == saved(store, (built, [NAME]), form=form)


def test_a_docker_archive_is_one_for_docker_and_one_for_oci(store, built):
    files = members(saved(store, (built, [NAME, "localhost/fish:2"])))
    (row,) = json.loads(files["manifest.json"])
    assert row["RepoTags"] == [NAME, "localhost/fish:2"]
    assert sha256(files[row["Config"]]) == built
    diff_ids = store.images.get(built).diff_ids
    assert [sha256(files[name]) for name in row["Layers"]] == list(diff_ids)
    index = json.loads(files["index.json"])["manifests"]
    assert [d["annotations"]["io.containerd.image.name"] for d in index] == [NAME, "localhost/fish:2"]
    assert {d["digest"] for d in index} == {store.images.get(built).manifest_digest}
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    for name, content in files.items():
        if name.startswith("blobs/"):
            assert sha256(content) == f"sha256:{name.rpartition('/')[2]}"


def test_an_oci_archive_has_nothing_of_docker(store, built):
    assert "manifest.json" not in members(saved(store, (built, [NAME]), form="oci-archive"))


def test_layers_that_images_share_are_there_once(store):
    both = [add_image(store, {"shared": b"s" * 9000}, {name: b"x"}) for name in ("one", "two")]
    files = members(saved(store, *((image_id, []) for image_id in both)))
    assert len([name for name in files if name.startswith("blobs/")]) == 3 + 2 + 2
    rows = json.loads(files["manifest.json"])
    assert [row["RepoTags"] for row in rows] == [[], []]
    assert rows[0]["Layers"][0] == rows[1]["Layers"][0]


@pytest.mark.parametrize("kind", ["tar", "tar+gzip"])
@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "oci-dir"])
def test_manifest_and_blobs_of_a_loaded_image_go_out_as_they_came(store, tmp_path, kind, form):
    came = oci_files(kind=kind, manifest_more={"annotations": {"who": "somebody"}})
    (image_id,) = store.archive.load(write(tmp_path / "in", came))
    if form == "oci-dir":
        store.archive.save([(image_id, [])], tmp_path / "out", form)
        out = {
            str(p.relative_to(tmp_path / "out")): p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()
        }
    else:
        out = members(saved(store, (image_id, []), form=form))
    assert {k: v for k, v in out.items() if k.startswith("blobs/")} == {
        k: v for k, v in came.items() if k.startswith("blobs/")
    }
    other = open_store(tmp_path / "other")
    other.archive.load(tmp_path / "out" if form == "oci-dir" else io.BytesIO(saved(store, (image_id, []), form=form)))
    assert other.images.get(image_id).manifest_digest == store.images.get(image_id).manifest_digest
    assert other.check() == []


def test_a_docker_archive_that_came_goes_out_with_uncompressed_layers(store):
    (image_id,) = store.archive.load(Pipe(docker_archive([(CONFIG, [ONE, TWO], [])])))
    files = members(saved(store, (image_id, [])))
    assert {sha256(ONE), sha256(TWO)} < {sha256(content) for content in files.values()}


def test_a_blob_that_is_kept_in_another_form_gives_another_manifest(store, tmp_path):
    """One layer in two compressions is stored once; the image that came second goes out whole all the same."""
    store.archive.load(write(tmp_path / "gzip", oci_files(kind="tar+gzip")))
    config = config_of([ONE, TWO], author="somebody else")
    (second,) = store.archive.load(write(tmp_path / "plain", oci_files(config, kind="tar")))
    other = open_store(tmp_path / "other")
    assert list(other.archive.load(io.BytesIO(saved(store, (second, []))))) == [second]
    assert other.check() == []


def test_names_come_back(store, tmp_path, built):
    other = open_store(tmp_path / "other")
    other.archive.load(io.BytesIO(saved(store, (built, [NAME, "registry.example/team/fish:2"]))))
    assert other.images.tags(built) == ["bread:1", "registry.example/team/fish:2"]


def test_a_raw_stream_that_takes_little_at_a_time_gets_all(store, built):
    out = Unhurried()
    store.archive.save([(built, [NAME])], out)
    assert out.content == saved(store, (built, [NAME]))


def test_a_pipe_on_disk_gets_the_archive(store, tmp_path, built):
    os.mkfifo(tmp_path / "pipe")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    store.archive.save([(built, [NAME])], tmp_path / "pipe")
    reader.join()
    assert got == [saved(store, (built, [NAME]))]
    assert (tmp_path / "pipe").is_fifo()


def test_a_file_is_replaced_when_all_is_written(store, tmp_path, built):
    path = tmp_path / "image.tar"
    path.write_bytes(b"before")
    path.chmod(0o640)
    (tmp_path / "link").symlink_to("image.tar")
    store.archive.save([(built, [])], tmp_path / "link")
    assert path.read_bytes() == saved(store, (built, []))
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "image.tar", "link"]


@pytest.mark.parametrize("form", ["docker-archive", "oci-dir"])
def test_a_damaged_blob_is_told_and_nothing_is_written(store, tmp_path, built, form):
    blob = store.layers.get(store.images.get(built).diff_ids[0]).blob
    damaged = store.path / "blobs/sha256" / blob.digest[7:]
    damaged.chmod(0o600)
    content = damaged.read_bytes()
    damaged.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    with pytest.raises((StoreCorruptError, ArchiveError)):
        store.archive.save([(built, [])], tmp_path / "out", form)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home"]


def test_what_cannot_be_written_is_told(store, tmp_path, built):
    class Full:
        def write(self, data, /):
            raise OSError(28, "No space left on device")

    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("")
    for target, form in (
        (Full(), "oci-archive"),
        (tmp_path / "nowhere" / "x.tar", "oci-archive"),
        (tmp_path, "docker-archive"),
        (tmp_path / "taken", "oci-dir"),
    ):
        with pytest.raises(ArchiveError, match="cannot be written") as caught:
            store.archive.save([(built, [])], target, form)
        assert str(tmp_path) not in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "taken"]


def test_an_image_that_is_not_there_writes_nothing(store, tmp_path):
    with pytest.raises(NotFoundError):
        store.archive.save([("sha256:" + "0" * 64, [])], tmp_path / "x.tar")
    assert not (tmp_path / "x.tar").exists()
