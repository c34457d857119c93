"""Base images that another process removes while a build looks for them."""

from __future__ import annotations

import pytest

from dockmagic.builder.builder import build
from dockmagic.builder.request import BuildRequest
from dockmagic.store.leases import Hold
from tests.unit.store.making import add_image, open_store


@pytest.mark.parametrize("removals", [0, 1])
def test_a_base_that_goes_before_it_is_held_is_looked_for_again(tmp_path, monkeypatch, removals):
    store = open_store(tmp_path / "home")
    left = [removals]
    add = Hold.add

    def late(hold, *digests):
        for image_id in digests if left[0] else ():
            store.images.delete(image_id)
            left[0] -= 1
        add(hold, *digests)

    monkeypatch.setattr(Hold, "add", late)
    made = build(
        store,
        lambda: pytest.fail("nothing is run"),
        BuildRequest(text="FROM far.example/base:1\nLABEL a=b\n", context=tmp_path, epoch=0, machine="amd64"),
        lambda event: None,
        puller=lambda name, platform: add_image(store, {"f": b"x"}, name=name),
    )
    assert left == [0]
    assert made.error is None
    assert len(store.images.get(made.image_id).diff_ids) == 1
