"""Whole indexes with ``--all-platforms``: every image, what tells about them, and the index's own bytes, there and back again."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile

import pytest

from dockmagic.errors import UsageError
from dockmagic.oci import digest as digests
from dockmagic.oci import platform
from dockmagic.registry.settings import Registry, Settings
from tests.integration import registry_server
from tests.integration.layout_making import GZIP, PLAIN, ZSTD, Layout
from tests.integration.registry_making import engine_in

pytestmark = pytest.mark.skipif(
    not registry_server.is_installed() or not shutil.which("skopeo"),
    reason="docker-registry or skopeo is not installed",
)
HERE = str(platform.here())


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    """A layout with an index of three images in three compressions, one of them twice, and an attestation; and its digest."""
    made = Layout(tmp_path_factory.mktemp("layout") / "whole")
    own = made.image(HERE, GZIP)
    rows = [made.image("linux/s390x", ZSTD), own, made.attestation(own), made.image("linux/arm/v7", PLAIN)]
    return made.path, made.name(made.index(*rows), "localhost/whole:1")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with registry_server.running(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture(scope="module")
def pushed(layout, server):
    """The index as skopeo puts it there; its name."""
    copied = ["skopeo", "copy", "-q", "--all", "--preserve-digests", "--dest-tls-verify=false"]
    subprocess.run([*copied, f"oci:{layout[0]}:1", f"docker://{server.address}/by/skopeo:1"], check=True)
    return f"{server.address}/by/skopeo:1"


@pytest.fixture
def make(tmp_path, server):
    made = []

    def new():
        settings = Settings(timeout=30, registries={server.address: Registry()})
        made.append(engine_in(tmp_path / f"engine{len(made)}", settings=settings))
        return made[-1]

    yield new
    for engine in made:
        assert engine.session.store.check() == []
        engine.close()


def raw(name):
    """What the registry has under a name, byte for byte, as skopeo gets it."""
    return subprocess.run(
        ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}"], check=True, capture_output=True
    ).stdout


def there(name, path):
    """Everything that skopeo gets of a name: the digests of its blobs."""
    copied = ["skopeo", "copy", "-q", "--all", "--preserve-digests", "--src-tls-verify=false"]
    subprocess.run([*copied, f"docker://{name}", f"oci:{path}:1"], check=True)
    return blobs(path)


def blobs(path):
    return {each.name for each in (path / "blobs/sha256").iterdir()}


def test_what_is_pulled_is_pushed_again_with_everything(make, layout, pushed, server, tmp_path):
    path, digest = layout
    engine = make()
    image = engine.pull(pushed, all_platforms=True)
    assert (image.config["os"], image.config["architecture"]) == tuple(HERE.split("/")[:2])
    table = str(engine.images())
    assert f"{pushed} (linux/s390x)" in table
    assert f"{pushed} (linux/arm/v7)" in table
    name = f"{server.address}/by/us:1"
    engine.tag(pushed, name)
    assert engine.push(name, all_platforms=True) == digest
    assert digests.of(raw(name)) == digest
    assert there(name, tmp_path / "again") == blobs(path)


@pytest.mark.parametrize("form", ["oci-dir", "oci-archive", "docker-archive"])
def test_what_is_saved_and_loaded_has_the_same_digest(make, layout, pushed, server, tmp_path, form):
    path, digest = layout
    first, second = make(), make()
    first.pull(pushed, all_platforms=True)
    saved = tmp_path / "saved"
    first.save(pushed, output=saved, format=form, all_platforms=True)
    if form == "oci-dir":
        assert blobs(saved) == blobs(path)
    else:
        with tarfile.open(saved) as tar:
            assert {name[13:] for name in tar.getnames() if name.startswith("blobs/sha256/")} == blobs(path)
    loaded = second.load(saved, all_platforms=True)
    assert len(loaded) == 3
    name = f"{server.address}/by/{form}:1"
    second.tag(pushed, name)
    assert second.push(name) == digest
    assert digests.of(raw(name)) == digest


def test_others_read_the_archive_that_we_save(make, layout, tmp_path):
    path, digest = layout
    engine = make()
    engine.load(path, all_platforms=True)
    engine.save("localhost/whole:1", output=tmp_path / "whole.tar", format="oci-archive")
    copied = ["skopeo", "copy", "-q", "--all", "--preserve-digests", f"oci-archive:{tmp_path}/whole.tar:1"]
    subprocess.run([*copied, f"oci:{tmp_path}/out:1"], check=True)
    (row,) = json.loads((tmp_path / "out/index.json").read_text())["manifests"]
    assert row["digest"] == digest
    assert blobs(tmp_path / "out") == blobs(path)


def test_one_platform_is_what_comes_without_the_option(make, layout, pushed):
    engine = make()
    assert len(engine.load(layout[0])) == 1
    engine.pull(pushed)
    assert len(engine.images()) == 1
    for refused in (engine.push, lambda name, **more: engine.save(name, output="nowhere", **more)):
        with pytest.raises(UsageError, match=r"--all-platforms: .*/by/skopeo:1 stands for one image here"):
            refused(pushed, all_platforms=True)
    for both in (engine.pull, engine.load):
        with pytest.raises(UsageError, match="--all-platforms takes all, and --platform linux/s390x one"):
            both(str(pushed), platform="linux/s390x", all_platforms=True)


def test_an_index_goes_with_its_name_and_leaves_nothing(make, pushed, server):
    engine = make()
    store = engine.session.store
    engine.pull(pushed, all_platforms=True)
    store.leases.sweep()
    assert store.check() == []
    engine.rmi(pushed)
    assert not engine.images()
    assert not list((store.path / "blobs/sha256").iterdir())
    engine.pull(pushed, all_platforms=True)
    engine.pull(pushed)  # from now on the name stands for one
    assert store.images.index(pushed) is None
    assert store.check() == []
    assert len(json.loads(raw(pushed))["manifests"]) == 4


def test_an_index_that_lost_an_image_is_one_of_those_that_are_left(make, pushed, server):
    engine = make()
    engine.pull(pushed, all_platforms=True)
    (gone,) = (image_id for each, image_id in engine.session.store.images.variants(pushed).items() if "s390x" in each)
    engine.rmi(gone)
    name = f"{server.address}/by/rest:1"
    engine.tag(pushed, name)
    engine.push(name)
    told = [row["platform"]["architecture"] for row in json.loads(raw(name))["manifests"]]
    assert sorted(told) == sorted([HERE.split("/")[1], "arm"])


def test_a_name_of_one_image_is_taken_as_it_is(make, layout, server):
    engine = make()
    engine.load(layout[0])
    name = f"{server.address}/by/one:1"
    engine.tag("localhost/whole:1", name)
    digest = engine.push(name)
    other = make()
    assert other.pull(name, all_platforms=True).tags == (name,)
    assert other.push(name) == digest
