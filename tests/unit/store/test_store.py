from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dockmagic.errors import ArchiveError, IsolationError, NotFoundError, StoreCorruptError, StoreError
from dockmagic.store import Store
from tests.unit.store.making import add_image, adopt, open_store, tar_of


class Refusing:
    """An owner on a host that builds no wall."""

    scheme = "none"

    def call(self, job, arguments, fds=()):
        raise IsolationError("refused")


def test_a_new_store_is_whole_and_for_the_user_alone(home):
    store = open_store(home)
    assert store.check() == []
    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / "version").read_text() == "1\n"


def test_opening_again_finds_everything(home):
    image_id = add_image(open_store(home), {"a": b"a"}, name="x:1")
    again = open_store(home)
    assert again.images.resolve("x:1") == image_id
    assert again.check() == []


def test_a_directory_that_others_could_enter_is_closed(home):
    home.mkdir(mode=0o755)
    (home / "roots").mkdir()
    open_store(home)
    home.chmod(0o755)
    open_store(home)
    assert home.stat().st_mode & 0o777 == 0o700


def test_a_newer_store_is_refused(home):
    open_store(home)
    (home / "version").write_text("2\n")
    with pytest.raises(StoreError, match="newer dockmagic"):
        open_store(home)


def test_somebodys_directory_does_not_become_a_store(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(StoreError, match="other things") as caught:
        open_store(tmp_path)
    assert str(tmp_path) not in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["thesis.tex"]


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "home").write_text("")
    with pytest.raises(StoreError, match="DOCKMAGIC_HOME") as caught:
        open_store(tmp_path / "home")
    assert str(tmp_path) in caught.value.detail


def test_scratch_is_gone_afterwards(store):
    with store.scratch() as directory:
        tree = store.path / "roots/range-0" / directory
        (tree / "upper").mkdir()
        assert store.check() == []
    assert not tree.exists()


def test_without_a_runtime_what_needs_no_tree_works(home):
    image_id = add_image(open_store(home), {"a": b"a"}, name="x:1")
    store = Store.open(home, Refusing())
    assert store.images.resolve("x:1") == image_id
    assert store.layers.changes(store.images.get(image_id).diff_ids[0]) == {"/a": "A"}
    store.images.delete(image_id)
    store.leases.sweep()
    with pytest.raises(IsolationError):
        store.layers.add_tar(tar_of({"b": b"b"}))
    assert store.check() == []


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("blobs/sha256/{config}", "differs from its digest"),
        ("blobs/sha256/{blob}", "differs from its digest"),
        ("roots/range-0/snapshots/{layer}/a", "differs from its digest"),
        ("roots/range-0/snapshots/{built}/b", "differs from its digest"),
    ],
)
def test_check_names_a_flipped_bit(store, path, says):
    file = named_file(store, path)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)
    assert any(says in problem for problem in store.check())


@pytest.mark.parametrize(
    "path",
    [
        "blobs/sha256/{config}",
        "blobs/sha256/{blob}",
        "layers/{layer}.json",
        "roots/range-0/snapshots/{built}/b",
    ],
)
def test_check_names_what_is_missing(store, path):
    named_file(store, path).unlink()
    assert store.check() != []


@pytest.mark.parametrize(
    "path", ["blobs/sha256/" + "0" * 64, "layers/" + "0" * 64 + ".json", "logs/" + "0" * 64, "roots/range-0/snapshots/" + "0" * 64,
             "roots/range-0/containers/" + "0" * 64, "tmp/1-1-00000000-00000000-1-old", "roots/range-0/tmp/old"],
)  # fmt: skip
def test_check_names_and_sweep_removes_what_nothing_refers_to(store, path):
    image_id = add_image(store, {"a": b"a"}, name="x:1")
    target = store.path / path
    if path.startswith("roots"):
        target.mkdir()
    else:
        target.write_text("")
    os.utime(target, (1, 1))
    assert len(store.check()) == 1
    assert target.name in store.check()[0]
    store.leases.sweep()
    assert store.check() == []
    assert not target.exists()
    assert store.images.resolve("x:1") == image_id


def test_a_damaged_database_is_named(store):
    add_image(store, {"a": b"a"})
    (store.path / "db.sqlite").write_bytes(b"no database" * 1000)
    assert store.check()[0].startswith("db.sqlite: ")
    with pytest.raises(StoreCorruptError, match="damaged"):
        store.images.list()


