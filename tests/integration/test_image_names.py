"""Names that move and volumes that stay behind are told of, wherever an image gets its name."""

from __future__ import annotations

import json

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.errors import UsageError
from dockmagic.record.metadata import metadata
from dockmagic.testing import docker_archive, sha256, tar_of

NO_NAME = "bread:1 already existed: the image that bore it has no name now"
OTHERS = "bread:1 already existed: the image that bore it has other names still"


@pytest.fixture
def engine(tmp_path):
    made = Engine(tmp_path / "home")
    yield made
    assert made.session.store.check() == []
    made.close()


def rootfs(tmp_path, content):
    path = tmp_path / "rootfs.tar"
    path.write_bytes(tar_of({"a": content}))
    return path


def archive(tmp_path, content):
    layer = tar_of({"a": content})
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [sha256(layer)]}}
    path = tmp_path / "image.tar"
    path.write_bytes(docker_archive([(config, [layer], ["bread:1", "fish:2"])]))
    return path


def test_load_tells_of_a_name_that_moved(engine, tmp_path):
    assert engine.load(archive(tmp_path, b"1")).title == ""
    assert engine.load(archive(tmp_path, b"1")).title == ""
    moved = engine.load(archive(tmp_path, b"2"))
    assert moved.title == f"{NO_NAME}\n{NO_NAME.replace('bread:1', 'fish:2')}"
    assert str(moved).splitlines()[0] == NO_NAME


def test_load_tells_the_names_of_the_archive_and_no_other(engine, tmp_path):
    (image,) = engine.load(archive(tmp_path, b"1"))
    engine.tag(image, "aaa:1")
    found = engine.load(archive(tmp_path, b"1"))
    assert found.rows[0][0] == "bread:1, fish:2"
    assert (found[0].names, found[0].tags) == (("bread:1", "fish:2"), ("aaa:1", "bread:1", "fish:2"))


def test_import_and_tag_tell_of_a_name_that_moved(engine, tmp_path):
    first = engine.import_(rootfs(tmp_path, b"1"), "bread:1")
    assert first.notes == ()
    second = engine.import_(rootfs(tmp_path, b"2"), "bread:1")
    assert second.notes == (NO_NAME,)
    assert metadata(second)["notes"] == [NO_NAME]
    engine.tag(second, "bread:2")
    assert engine.tag(first, "bread:1").notes == (OTHERS,)


def test_commit_tells_of_a_name_that_moved_and_of_volumes(engine, tmp_path):
    engine.import_(rootfs(tmp_path, b"1"), "bread:1")
    (tmp_path / "data").mkdir()
    engine.run("localhost/base", name="fish1", script="echo > /data/x\n", volumes=(f"{tmp_path}/data:/data",))
    made = engine.commit("fish1", "bread:1")
    assert made.notes == (NO_NAME, "what is in /data belongs to a volume and is not in the image")
    assert engine.run(made, script="ls /data\n").stdout == ""
    assert "notes" not in json.dumps(metadata(engine.inspect("bread:1")))


def test_a_name_that_docker_refuses_is_told_before_anything_is_done(engine, tmp_path):
    for verb in (lambda: engine.import_(rootfs(tmp_path, b"1"), "Bread"), lambda: engine.commit("nobody", "Bread")):
        with pytest.raises(UsageError):
            verb()
    assert len(engine.images()) == 0


def test_nothing_is_given_a_name_with_a_digest(engine, tmp_path):
    (tmp_path / "root.tar").write_bytes(tar_of({"a": b"a"}))
    image = engine.import_(tmp_path / "root.tar", "plain:1")
    name = f"plain:1@{image.digest}"
    for give in (
        lambda: engine.tag("plain:1", name),
        lambda: engine.import_(tmp_path / "root.tar", name),
        lambda: engine.build("FROM plain:1\n", tags=name),
    ):
        with pytest.raises(UsageError, match="a name with a digest is not given to an image"):
            give()
    assert engine.images()[0].tags == ("plain:1",)
