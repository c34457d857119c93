from __future__ import annotations

import pytest

from dockmagic.testing import docker_archive, open_store, random_image, random_layer, sha256, tar_of


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "home")


def test_one_seed_gives_one_image(store, tmp_path):
    other = open_store(tmp_path / "other")
    assert random_image(store, 7) == random_image(other, 7)
    assert random_image(store, 8) != random_image(store, 7)
    assert store.check() == []


def test_a_random_image_has_as_many_layers_and_files_as_asked(store):
    record = store.images.get(random_image(store, 1, layers=5, name="any:1"))
    assert len(set(record.diff_ids)) == 5
    assert store.images.resolve("any:1") == record.id
    assert random_layer(store, 2, files=9).files == 9


def test_an_archive_of_bytes_is_loaded(store, tmp_path):
    layer = tar_of({"x": b"content", "d": {"type": b"5", "mode": 0o700}})
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [sha256(layer)]}}
    (tmp_path / "saved.tar").write_bytes(docker_archive([(config, [layer], ["box:1"])]))
    (loaded,) = store.archive.load(tmp_path / "saved.tar")
    assert store.images.resolve("box:1") == loaded
