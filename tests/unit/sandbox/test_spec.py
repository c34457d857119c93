from __future__ import annotations

import json

import pytest

from dockmagic.errors import UsageError
from dockmagic.sandbox.spec import Bind, Spec
from dockmagic.sandbox.volumes import checked


def test_a_spec_is_json_but_for_the_contents_of_its_files():
    spec = Spec(lowers=("a",), upper="u", work="w", argv=("x",), files=(("n", b"\xff\x00", 0o755),), env=(("A", "1"),))
    told = json.loads(json.dumps(spec.to_json()))

    assert told["files"] == [["n", 2, 0o755]]
    assert told["env"] == [["A", "1"]]
    assert told["binds"] == []


def test_a_volume_above_the_store_hides_it(tmp_path):
    store = tmp_path / "deep" / "store"
    store.mkdir(parents=True)
    told = checked(Bind(source=str(tmp_path), target="/x/../y/"), store)

    assert told == {"source": str(tmp_path), "target": "/y", "read_only": False, "hidden": "deep/store"}


def test_a_link_into_the_store_is_the_store(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "link").symlink_to("store")
    with pytest.raises(UsageError):
        checked(Bind(source=str(tmp_path / "link"), target="/x"), tmp_path / "store")
