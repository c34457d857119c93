"""A shared store in front of a private one; the jobs of both run in this process."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest

from dockmagic.errors import ConflictError, StoreError
from dockmagic.layers.inprocess import InProcessOwner
from dockmagic.store import Store
from dockmagic.testing.stores import own_scheme
from tests.unit.store.making import add_image, image_of, open_store, tar_of


@pytest.fixture
def course(tmp_path):
    """A shared store: an image of a pulled layer and a built one, in the scheme of this process."""
    store = open_in(tmp_path / "course")
    layer = store.layers.add_tar(tar_of({"etc/x": b"x" * 3000}))
    built = adopt_in(store, {"a": b"built"})
    image_of(store, [layer, built], name="lesson:1")
    return store


@pytest.fixture
def store(tmp_path, course):
    """A private store that reads it."""
    return open_in(tmp_path / "home", [course.path])


def open_in(home, shared=(), scheme=""):
    named = scheme or own_scheme()
    return Store.open(home, InProcessOwner(home / "roots" / named, named), shared)


def adopt_in(store, files):
    with store.scratch() as directory:
        upper = store.path / "roots" / own_scheme() / directory / "upper"
        upper.mkdir(parents=True)
        upper.chmod(0o755)
        for name, content in files.items():
            (upper / name).write_bytes(content)
        return store.layers.adopt(f"{directory}/upper", lowers=(), epoch=315532800)


def tree_of(store, diff_id):
    return (store.path / "roots" / store._layout.scheme / store.layers.snapshot(diff_id)).resolve()


def bytes_in(path):
    """What a directory holds itself: links count for nothing."""
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file() and not p.is_symlink())


def listing(path):
    return sorted((str(p), p.lstat().st_mtime_ns, p.lstat().st_mode) for p in path.rglob("*"))


def test_a_shared_image_is_here_without_a_copy(course, store):
    before = listing(course.path)
    found = store.images.resolve("lesson:1")
    record = store.images.get(found)
    assert record == replace(course.images.get(found), order=record.order)
    for diff_id in record.diff_ids:
        assert tree_of(store, diff_id) == tree_of(course, diff_id)
        assert store.layers.entries(diff_id) == course.layers.entries(diff_id)
    assert bytes_in(store.path / "roots") == bytes_in(store.path / "layers") == 0
    assert store.layers.footprints() == dict.fromkeys(record.diff_ids, 0)
    assert store.check() == []
    assert listing(course.path) == before


def test_its_names_are_looked_up_there_each_time(course, store):
    first = store.images.resolve("lesson:1")
    second = add_image(course, {"n": b"new"}, name="lesson:1")
    assert store.images.resolve("lesson:1") == second != first
    assert store.images.tags(second) == ["lesson:1"]
    assert store.images.tags(first) == []
    course.images.untag("lesson:1")
    assert store.images.resolve("lesson:1") is None


def test_an_own_name_wins_over_a_shared_one(course, store):
    own = add_image(store, {"o": b"own"}, name="lesson:1")
    assert store.images.resolve("lesson:1") == own
    shared = course.images.resolve("lesson:1")
    assert store.images.tags(shared) == []
    store.images.tag("mine:1", store.images.resolve(shared))
    assert store.images.tags(shared) == ["mine:1"]
    assert course.images.tags(shared) == ["lesson:1"]


def test_all_that_have_a_name_are_listed(course, store):
    add_image(course, {"u": b"unnamed"})
    add_image(course, {"m": b"more"}, name="more:1")
    own = add_image(store, {"o": b"own"}, name="own:1")
    listed = {record.id for record in store.images.list()}
    assert listed == {own, *course.images.names().values()}
    assert store.images.shared() == set(course.images.names().values())
    assert [row["name"] for row in _tags(store)] == ["docker.io/library/own:1"]


def _tags(store):
    with store._database.reading() as connection:
        return connection.execute("SELECT name FROM tags").fetchall()


def test_prune_and_delete_take_only_links(course, store):
    before = listing(course.path)
    found = store.images.resolve("lesson:1")
    assert store.pruning.plan().images == ()
    store.pruning.carry_out(store.pruning.plan())
    assert store.images.get(found).diff_ids == course.images.get(found).diff_ids
    store.images.delete(found)
    store.leases.sweep()
    assert not list((store.path / "blobs" / "sha256").iterdir())
    assert not list((store.path / "roots" / own_scheme() / "snapshots").iterdir())
    assert listing(course.path) == before
    assert course.check() == []
    assert store.images.resolve("lesson:1") == found


def test_what_the_shared_store_has_no_more_is_pruned_here(course, store):
    found = store.images.resolve("lesson:1")
    course.images.untag("lesson:1")
    other = open_in(store.path, [course.path])
    with other._database.writing() as connection:
        connection.execute("DELETE FROM leases")  # of the process that took it up
    assert other.pruning.plan().images == (found,)


def test_a_shared_store_that_has_gone_is_named_and_counts_as_empty(course, store):
    found = store.images.resolve("lesson:1")
    shutil.rmtree(course.path)
    assert store.images.resolve("lesson:1") is None
    (error,) = store.shelf.troubles.values()
    assert error.message == "the shared store is not there"
    assert [record.id for record in store.images.list()] == [found]
    missing = {problem.words for problem in store.problems()}
    assert missing == {"missing"}
    # the same layer comes again, and takes the place of the links
    again = store.layers.add_tar(tar_of({"etc/x": b"x" * 3000}))
    assert (tree_of(store, again.diff_id) / "etc/x").read_bytes() == b"x" * 3000
    assert not tree_of(store, again.diff_id).is_relative_to(course.path)


def test_it_is_mended_when_the_shared_store_has_moved(course, store, tmp_path):
    found = store.images.resolve("lesson:1")
    course.path.rename(tmp_path / "moved")
    there = open_in(store.path, [tmp_path / "moved"])
    assert there.images.resolve(found) == found
    assert there.check() == []
    for diff_id in there.images.get(found).diff_ids:
        assert tree_of(there, diff_id).is_relative_to(tmp_path / "moved")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: (path / "db.sqlite").write_bytes(b"<html>" * 200), "the store's database is damaged"),
        (lambda path: (path / "db.sqlite").unlink(), "the shared store cannot be read"),
        (lambda path: (path / "version").write_text("2\n"), "the shared store was made by a newer dockmagic"),
        (lambda path: path.chmod(0o757), "everybody can write to the shared store"),
    ],
)
def test_a_damaged_one_is_named_and_counts_as_empty(course, store, damage, message):
    damage(course.path)
    own = add_image(store, {"o": b"own"}, name="own:1")
    assert store.images.resolve("lesson:1") is None
    assert [error.message for error in store.shelf.troubles.values()] == [message]
    assert [record.id for record in store.images.list()] == [own]


def test_a_damaged_config_is_told_and_the_image_is_not_taken_up(course, store):
    found = course.images.resolve("lesson:1")
    blob = course.path / "blobs" / "sha256" / found.removeprefix("sha256:")
    blob.chmod(0o600)
    blob.write_bytes(b"{}")
    assert store.images.resolve("lesson:1") is None
    (error,) = store.shelf.troubles.values()
    assert "differs from its digest" in error.message


def test_damage_of_a_shared_layer_is_found_here_and_its_tree_made_again_here(course, store):
    found = store.images.resolve("lesson:1")
    pulled, built = store.images.get(found).diff_ids
    (tree_of(course, pulled) / "etc/x").write_bytes(b"y" * 3000)
    (problem,) = store.problems()
    assert (problem.kind, problem.digest) == ("tree", pulled)
    assert store.repair() == []
    assert (tree_of(store, pulled) / "etc/x").read_bytes() == b"x" * 3000
    assert (tree_of(course, pulled) / "etc/x").read_bytes() == b"y" * 3000
    assert tree_of(store, built) == tree_of(course, built)


def test_who_has_other_ids_makes_trees_from_the_shared_blobs(course, tmp_path):
    course.share()
    other = open_in(tmp_path / "other", [course.path], "range-7" if os.geteuid() == 0 else "single-7")
    found = other.images.resolve("lesson:1")
    pulled, built = other.images.get(found).diff_ids
    assert (tree_of(other, pulled) / "etc/x").read_bytes() == b"x" * 3000
    assert (tree_of(other, built) / "a").read_bytes() == b"built"
    assert bytes_in(other.path / "roots") == 3005
    assert bytes_in(other.path / "blobs") < 2000  # the config and the manifest
    assert other.check() == []


def test_files_that_a_mount_shows_as_ones_own_are_used_as_they_stand(tmp_path):
    strange = open_in(tmp_path / "course", scheme="single-7")
    found = add_image(strange, {"etc/x": b"x" * 3000}, name="lesson:1")
    store = open_in(tmp_path / "home", [strange.path], f"single-{os.geteuid()}")
    (diff_id,) = store.images.get(store.images.resolve("lesson:1")).diff_ids
    assert tree_of(store, diff_id) == tree_of(strange, diff_id)
    assert store.check() == []
    assert store.images.shared() == {found}


def test_a_built_layer_without_a_blob_is_refused_to_other_ids(course, tmp_path):
    other = open_in(tmp_path / "other", [course.path], "range-7" if os.geteuid() == 0 else "single-7")
    assert other.images.resolve("lesson:1") is None
    (error,) = other.shelf.troubles.values()
    assert "dockmagic share" in error.hint


def test_sharing_lets_others_read_all_but_what_is_private(course):
    def others(path):
        return oct(path.stat().st_mode & 0o077)

    assert others(course.path) == "0o0"
    course.share()
    again = open_in(course.path)
    assert {others(path) for path in (course.path, course.path / "blobs/sha256", course.path / "layers")} == {"0o55"}
    add_image(again, {"l": b"later"}, name="later:1")
    files = [*course.path.glob("blobs/sha256/*"), *course.path.glob("layers/*"), *course.path.glob("db.sqlite*")]
    assert {others(path) for path in files} == {"0o44"}
    assert {others(course.path / name) for name in ("logs", "tmp")} == {"0o0"}
    assert again.check() == []


def test_a_store_with_a_container_is_not_shared(course):
    found = course.images.resolve("lesson:1")
    course.containers.create(id="c" * 64, name="fish", image_id=found, image_ref="", kernel_pid=os.getpid())
    with pytest.raises(ConflictError, match="fish"):
        course.share()
    assert course.path.stat().st_mode & 0o077 == 0


def test_a_private_store_that_cannot_be_written_says_so(course, store, monkeypatch):
    def refuse(*_, **__):
        raise StoreError("the store cannot be written")

    monkeypatch.setattr(store.blobs, "put", refuse)
    with pytest.raises(StoreError, match="cannot be written"):
        store.images.resolve("lesson:1")
    assert store.images.list() == []
    assert store.shelf.troubles == {}


def test_the_first_of_several_shared_stores_wins(course, tmp_path):
    second = open_store(tmp_path / "second", own_scheme())
    add_image(second, {"s": b"second"}, name="lesson:1")
    only = add_image(second, {"only": b"second"}, name="only:1")
    store = open_in(tmp_path / "home", [course.path, second.path])
    assert store.images.resolve("lesson:1") == course.images.resolve("lesson:1")
    assert store.images.resolve("only:1") == only
