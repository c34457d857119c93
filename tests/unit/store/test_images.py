from __future__ import annotations

import json
import os

import pytest

from dockmagic.errors import ConflictError, NotFoundError, StoreError, UsageError
from dockmagic.oci.config import ContainerConfig, ImageConfig
from tests.unit.store.making import add_image, adopt, image_of, sha256, tar_of


@pytest.fixture
def image(store):
    return add_image(store, {"a": b"a"}, {"b": b"b"}, name="bread:1")


def test_an_image_is_what_was_put(store):
    layers = [store.layers.add_tar(tar_of({"a": b"a"})), adopt(store, {"b": b"b"})]
    image_id = image_of(store, layers, config=ContainerConfig(cmd=("sh",), env=("A=b",)))
    record = store.images.get(image_id)
    assert record.diff_ids == tuple(layer.diff_id for layer in layers)
    assert (record.config.config.cmd, record.config.config.env) == (("sh",), ("A=b",))
    assert sha256(store.blobs.read(image_id)) == image_id
    assert image_of(store, layers, config=ContainerConfig(cmd=("sh",), env=("A=b",))) == image_id
    assert len(store.images.list()) == 1
    assert store.check() == []


def test_the_manifest_names_uncompressed_layers_with_their_true_sizes(store, image):
    record = store.images.get(image)
    manifest = json.loads(store.blobs.read(record.manifest_digest))
    assert [layer["digest"] for layer in manifest["layers"]] == list(record.diff_ids)
    assert {layer["mediaType"] for layer in manifest["layers"]} == {"application/vnd.oci.image.layer.v1.tar"}
    for layer in manifest["layers"]:
        read, write = os.pipe()
        store.layers.pack(layer["digest"], write)
        os.close(write)
        with os.fdopen(read, "rb") as file:
            content = file.read()
        assert (sha256(content), len(content)) == (layer["digest"], layer["size"])


def test_an_image_needs_its_layers(store):
    config = ImageConfig(architecture="amd64", os="linux", diff_ids=("sha256:" + "0" * 64,))
    with pytest.raises(StoreError, match="no layer"):
        store.images.put(config, config.diff_ids)
    assert store.images.list() == []


def test_an_image_without_layers_is_one(store):
    config = ImageConfig(architecture="amd64", os="linux")
    assert store.images.get(store.images.put(config, ())).diff_ids == ()
    assert store.check() == []


def test_a_name_finds_its_image_in_every_form(store, image):
    for name in ("bread:1", "docker.io/library/bread:1", "library/bread:1", image, image[:17], image[7:], image[7:11]):
        assert store.images.resolve(name) == image, name
    for name in ("bread", "bread:2", "other/bread:1", "sha256:" + "0" * 64, image[7:10], "nothing"):
        assert store.images.resolve(name) is None, name


def test_no_tag_means_latest(store, image):
    store.images.tag("localhost/base", image)
    assert store.images.tags(image) == ["bread:1", "localhost/base:latest"]
    assert store.images.familiar("localhost/base") == "localhost/base:latest"
    assert store.images.resolve("localhost/base:latest") == image


def test_a_name_wins_over_the_beginning_of_an_id(store, image):
    other = add_image(store, {"c": b"c"}, name=image[7:13])
    assert store.images.resolve(image[7:13]) == other
    assert store.images.resolve(f"sha256:{image[7:13]}") == image


def test_a_digest_finds_the_image_of_that_repository(store, image):
    digest = store.images.get(image).manifest_digest
    assert store.images.resolve(f"bread@{digest}") == image
    assert store.images.resolve(f"other@{digest}") is None


def test_what_is_no_reference_is_told(store, image):
    for wrong in ("Bread:1", "a b", "-x", "../x", ""):
        with pytest.raises(UsageError):
            store.images.resolve(wrong)
        with pytest.raises(UsageError):
            store.images.tag(wrong, image)


def test_a_name_moves_at_once(store, image):
    other = add_image(store, {"c": b"c"})
    assert store.images.tag("bread:1", other) == image
    assert store.images.tag("bread:1", other) is None
    assert store.images.tags(image) == []
    assert store.images.resolve("bread:1") == other


def test_tagging_needs_an_image(store):
    with pytest.raises(NotFoundError):
        store.images.tag("x", "sha256:" + "0" * 64)


def test_untagging_takes_only_the_name(store, image):
    assert store.images.untag("docker.io/library/bread:1")
    assert not store.images.untag("bread:1")
    assert store.images.get(image).id == image


def test_the_newest_image_comes_first(store):
    made = [add_image(store, {name: b""}) for name in "abc"]
    assert [record.id for record in store.images.list()] == made[::-1]


def test_an_image_with_a_container_stays(store, image):
    store.containers.create(id="a" * 64, name="fish", image_id=image, image_ref="bread:1", kernel_pid=os.getpid())
    with pytest.raises(ConflictError, match="fish"):
        store.images.delete(image)
    assert store.images.resolve("bread:1") == image
    store.containers.delete("a" * 64)
    store.images.delete(image)
    assert store.images.resolve("bread:1") is None
    with pytest.raises(NotFoundError):
        store.images.delete(image)


def test_an_image_that_a_build_uses_stays(store, image):
    with store.leases.hold("build", image), pytest.raises(ConflictError, match="build"):
        store.images.delete(image)
    store.images.delete(image)


def test_a_name_means_further_images_on_other_platforms_until_it_moves(store):
    here, there, other = (add_image(store, {name: b"x"}) for name in ("here", "there", "other"))
    store.images.add_variant("bread:1", "linux/arm64", there)
    assert store.images.resolve("bread:1") is None
    store.images.tag("bread:1", here)
    assert store.images.variants("bread:1") == {"linux/arm64": there}
    assert store.images.variants("bread:1", together=True) == {}
    assert store.images.of_variants() == {there: "bread:1 (linux/arm64)"}
    assert there not in store.pruning.plan().images
    store.images.tag("bread:1", here)
    assert store.images.variants("bread:1")
    store.images.tag("bread:1", other)
    assert store.images.variants("bread:1") == {}
    assert store.check() == []


def test_images_of_several_platforms_share_a_name_until_one_of_them_gets_it_alone(store):
    here, there = add_image(store, {"a": b"x"}), add_image(store, {"b": b"x"})
    both = {"linux/amd64": here, "linux/arm64": there}
    assert store.images.name_together("bread:1", both, here) is None
    assert store.images.resolve("bread:1") == here
    assert store.images.variants("bread", together=True) == {}
    assert store.images.variants("docker.io/library/bread:1", together=True) == both
    store.images.tag("bread:1", here)
    assert store.images.variants("bread:1") == {}
    store.images.name_together("bread:1", both, here)
    store.images.untag("bread:1")
    assert store.images.variants("bread:1") == {}
    assert store.images.delete_unnamed(there)


def test_a_name_of_an_image_that_is_not_there_is_given_to_none(store):
    here = add_image(store, {"a": b"x"})
    with pytest.raises(NotFoundError):
        store.images.name_together("bread:1", {"linux/amd64": here}, "sha256:" + "0" * 64)
    assert store.images.names() == {}
    assert store.images.variants("bread:1") == {}
