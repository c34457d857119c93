from __future__ import annotations

import os

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.errors import NotFoundError
from dockmagic.layers.inprocess import InProcessOwner
from dockmagic.testing import RecordingRuntime, Scripted, add_image, open_store
from dockmagic.testing.stores import own_scheme

BASE = {"etc/conf": b"a\n", "dir/one": b"1", "dir/two": b"22", "link": {"type": b"2", "linkname": "/etc/shadow"}}


@pytest.fixture
def engine(tmp_path):
    store = open_store(tmp_path)
    add_image(store, BASE, {"dir/.wh.one": b"", "etc/conf": b"b\n", "new": b"333"}, name="bread:1")
    add_image(store, BASE, {"other": b"1"}, name="other:1")
    script = [
        Scripted(files={"/note": b"eaten", "/etc/conf": b"c\n"}),
        Scripted(files={"/note": b"other", "/etc/conf": b"c\n"}),
    ]
    engine = Engine(tmp_path, runtime=RecordingRuntime(tmp_path, script))
    yield engine
    engine.close()


def states(found):
    return {file.path: file.state for file in found}


def test_an_image_lists_what_stands_in_it_and_what_its_last_layer_deleted(engine):
    found = states(engine.files("bread:1"))
    assert {path: state for path, state in found.items() if state} == {"/dir/one": "D", "/etc/conf": "C", "/new": "A"}
    assert {path for path, state in found.items() if not state} == {"/dir", "/dir/two", "/etc", "/link"}


def test_a_lower_layer_is_listed_as_if_nothing_lay_on_it(engine):
    assert set(states(engine.files("bread:1", layer=0)).values()) == {"A"}
    with pytest.raises(NotFoundError, match="no layer 2"):
        engine.files("bread:1", layer=2)


def test_a_container_lists_its_writable_layer_on_its_image(engine):
    engine.run("bread:1", argv=["true"], name="fish1")
    found = {file.path: file for file in engine.files("fish1")}
    assert (found["/note"].state, found["/note"].diff_id, found["/note"].entry.size) == ("A", "", 5)
    assert (found["/etc/conf"].state, found["/new"].state) == ("C", "")
    assert "/dir/one" not in found


def test_a_file_is_read_up_to_a_limit_where_the_place_has_it(engine):
    engine.run("bread:1", argv=["true"], name="fish1")
    assert engine.read("fish1", "/etc/conf").data == b"c\n"
    assert engine.read("bread:1", "/etc/conf").data == b"b\n"
    assert engine.read("bread:1", "/etc/conf", layer=0).data == b"a\n"
    beginning = engine.read("bread:1", "/new", limit=2)
    assert (beginning.data, beginning.size, beginning.whole) == (b"33", 3, False)
    with pytest.raises(NotFoundError):
        engine.read("bread:1", "/dir/one")


def test_a_link_is_read_as_its_text_and_never_followed(engine):
    link = engine.read("bread:1", "/link")
    assert (link.kind, link.data) == ("l", b"/etc/shadow")


def test_a_directory_that_turns_into_a_link_leads_nowhere(tmp_path, monkeypatch):
    root = tmp_path / "root"
    owner = InProcessOwner(root, own_scheme())
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_bytes(b"secret")
    owner.call("mkdir", {"paths": ["containers/c"]})
    (root / "containers/c/dir").mkdir()
    (root / "containers/c/dir/file").write_bytes(b"own")
    assert owner.call("beginning", {"lowers": ["containers/c"], "path": "/dir/file", "limit": 9})["size"] == 3
    real = os.open

    def turning(path, *arguments, **fields):
        if path == "containers":  # between the look and the opening
            (root / "containers/c/dir").rename(root / "containers/c/old")
            (root / "containers/c/dir").symlink_to(tmp_path / "secret")
        return real(path, *arguments, **fields)

    monkeypatch.setattr(os, "open", turning)
    with pytest.raises(NotFoundError, match="changed while it was read"):
        owner.call("beginning", {"lowers": ["containers/c"], "path": "/dir/file", "limit": 9})


def test_containers_differ_by_content_and_not_by_time(engine):
    engine.run("bread:1", argv=["true"], name="fish1")
    engine.run("bread:1", argv=["true"], name="fish2")
    assert [different.path for different in engine.compare("fish1", "fish2")] == ["/note"]


def test_a_container_differs_from_its_image_by_what_it_changed(engine):
    engine.run("bread:1", argv=["true"], name="fish1")
    found = {different.path: different for different in engine.compare("bread:1", "fish1")}
    assert set(found) == {"/note", "/etc/conf"}
    assert found["/note"].first is None


def test_images_differ_by_what_stands_in_them(engine):
    found = engine.compare("bread:1", "other:1")
    assert [different.path for different in found] == ["/dir/one", "/etc/conf", "/new", "/other"]
    assert engine.compare("bread:1", "bread:1") == ()


def test_a_layer_tells_which_other_images_have_it(engine):
    base, top = (diff_id for diff_id, _ in engine.changesets("bread:1"))
    assert engine.sharing("bread:1") == {base: ("other:1",), top: ()}


def test_the_disk_counts_shared_layers_once(engine):
    engine.run("bread:1", argv=["true"], name="fish1")
    disk = engine.disk()
    assert (disk.images, disk.containers, disk.cache) == (2 + 3 + 2 + 3 + 1, 5 + 2, 0)
