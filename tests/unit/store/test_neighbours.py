from __future__ import annotations

import pytest

from dockmagic.oci import reference
from dockmagic.store.neighbours import neighbours
from tests.unit.store.making import add_image


def asked(store, image_id, target):
    return store.images.neighbours(store.images.get(image_id).diff_ids, reference.parse_normalized(target))


def test_another_repository_of_the_same_registry_is_named(store):
    image_id = add_image(store, {"a": b"a"}, {"b": b"b"}, name="one.example:5000/team/bread:1")
    base, top = store.images.get(image_id).diff_ids
    both = {base: "team/bread", top: "team/bread"}
    assert asked(store, image_id, "one.example:5000/team/cake:1") == both
    assert asked(store, image_id, "one.example:5000/team/bread-more:1") == both
    assert asked(store, image_id, "one.example:5000/team/bread:2") == {}
    assert asked(store, image_id, "one.example/team/cake:1") == {}
    other = add_image(store, {"a": b"a"}, {"c": b"c"}, name="two.example/cake:1")
    assert asked(store, other, "one.example:5000/team/cake:1") == {base: "team/bread"}
    store.images.untag("one.example:5000/team/bread:1")
    assert asked(store, other, "one.example:5000/team/cake:1") == {}


def test_a_name_in_a_shared_store_counts_where_the_image_is_here(store):
    image_id = add_image(store, {"a": b"a"}, name="two.example/cake:1")
    (layer,) = store.images.get(image_id).diff_ids
    shared = {"one.example/course/base:1": image_id, "one.example/cake:1": image_id, "other.example/x:1": image_id}
    with store.images._database.reading() as connection:
        found = neighbours(connection, [layer], reference.parse_normalized("one.example/cake:2"), shared)
    assert found == {layer: "course/base"}


@pytest.mark.parametrize("domain", ["one.example", "nowhere.example"])
def test_what_a_push_asks_costs_the_same_however_many_images_have_its_layers(store, domain):
    (layer,) = store.images.get(add_image(store, {"a": b"a"}, name="x:1")).diff_ids

    def cost():
        ticks = []
        with store.images._database.reading() as connection:
            connection.set_progress_handler(lambda: ticks.append(1), 10)
            neighbours(connection, [layer], reference.parse_normalized(f"{domain}/new:1"), {})
        return len(ticks)

    def grow(numbers):
        with store.images._database.writing() as connection:
            for n in numbers:
                connection.execute("INSERT INTO images (id, manifest_digest) VALUES (?, ?)", (f"i{n}", f"m{n}"))
                connection.execute("INSERT INTO image_layers VALUES (?, 0, ?)", (f"i{n}", layer))
                connection.execute("INSERT INTO tags VALUES (?, ?)", (f"one.example/i{n}:1", f"i{n}"))

    grow(range(200))
    before = cost()
    grow(range(200, 4000))
    assert cost() <= before + 5
