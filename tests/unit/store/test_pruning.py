from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dockmagic.errors import ConflictError
from dockmagic.store.leases import MADE
from tests.unit.store.making import add_image, adopt, image_of, open_store

HOLDING = """
import sys
from pathlib import Path
from tests.unit.store.making import adopt, add_image, image_of, open_store
store = open_store(Path(sys.argv[1]))
made = add_image(store, {"made": b"m"})
layer = adopt(store, {"held": b"h"})
store.cache.put("key", layer.diff_id)
with store.leases.hold("build", layer.diff_id, sys.argv[2]), store.caches.use("apt", "shared", fill=lambda _: None):
    print(made, layer.diff_id, flush=True)
    sys.stdin.readline()
    named = image_of(store, [layer], name="built:1")
    sys.stdin.readline()
"""


@pytest.fixture
def elsewhere(store):
    """Another process that holds things of the store until it is told to go on."""
    image_id = add_image(store, {"base": b"b"}, name="base:1")
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, store.path, image_id], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    made, layer = process.stdout.readline().split()
    yield process, image_id, made, layer
    process.kill()
    process.communicate()


def container(store, image_id, name, *, kept=True, pid=None):
    row = store.containers.create(
        id=f"{len(store.containers.list()):064x}",
        name=name,
        image_id=image_id,
        image_ref="",
        kept=kept,
        kernel_pid=pid or os.getpid(),
    )
    return row.id


def ended_process():
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def prune(store, names=()):
    return store.pruning.carry_out(store.pruning.plan(names))


def test_an_empty_store_has_nothing_to_prune(store):
    gone = prune(store)
    assert (gone.containers, gone.images, gone.steps, gone.layers, gone.caches) == ((), (), 0, frozenset(), ())


def test_what_has_a_name_or_a_container_stays_and_the_rest_goes(store):
    named = add_image(store, {"a": b"a"}, {"shared": b"s"}, name="named:1")
    used = add_image(store, {"b": b"b"})
    unused = add_image(store, {"c": b"c"}, {"shared": b"s"})
    container(store, used, "created")
    cached = adopt(store, {"d": b"d"})
    store.cache.put("key", cached.diff_id)
    only_its_own = store.images.get(unused).diff_ids[0]
    plan = store.pruning.plan()
    assert (plan.images, plan.steps, plan.layers) == ((unused,), 1, {only_its_own, cached.diff_id})
    assert len(store.images.list()) == 3
    assert store.pruning.carry_out(plan) == plan
    assert [record.id for record in store.images.list()] == [used, named]
    assert not store.layers.has(cached.diff_id)
    assert store.check() == []


def test_containers_that_have_ended_go_and_their_images_with_them(store):
    image_id = add_image(store, {"a": b"a"})
    ended, own = container(store, image_id, "ended"), container(store, image_id, "own", kept=False)
    running, created = container(store, image_id, "running"), container(store, image_id, "created")
    for container_id in (ended, own, running):
        store.containers.started(container_id, pid=os.getpid(), birth=1)
    for container_id in (ended, own):
        store.containers.ended(container_id, exit_code=0)
    dead = container(store, image_id, "dead", pid=ended_process())
    assert {row.id for row in prune(store).containers} == {ended, dead}
    # a container that is not kept is removed by the run that made it
    assert {row.id for row in store.containers.list()} == {own, running, created}
    for container_id in (running, own, created):
        store.containers.delete(container_id)
    assert prune(store).images == (image_id,)


def test_what_was_used_again_after_the_plan_stays(store):
    first, second = add_image(store, {"a": b"a"}), add_image(store, {"b": b"b"})
    ended = container(store, add_image(store, {"c": b"c"}, name="c"), "ended")
    store.containers.started(ended, pid=os.getpid(), birth=1)
    store.containers.ended(ended, exit_code=0)
    plan = store.pruning.plan()
    assert set(plan.images) == {first, second}
    store.images.tag("named", first)
    container(store, second, "new")
    store.containers.started(ended, pid=os.getpid(), birth=1)
    gone = store.pruning.carry_out(plan)
    assert (gone.images, gone.containers, gone.layers) == ((), (), frozenset())
    assert store.check() == []