def named_file(store, path):
    built = adopt(store, {"b": b"built" * 100})
    store.cache.put("k", built.diff_id)
    image_id = add_image(store, {"a": b"content" * 100})
    layer = store.layers.get(store.images.get(image_id).diff_ids[0])
    assert store.check() == []
    return store.path / path.format(
        config=image_id[7:], blob=layer.blob.digest[7:], layer=layer.diff_id[7:], built=built.diff_id[7:]
    )


def test_sweeping_keeps_what_is_referred_to_and_removes_the_rest(store):
    kept = add_image(store, {"a": b"a"}, {"b": b"b"}, name="kept")
    gone = add_image(store, {"a": b"a"}, {"c": b"c"}, name="gone")
    cached = adopt(store, {"d": b"d"})
    store.cache.put("key", cached.diff_id)
    store.images.delete(gone)
    store.leases.sweep()
    assert store.check() == []
    first, second = store.images.get(kept).diff_ids
    assert {p.name for p in (store.path / "layers").iterdir()} == {
        f"{d[7:]}.json" for d in (first, second, cached.diff_id)
    }
    assert len(list((store.path / "roots/range-0/snapshots").iterdir())) == 3
    with pytest.raises(NotFoundError):
        store.images.get(gone)
    store.cache.clear()
    store.images.delete(kept)
    store.leases.sweep()
    for directory in ("layers", "blobs/sha256", "roots/range-0/snapshots", "tmp", "roots/range-0/tmp"):
        assert list((store.path / directory).iterdir()) == []


def test_a_hold_keeps_content_and_an_image_as_long_as_it_lasts(store):
    image_id = add_image(store, {"a": b"a"})
    layer = store.images.get(image_id).diff_ids[0]
    with store.leases.hold("build", layer), store.leases.hold("build", layer):
        store.images.delete(image_id)
        store.leases.sweep()
        assert store.layers.snapshot(layer)
    store.leases.sweep()
    assert not store.layers.has(layer)
    assert store.check() == []


def test_fresh_content_is_kept_until_something_refers_to_it(store):
    layer = adopt(store, {"a": b"a"})
    blob = store.blobs.put(b"x")
    store.leases.sweep()
    assert store.layers.has(layer.diff_id)
    assert store.blobs.has(blob.digest)
    assert store.check() == []
    store.cache.put("k", layer.diff_id)
    store.cache.clear()
    store.leases.sweep()
    assert not store.layers.has(layer.diff_id)


def test_sweeping_twice_at_once_is_fine(store):
    for number in range(5):
        store.images.delete(add_image(store, {str(number): b"x"}))
    other = open_store(store.path)
    store.leases.sweep()
    other.leases.sweep()
    assert store.check() == []


def test_old_temporary_things_of_unknown_makers_go_after_a_day(store):
    path = store.path / "tmp" / "strange"
    path.write_text("")
    store.leases.sweep()
    assert path.exists()
    yesterday = time.time() - 90_000
    os.utime(path, (yesterday, yesterday))
    store.leases.sweep()
    assert not path.exists()


def test_a_workspace_is_gone_at_its_end_and_swept_when_its_process_was_killed(home):
    store = open_store(home)
    script = (
        "import sys, time; from tests.unit.store.making import open_store; from pathlib import Path\n"
        "with open_store(Path(sys.argv[1])).workspace() as place:\n"
        "    (place / 'deep').mkdir(); (place / 'deep/file').write_text('x'); print(place, flush=True); time.sleep(600)\n"
    )
    root = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", script, home], cwd=root, stdout=subprocess.PIPE, text=True) as process:
        place = Path(process.stdout.readline().strip())
        with store.workspace() as own:
            store.leases.sweep()
            assert {own, place} == set((home / "tmp").iterdir())
        process.kill()
    assert store.check() == [f"tmp/{place.name}: left by a process that has ended"]
    store.leases.sweep()
    assert list((home / "tmp").iterdir()) == []


def test_a_failed_load_leaves_nothing(store):
    with pytest.raises(ArchiveError):
        store.layers.add_tar(tar_of({"a": b"a"}), diff_id="sha256:" + "0" * 64)
    assert store.check() == []
    assert list((store.path / "blobs/sha256").iterdir()) == []
    assert list((store.path / "roots/range-0/tmp").iterdir()) == []


def test_a_sweep_leaves_a_trial_that_goes_on_and_takes_one_that_was_left(home):
    store = open_store(home)
    roots = home / "roots/range-0"
    for name in ("trial-new", "trial-old", "lost"):
        (roots / "containers" / name / "upper").mkdir(parents=True)
    os.utime(roots / "containers/trial-old", (0, 0))
    store.leases.sweep()
    assert [path.name for path in (roots / "containers").iterdir()] == ["trial-new"]
