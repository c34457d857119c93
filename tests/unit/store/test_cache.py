from __future__ import annotations

import pytest

from dockmagic.errors import StoreError
from dockmagic.store.cache import Cache

LAYER = "sha256:" + "1" * 64


@pytest.fixture
def cache(rooms):
    rooms.add_layer(LAYER)
    return Cache(rooms.database)


def test_a_row_is_found_by_its_key(cache):
    cache.put("k", LAYER, {"context": "sha256:ab", "args": {"A": "1"}}, lineage="0 COPY a b", position="0/1")
    row = cache.get("k")
    assert (row.key, row.diff_id, row.lineage, row.position) == ("k", LAYER, "0 COPY a b", "0/1")
    assert row.components == {"context": "sha256:ab", "args": {"A": "1"}}
    assert cache.get("other") is None


def test_a_step_that_changed_nothing_has_no_layer(cache):
    cache.put("k", "")
    assert cache.get("k").diff_id == ""


def test_a_row_of_the_same_key_is_replaced(cache):
    cache.put("k", "")
    cache.put("k", LAYER)
    assert cache.get("k").diff_id == LAYER


def test_the_newest_of_a_lineage_explains_a_miss(cache):
    cache.put("k1", LAYER, {"n": 1}, lineage="RUN x", position="0/2")
    cache.put("k2", LAYER, {"n": 2}, lineage="RUN x", position="0/2")
    cache.put("k3", LAYER, {"n": 3}, lineage="RUN y", position="0/2")
    assert cache.similar("RUN x").components == {"n": 2}
    assert cache.latest_for("0/2").components == {"n": 3}
    assert cache.similar("RUN z") is None
    cache.put("k1", LAYER, {"n": 4}, lineage="RUN x")
    assert cache.similar("RUN x").components == {"n": 4}


def test_a_layer_that_is_gone_is_told(cache):
    with pytest.raises(StoreError, match="no layer"):
        cache.put("k", "sha256:" + "2" * 64)
    assert cache.get("k") is None


def test_clearing_forgets_all(cache):
    cache.put("k", LAYER)
    cache.clear()
    assert cache.get("k") is None