def test_another_process_keeps_what_it_works_with(store, elsewhere):
    process, held, made, layer = elsewhere
    store.images.untag("base:1")
    gone = prune(store)
    assert (gone.images, gone.caches, gone.steps) == ((), (), 1)
    assert store.layers.has(layer)
    assert {record.id for record in store.images.list()} == {held, made}
    with pytest.raises(ConflictError):
        store.images.delete(held)
    process.stdin.write("\n")
    process.stdin.flush()
    process.communicate("\n")
    assert process.returncode == 0
    assert store.images.resolve("built:1") is not None
    gone = prune(store)
    assert set(gone.images) == {held, made}
    assert len(gone.caches) == 1
    assert store.check() == []


def test_an_image_that_another_process_made_can_be_removed_by_its_id(store, elsewhere):
    _, _, made, _ = elsewhere
    store.images.delete(made)
    store.leases.sweep()
    assert store.check() == []


def test_what_this_process_made_does_not_stand_in_its_own_way(store):
    image_id = add_image(store, {"a": b"a"})
    with store._database.reading() as connection:
        kinds = [row["kind"] for row in connection.execute("SELECT kind FROM leases WHERE digest = ?", (image_id,))]
    assert kinds == [MADE]
    assert prune(store).images == (image_id,)
    with store._database.reading() as connection:
        assert connection.execute("SELECT * FROM leases").fetchall() == []


def test_names_that_are_given_are_taken_away_first(store):
    base = store.layers.add_tar(b"\0" * 1024)
    image_of(store, [base], name="localhost/base")
    child = image_of(store, [base, adopt(store, {"x": b"x"})], name="child:1")
    names = {"localhost/base:latest", "localhost/nowhere:latest"}
    gone = prune(store, names)
    assert (gone.names, len(gone.images), gone.layers) == (("localhost/base:latest",), 1, frozenset())
    assert [record.id for record in store.images.list()] == [child]
    assert store.check() == []


def test_caches_go_with_their_locks_unless_somebody_uses_them(store):
    with store.caches.use("used", "shared", fill=lambda _: None) as used:
        for name in ("one", "two"):
            with store.caches.use(name, "locked", fill=lambda _: None):
                pass
        assert len(store.caches.all()) == 3
        assert used not in store.pruning.plan().caches
        assert len(prune(store).caches) == 2
        assert store.caches.all() == (used,)
        assert [path.name for path in (store.path / "locks").iterdir()] == [used.removeprefix("caches/")]
    with store.caches.use("one", "private", fill=lambda _: None) as again:
        assert (store.path / "roots/range-0" / again).is_dir()


def test_a_lock_that_was_removed_while_it_was_waited_for_is_taken_anew(store):
    script = (
        "import sys\nfrom pathlib import Path\nfrom tests.unit.store.making import open_store\n"
        "store = open_store(Path(sys.argv[1]))\n"
        "with store.caches.use('apt', 'locked', fill=lambda _: None) as directory:\n"
        "    assert (store.path / 'locks' / directory.removeprefix('caches/')).exists()\n"
        "    assert (store.path / 'roots/range-0' / directory).is_dir()\n"
    )
    waiting = []
    with store.caches.use("apt", "locked", fill=lambda _: None) as directory:
        waiting = [subprocess.Popen([sys.executable, "-c", script, store.path]) for _ in range(3)]
        (store.path / "locks" / directory.removeprefix("caches/")).unlink()
    assert [process.wait(60) for process in waiting] == [0, 0, 0]


def test_two_prunes_at_once_are_fine(store):
    for number in range(6):
        add_image(store, {str(number): b"x"})
    other = open_store(store.path)
    plans = store.pruning.plan(), other.pruning.plan()
    gone = store.pruning.carry_out(plans[0]), other.pruning.carry_out(plans[1])
    assert (len(gone[0].images), len(gone[1].images)) == (6, 0)
    assert store.check() == []
