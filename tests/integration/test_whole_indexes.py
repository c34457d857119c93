"""Whole indexes with ``--all-platforms``: every image, what tells about them, and the index's own bytes, there and back again."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import urllib.request

import pytest

from dockmagic.errors import ArchiveError, UsageError
from dockmagic.oci import digest as digests
from dockmagic.oci import platform
from dockmagic.registry.settings import Registry, Settings
from tests.integration import registry_server
from tests.integration.layout_making import GZIP, OCI, PLAIN, ZSTD, Layout
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


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    """A layout whose index has this machine's image in an index of an index only; its path and digest."""
    made = Layout(tmp_path_factory.mktemp("nested") / "whole")
    own = made.image(HERE, GZIP)
    inner = made.index(made.image("linux/s390x", ZSTD), own, made.attestation(own))
    outer = made.index(made.index(), made.index(inner), made.image("linux/arm/v7", PLAIN))
    return made.path, made.name(outer, "localhost/nested:1")


@pytest.fixture(scope="module")
def nested_there(nested, server, tmp_path_factory):
    """The same in the registry; its name."""
    engine = engine_in(tmp_path_factory.mktemp("engine"), settings=Settings(registries={server.address: Registry()}))
    engine.load(nested[0], all_platforms=True)
    name = f"{server.address}/by/nested:1"
    engine.tag("localhost/nested:1", name)
    assert engine.push(name) == nested[1]
    engine.close()
    return name


def test_an_index_in_an_index_is_pushed_with_everything_below_it(nested, nested_there, server):
    path, digest = nested
    assert digests.of(raw(nested_there)) == digest
    for each in blobs(path):
        kind = "manifests" if b'"schemaVersion"' in (path / "blobs/sha256" / each).read_bytes() else "blobs"
        request = urllib.request.Request(
            f"http://{server.address}/v2/by/nested/{kind}/sha256:{each}",
            headers={"Accept": f"{OCI}.manifest.v1+json, {OCI}.index.v1+json"},
        )
        with urllib.request.urlopen(request) as answer:
            assert digests.of(answer.read()) == f"sha256:{each}"


def test_the_image_for_a_platform_is_found_in_an_index_in_an_index(make, nested, nested_there):
    engine = make()
    pulled = engine.pull(nested_there)
    assert f"{pulled.config['os']}/{pulled.config['architecture']}" == HERE
    assert engine.load(nested[0])[0].id == pulled.id
    assert engine.pull(nested_there, platform="linux/s390x").config["architecture"] == "s390x"
    assert engine.load(nested[0], platform="linux/s390x")[0].config["architecture"] == "s390x"
    for both in (engine.pull, engine.load):
        with pytest.raises(ArchiveError, match="the image has no variant for linux/riscv64"):
            both(nested_there if both == engine.pull else nested[0], platform="linux/riscv64")


@pytest.mark.parametrize("form", ["oci-dir", "oci-archive", "docker-archive"])
def test_an_index_in_an_index_keeps_its_digest_through_pull_save_load_and_push(
    make, nested, nested_there, server, tmp_path, form
):
    path, digest = nested
    first, second = make(), make()
    pulled = first.pull(nested_there, all_platforms=True)
    assert f"{pulled.config['os']}/{pulled.config['architecture']}" == HERE
    first.save(nested_there, output=tmp_path / "saved", format=form, all_platforms=True)
    if form == "oci-dir":
        assert blobs(tmp_path / "saved") == blobs(path)
    assert len(second.load(tmp_path / "saved", all_platforms=True)) == 3
    assert second.inspect(nested_there).id == pulled.id
    name = f"{server.address}/by/nested-{form}:1"
    second.tag(nested_there, name)
    assert second.push(name) == digest


def test_indexes_have_to_end(make, server, tmp_path):
    made = Layout(tmp_path / "deep")
    row = made.image(HERE, GZIP)
    for _ in range(6):
        row = made.index(row)
    made.name(row, "localhost/deep:1")
    engine = make()
    for every in (False, True):
        with pytest.raises(ArchiveError, match="indexes within indexes, too deep"):
            engine.load(tmp_path / "deep", all_platforms=every)
