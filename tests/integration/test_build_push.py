"""``build --push`` and outputs with a compression of their own, to a real registry and for skopeo."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile

import pytest

from dockmagic.errors import UnreachableError, UsageError
from dockmagic.oci import digest as digests
from dockmagic.oci import platform
from dockmagic.registry.settings import Registry, Settings
from tests.integration import registry_server
from tests.integration.layout_making import GZIP, Layout
from tests.integration.registry_making import engine_in

pytestmark = pytest.mark.skipif(
    not registry_server.is_installed() or not shutil.which("skopeo"),
    reason="docker-registry or skopeo is not installed",
)
HERE = str(platform.here())
TEXT = "FROM scratch\nCOPY <<x /a\nhello\nx\nCOPY <<x /b\nagain\nx\n"
BY_DIGEST = "type=registry,push-by-digest=true"
OCI, DOCKER = "application/vnd.oci.image", "application/vnd.docker"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with registry_server.running(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture
def engine(tmp_path, server):
    made = engine_in(tmp_path / "engine", settings=Settings(timeout=30, registries={server.address: Registry()}))
    yield made
    assert made.session.store.check() == []
    made.close()


def raw(name, *options):
    done = subprocess.run(
        ["skopeo", "inspect", *options, "--raw", "--tls-verify=false", f"docker://{name}"],
        check=True,
        capture_output=True,
    )
    return done.stdout


def forms(manifest):
    return {layer["mediaType"] for layer in manifest["layers"]}


def taken(name, path):
    """The layout of what skopeo takes from a registry, everything verified."""
    words = ["skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{name}", f"oci:{path}:1"]
    subprocess.run(words, check=True)
    return path


def test_push_sends_what_was_built_by_every_name(engine, server, tmp_path):
    names = [f"{server.address}/push/one:1", f"{server.address}/push/two:1"]
    built = engine.build(TEXT, tags=names, push=True, metadata_file=tmp_path / "meta.json")
    contents = {raw(name) for name in names}
    (content,) = contents
    assert forms(json.loads(content)) == {f"{OCI}.layer.v1.tar+gzip"}
    assert json.loads(content)["config"]["digest"] == built.image.id
    said = json.loads((tmp_path / "meta.json").read_text())
    assert said["containerimage.digest"] == said["containerimage.descriptor"]["digest"] == digests.of(content)
    assert engine.push(names[0]) == digests.of(content)
    assert has_tags(server, "push/one")
    taken(names[0], tmp_path / "layout")


@pytest.mark.parametrize(
    ("fields", "manifest", "layer"),
    [
        ("compression=zstd", f"{OCI}.manifest.v1+json", f"{OCI}.layer.v1.tar+zstd"),
        ("compression=zstd,compression-level=19", f"{OCI}.manifest.v1+json", f"{OCI}.layer.v1.tar+zstd"),
        ("compression=gzip,compression-level=9", f"{OCI}.manifest.v1+json", f"{OCI}.layer.v1.tar+gzip"),
        ("compression=uncompressed", f"{OCI}.manifest.v1+json", f"{OCI}.layer.v1.tar"),
        ("oci-mediatypes=false", f"{DOCKER}.distribution.manifest.v2+json", f"{DOCKER}.image.rootfs.diff.tar.gzip"),
    ],
)
def test_an_output_to_a_registry_has_the_form_that_it_says(engine, server, tmp_path, fields, manifest, layer):
    name = f"{server.address}/form/{fields.replace('=', '-').replace(',', '_')}:1"
    built = engine.build(TEXT, output=f"type=registry,name={name},{fields}")
    found = json.loads(raw(name))
    assert (found["mediaType"], forms(found)) == (manifest, {layer})
    assert found["config"]["digest"] == built.image.id
    other = engine_in(tmp_path / "other", settings=Settings(timeout=30, registries={server.address: Registry()}))
    assert other.pull(name).id == built.image.id
    other.close()
    # what was made for this alone is gone
    assert [image.id for image in engine.images()] == [built.image.id]
    engine.session.store.leases.sweep()


def test_layers_that_came_stay_as_they_came_unless_all_are_forced(engine, server, tmp_path):
    layout = Layout(tmp_path / "base")
    layout.name(layout.image(HERE, GZIP), "localhost/came:1")
    engine.load(layout.path)
    text = "FROM localhost/came:1\nCOPY <<x /c\nnew\nx\n"
    for force, expected in (("", ["gzip", "gzip", "zstd"]), (",force-compression=true", ["zstd"] * 3)):
        name = f"{server.address}/forced/{len(force)}:1"
        engine.build(text, output=f"type=registry,name={name},compression=zstd{force}")
        assert [layer["mediaType"].rpartition("+")[2] for layer in json.loads(raw(name))["layers"]] == expected
    plain = f"{server.address}/forced/plain:1"
    engine.build(text, output=f"type=registry,name={plain},compression=uncompressed,force-compression=true")
    assert forms(json.loads(raw(plain))) == {f"{OCI}.layer.v1.tar"}


@pytest.mark.parametrize(("compression", "magic"), [("gzip", b"\x1f\x8b"), ("zstd", b"\x28\xb5\x2f\xfd")])
@pytest.mark.parametrize("kind", ["oci", "docker"])
def test_an_archive_has_the_compression_that_it_says(engine, tmp_path, kind, compression, magic):
    built = engine.build(TEXT, tags="loaf:1", output=f"type={kind},dest={tmp_path}/a.tar,compression={compression}")
    with tarfile.open(tmp_path / "a.tar") as tar:
        index = json.load(tar.extractfile("index.json"))
        manifest = json.load(tar.extractfile("blobs/" + index["manifests"][0]["digest"].replace(":", "/")))
        for layer in manifest["layers"]:
            assert layer["mediaType"] == f"{OCI}.layer.v1.tar+{compression}"
            assert tar.extractfile("blobs/" + layer["digest"].replace(":", "/")).read(len(magic)) == magic
    (loaded,) = engine.load(tmp_path / "a.tar")
    assert loaded.id == built.image.id
    engine.session.store.leases.sweep()


def test_a_layout_directory_takes_it_too(engine, tmp_path):
    built = engine.build(TEXT, tags="loaf:1", output=f"type=oci,dest={tmp_path}/lay,tar=false,compression=zstd")
    subprocess.run(["skopeo", "copy", "-q", f"oci:{tmp_path}/lay:1", f"dir:{tmp_path}/out"], check=True)
    assert engine.load(tmp_path / "lay")[0].id == built.image.id
    engine.session.store.leases.sweep()


def test_several_platforms_are_pushed_as_an_index(engine, server, tmp_path):
    name = f"{server.address}/push/both:1"
    text = "FROM scratch\nARG TARGETARCH\nCOPY <<x /for\n$TARGETARCH\nx\n"
    engine.build(text, platform=f"{HERE},linux/s390x", tags=name, push=True)
    rows = json.loads(raw(name))["manifests"]
    assert {row["platform"]["architecture"] for row in rows} == {HERE.split("/")[1], "s390x"}
    zstd = f"{server.address}/push/zstd:1"
    engine.build(text, platform=f"{HERE},linux/s390x", output=f"type=image,name={zstd},push=true,compression=zstd")
    for row in json.loads(raw(zstd))["manifests"]:
        assert forms(json.loads(raw(f"{zstd.removesuffix(':1')}@{row['digest']}"))) == {f"{OCI}.layer.v1.tar+zstd"}
    engine.session.store.leases.sweep()


def test_what_has_no_name_is_refused_before_anything_is_built(engine):
    for more in ({"push": True}, {"output": "type=registry"}, {"push": True, "platform": f"{HERE},linux/s390x"}):
        with pytest.raises(UsageError, match="pushed by its name, and it has none"):
            engine.build(TEXT, **more)
    assert not engine.images()


def test_a_registry_that_is_not_there_leaves_the_image(engine):
    with pytest.raises(UnreachableError):
        engine.build(TEXT, tags="localhost:1/nobody/there:1", push=True)
    assert engine.images()[0].tags == ("localhost:1/nobody/there:1",)


def has_tags(server, path):
    return (server.data / "docker/registry/v2/repositories" / path / "_manifests/tags").exists()


@pytest.mark.parametrize("platforms", ["", f"{HERE},linux/s390x"])
def test_an_image_is_pushed_by_its_digest_alone(engine, server, tmp_path, platforms):
    name = f"{server.address}/push/digest{len(platforms)}"
    text = TEXT.replace("hello", f"for {len(platforms)}")
    fields = f"type=image,name={name},push=true,push-by-digest=true"
    meta = {} if platforms else {"metadata_file": tmp_path / "meta.json"}
    built = engine.build(text, platform=platforms, output=fields, **meta)
    assert not has_tags(server, name.partition("/")[2])
    assert built.image.tags == ()
    named = engine.build(text, platform=platforms, output=f"{fields},name-canonical=true", **meta)
    (tag,) = engine.inspect(named.image.id).tags
    content = raw(tag)
    assert tag == f"{name}@{digests.of(content)}"
    if platforms:
        assert len(json.loads(content)["manifests"]) == 2
    else:
        assert json.loads((tmp_path / "meta.json").read_text())["containerimage.digest"] == digests.of(content)
    engine.session.store.leases.sweep()


def test_what_goes_by_digest_has_no_tag(engine, server):
    name = f"{server.address}/push/tagged:1"
    for more in ({"output": f"type=registry,name={name},push-by-digest=true"}, {"tags": name, "output": BY_DIGEST}):
        with pytest.raises(
            UsageError, match=r"push-by-digest=true sends an image without a tag, and .*/push/tagged:1 has"
        ):
            engine.build(TEXT, **more)
    with pytest.raises(UsageError, match="name-canonical=true names what a registry has"):
        engine.build(TEXT, output="type=image,name=bread,name-canonical=true")
    assert not engine.images()
