from __future__ import annotations

import json

import pytest

from dockmagic.errors import ArchiveError, NotFoundError
from tests.unit.store.making import adopt, image_of, open_store, sha256

KEY, EMPTY, OTHER = (sha256(word) for word in (b"key", b"empty", b"other"))


@pytest.fixture
def step(store):
    """A step with a layer, and one that changed nothing."""
    layer = adopt(store, {"f": b"made\n"}, [])
    store.cache.put(KEY, layer.diff_id)
    store.cache.put(EMPTY, "")
    return layer


@pytest.fixture
def other(tmp_path):
    return open_store(tmp_path / "other")


def index(path):
    return json.loads((path / "index.json").read_bytes())["manifests"]


def blob(path, digest):
    return path / "blobs/sha256" / digest.removeprefix("sha256:")


def manifest(path):
    return json.loads(blob(path, index(path)[0]["digest"]).read_bytes())


@pytest.mark.parametrize("compressed", [True, False])
def test_steps_come_back_with_the_same_layers(store, step, other, tmp_path, compressed):
    store.cache_archive.write([KEY, EMPTY, OTHER], tmp_path / "c", tag="latest", compressed=compressed)
    steps = other.cache_archive.open(tmp_path / "c", tag="latest")
    assert [steps.take(key, ()) for key in (KEY, EMPTY, OTHER)] == [step.diff_id, "", None]
    assert other.layers.get(step.diff_id).size == step.size
    assert (steps.problems, other.check()) == ([], [])


def test_a_directory_is_added_to_and_whole_layers_are_not_written_again(store, step, tmp_path):
    path = tmp_path / "c"
    store.cache_archive.write([KEY], path, tag="one", compressed=True)
    layer = manifest(path)["layers"][0]["digest"]
    before = blob(path, layer).stat()
    store.cache_archive.write([KEY], path, tag="one", compressed=True)
    assert blob(path, layer).stat().st_ino == before.st_ino
    blob(path, layer).write_bytes(b"damaged")
    store.cache_archive.write([KEY], path, tag="one", compressed=True)
    assert sha256(blob(path, layer).read_bytes()) == layer
    store.cache_archive.write([EMPTY], path, tag="two", compressed=True)
    assert [store.cache_archive.open(path, tag=tag).take(KEY, ()) for tag in ("one", "two")] == [step.diff_id, None]
    digest = index(path)[0]["digest"]
    assert store.cache_archive.open(path, tag="two", digest=digest).take(KEY, ()) == step.diff_id


def test_a_layer_that_is_not_what_it_says_is_not_taken_and_told_once(store, step, other, tmp_path):
    store.cache_archive.write([KEY], tmp_path / "c", tag="latest", compressed=False)
    file = blob(tmp_path / "c", step.diff_id)
    file.write_bytes(file.read_bytes().replace(b"made", b"evil"))
    steps = other.cache_archive.open(tmp_path / "c", tag="latest")
    assert [steps.take(KEY, ()), steps.take(KEY, ())] == [None, None]
    assert len(steps.problems) == 1
    assert not other.layers.has(step.diff_id)
    assert other.check() == []


def test_a_blob_that_is_another_layer_than_the_config_says_is_not_taken(store, step, other, tmp_path):
    """Every file has its digest, but the row promises another DiffID."""
    path = tmp_path / "c"
    evil = adopt(store, {"f": b"evil\n"}, [])
    store.cache.put(KEY, evil.diff_id)
    store.cache_archive.write([KEY], path, tag="latest", compressed=True)
    made = manifest(path)
    config = json.loads(blob(path, made["config"]["digest"]).read_bytes())
    text = json.dumps(config).replace(evil.diff_id, step.diff_id).encode()
    made["config"] |= {"digest": sha256(text), "size": len(text)}
    blob(path, sha256(text)).write_bytes(text)
    rewritten = json.dumps(made).encode()
    blob(path, sha256(rewritten)).write_bytes(rewritten)
    named = index(path)[0] | {"digest": sha256(rewritten), "size": len(rewritten)}
    (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    steps = other.cache_archive.open(path, tag="latest")
    assert steps.take(KEY, ()) is None
    assert "differs from what" in steps.problems[0]
    assert not other.layers.has(step.diff_id)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("index.json", b"{"),
        ("index.json", b'{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"sha256:../../x","size":1}]}'),
        ("oci-layout", b'{"imageLayoutVersion":"9"}'),
        ("manifest", b"{}"),
        ("config", b'{"diff_ids":[],"steps":{"sha256:0":""}}'),
        ("config", b'{"diff_ids":[],"steps":{}}'),
    ],
)
def test_a_damaged_directory_is_refused(store, step, tmp_path, name, content):
    path = tmp_path / "c"
    store.cache_archive.write([KEY], path, tag="latest", compressed=True)
    files = {
        "manifest": blob(path, index(path)[0]["digest"]),
        "config": blob(path, manifest(path)["config"]["digest"]),
    }
    files.get(name, path / name).write_bytes(content)
    with pytest.raises(ArchiveError):
        store.cache_archive.open(path, tag="latest")


def test_what_is_not_there_is_told(store, step, tmp_path):
    with pytest.raises(NotFoundError, match="no such directory"):
        store.cache_archive.open(tmp_path / "c", tag="latest")
    store.cache_archive.write([KEY], tmp_path / "c", tag="latest", compressed=True)
    with pytest.raises(NotFoundError, match="it has no cache other"):
        store.cache_archive.open(tmp_path / "c", tag="other")


def test_a_directory_of_other_things_is_left_alone(store, step, tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c/index.json").write_text("mine")
    with pytest.raises(ArchiveError, match="holds other things"):
        store.cache_archive.write([KEY], tmp_path / "c", tag="latest", compressed=True)
    assert [p.name for p in (tmp_path / "c").iterdir()] == ["index.json"]


def test_an_image_layout_takes_images_and_a_cache_beside_each_other(store, step, tmp_path, other):
    image = image_of(store, [step], name="bread:1")
    store.archive.add([(image, ["docker.io/library/bread:1"])], tmp_path / "c")
    store.archive.add([(image, ["docker.io/library/fish:1"])], tmp_path / "c")
    store.archive.add([(image, ["docker.io/library/bread:1"])], tmp_path / "c")
    names = [m["annotations"]["io.containerd.image.name"] for m in index(tmp_path / "c")]
    assert names == ["docker.io/library/fish:1", "docker.io/library/bread:1"]
    assert other.archive.load(tmp_path / "c").ids == (image,)
    store.cache_archive.write([KEY], tmp_path / "c", tag="cache", compressed=True)
    assert other.cache_archive.open(tmp_path / "c", tag="cache").take(KEY, ()) == step.diff_id
