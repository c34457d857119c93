from __future__ import annotations

import gzip
import os
import shutil
import tarfile

import pytest

from tests.unit.store.making import add_image, adopt, image_of, open_store, tar_of


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


@pytest.fixture
def found(store):
    """Paths of an image of a layer that came and one that was built, and of a cached one."""
    came = store.layers.add_tar(gzip.compress(tar_of({"a": b"content" * 100, "b": b""})))
    built = adopt(store, {"c": b"built" * 100}, [store.layers.snapshot(came.diff_id)])
    image_id = image_of(store, [came, built], name="kept:1")
    cached = adopt(store, {"d": b"cached" * 100})
    store.cache.put("key", cached.diff_id)
    trees = store.path / "roots/range-0/snapshots"
    return {
        "image": image_id,
        "came": trees / came.diff_id[7:],
        "blob": store.path / "blobs/sha256" / came.blob.digest[7:],
        "metadata": store.path / "layers" / f"{came.diff_id[7:]}.json",
        "built": trees / built.diff_id[7:],
        "built metadata": store.path / "layers" / f"{built.diff_id[7:]}.json",
        "cached": trees / cached.diff_id[7:],
        "config": store.path / "blobs/sha256" / image_id[7:],
    }


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def test_a_whole_store_is_left_as_it_is(store, found):
    assert store.repair() == []
    assert store.layers.has("sha256:" + found["cached"].name)


@pytest.mark.parametrize(
    "damage",
    [
        lambda found: flip(found["came"] / "a"),
        lambda found: (found["came"] / "a").unlink(),
        lambda found: (found["came"] / "a").write_bytes(b"longer" * 1000),
        lambda found: flip(found["metadata"]),
        lambda found: remove(found["metadata"]),
        lambda found: (remove(found["metadata"]), remove(found["came"])),
    ],
    ids=["content", "file", "size", "metadata", "no metadata", "neither"],
)
def test_a_tree_is_made_again_from_its_blob(store, found, damage):
    damage(found)
    assert store.check() != []
    assert store.repair() == []
    assert (found["came"] / "a").read_bytes() == b"content" * 100
    assert set(store.layers.changes("sha256:" + found["came"].name)) == {"/a", "/b"}
    assert store.images.resolve("kept:1") == found["image"]


@pytest.mark.parametrize("damage", [flip, remove])
def test_a_layer_of_our_own_tar_does_without_its_blob(store, damage):
    built = adopt(store, {"c": b"built" * 100})
    image_id = image_of(store, [built], name="kept:1")
    blob = store.layers.compressed(built.diff_id)
    store.leases.sweep()
    damage(store.path / "blobs/sha256" / blob.digest[7:])
    (problem,) = store.problems()
    assert problem.users == ("kept:1",)
    assert store.repair() == []
    assert store.layers.compressed(built.diff_id) == blob
    assert store.images.resolve("kept:1") == image_id
    assert store.check() == []


@pytest.mark.parametrize("damage", [lambda path: flip(path / "d"), remove])
def test_a_damaged_layer_of_the_cache_alone_goes(store, found, damage):
    damage(found["cached"])
    assert [problem.users for problem in store.problems()] == [()]
    assert store.repair() == []
    assert store.cache.get("key") is None
    assert not store.layers.has("sha256:" + found["cached"].name)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("blob", flip),
        ("blob", remove),
        ("built", lambda path: flip(path / "c")),
        ("built", remove),
        ("built metadata", remove),
        ("config", flip),
        ("config", remove),
    ],
)
def test_what_an_image_cannot_do_without_stays_and_stays_named(store, found, name, damage):
    damage(found[name])
    before = store.problems()
    assert {problem.users for problem in before if problem.kind != "image"} == {("kept:1",)}
    if name == "blob":
        remove(found["came"])
    left = store.repair()
    assert {str(problem) for problem in before} <= {str(problem) for problem in left}
    assert store.images.resolve("kept:1") == found["image"]
    add_image(store, {"a": b"another"}, name="other:1")
    store.images.delete(found["image"])
    store.leases.sweep()
    assert store.repair() == []


def test_what_is_left_over_goes(store, found):
    for path in ("blobs/sha256/" + "0" * 64, "logs/" + "0" * 64, "tmp/1-1-00000000-00000000-1-old"):
        (store.path / path).write_text("")
        os.utime(store.path / path, (1, 1))
    assert len(store.problems()) == 3
    assert store.repair() == []
    assert store.images.get(found["image"]).id == found["image"]


def test_what_a_living_process_works_with_is_left_alone(store, found):
    flip(found["came"] / "a")
    with open_store(store.path).leases.hold("build", found["image"]):
        assert [problem.digest for problem in store.repair()] == ["sha256:" + found["came"].name]
    assert store.repair() == []


def test_a_running_containers_layers_are_left_alone(store, found):
    row = store.containers.create(
        id="c" * 64, name="fish", image_id=found["image"], image_ref="", kernel_pid=os.getpid(), kept=True
    )
    store.containers.started(row.id, pid=os.getpid(), birth=1)
    flip(found["came"] / "a")
    assert len(store.repair()) == 1
    store.containers.ended(row.id, exit_code=0)
    assert store.repair() == []


def test_a_damaged_database_is_left_alone(store, found):
    (store.path / "db.sqlite").write_bytes(b"no database" * 1000)
    assert [problem.kind for problem in store.repair()] == ["database"]
    assert found["blob"].exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda tree: (tree / "dir").chmod(0o700),
        lambda tree: (tree / "dir" / "link").unlink(),
        lambda tree: ((tree / "dir" / "link").unlink(), (tree / "dir" / "link").symlink_to("elsewhere")),
        lambda tree: (tree / "dir" / "extra").write_text(""),
        lambda tree: (tree / "extra").mkdir(),
        lambda tree: (tree / "gone").unlink(),
        lambda tree: ((tree / "gone").unlink(), (tree / "gone").write_text("")),
        lambda tree: ((tree / "dir" / "empty").unlink(), (tree / "dir" / "empty").mkdir()),
        lambda tree: (tree / "second").unlink(),
    ],
    ids=["mode", "link", "target", "file", "directory", "whiteout", "no whiteout", "kind", "hard link"],
)
def test_what_no_content_tells_of_is_seen_and_repaired_too(store, damage):
    files = {
        "dir": {"type": tarfile.DIRTYPE, "mode": 0o755},
        "dir/link": {"type": tarfile.SYMTYPE, "linkname": "target"},
        "dir/empty": b"",
        "dir/device": {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
        "second": {"type": tarfile.LNKTYPE, "linkname": "dir/empty"},
        "implied/file": b"",
        ".wh.gone": b"",
        "opaque/.wh..wh..opq": b"",
    }
    add_image(store, {"gone": b"", "opaque/below": b""}, files, name="x:1")
    tree = (
        store.path / "roots/range-0" / store.layers.snapshot(store.images.get(store.images.resolve("x:1")).diff_ids[1])
    )
    assert store.check() == []
    damage(tree)
    assert store.check() == [f"snapshots/{tree.name}: differs from its metadata"]
    assert store.repair() == []
    assert store.check() == []
