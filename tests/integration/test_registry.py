"""A real registry, and skopeo at the other end: what we push others read, and what others push we read, byte for byte."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess

import pytest

from dockmagic import Engine
from dockmagic.errors import BuildError, DeniedError, NotFoundError, RegistryError, UnreachableError
from dockmagic.events import LayerPulled, LayerPushed
from dockmagic.oci import digest as digests
from dockmagic.registry.settings import Registry, Settings
from dockmagic.testing import add_image
from tests.integration import registry_server
from tests.integration.registry_making import engine_in
from tests.integration.registry_server import PASSWORD, USER

pytestmark = pytest.mark.skipif(
    not registry_server.is_installed() or not shutil.which("skopeo"),
    reason="docker-registry, apache2-utils, openssl or skopeo is not installed",
)
CREDENTIALS = f"{USER}:{PASSWORD}"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    with registry_server.running(tmp_path_factory.mktemp("plain")) as server:
        yield server


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    with registry_server.running(tmp_path_factory.mktemp("secure"), secure=True) as server:
        yield server


@pytest.fixture
def make(tmp_path):
    """Engines with stores of their own."""
    made = []

    def new(server, **more):
        known = Registry(ca=str(server.ca) if server.ca else "", **more)
        settings = Settings(timeout=30, registries={server.address: known})
        made.append(engine_in(tmp_path / f"engine{len(made)}", settings=settings))
        return made[-1]

    yield new
    for engine in made:
        assert engine.session.store.check() == []
        engine.close()


def skopeo(server, *words):
    """Run skopeo; it trusts the server's authority by a directory of certificates."""
    verb, *rest = words
    options = ["--tls-verify=false"] if verb == "inspect" else []
    return subprocess.run(
        ["skopeo", "--insecure-policy", verb, *options, *rest], check=True, capture_output=True, text=True
    ).stdout


def copy(server, source, target, *options):
    both = ["--src-tls-verify=false", "--dest-tls-verify=false", *options]
    if server.ca:
        both += [
            f"--{side}-creds={CREDENTIALS}" for side, where in (("src", source), ("dest", target)) if "docker:" in where
        ]
    skopeo(server, "copy", *both, source, target)


def both_kinds(server, engine):
    if server.ca:
        engine.login(server.address, username=USER, password=PASSWORD)
    return engine


@pytest.fixture(params=["plain", "secure"])
def server(request):
    return request.getfixturevalue(request.param)


def test_what_we_push_skopeo_copies_with_every_digest(server, make, tmp_path):
    engine = both_kinds(server, make(server))
    name = f"{server.address}/ours/bread:1"
    image_id = add_image(engine.session.store, {"etc/a": os.urandom(400_000)}, {"b": bytes(100_000)}, name=name)
    pushed = engine.push(name)
    copy(server, f"docker://{name}", f"dir:{tmp_path / 'copied'}")
    manifest = (tmp_path / "copied" / "manifest.json").read_bytes()
    assert digests.of(manifest) == pushed
    found = json.loads(manifest)
    assert found["config"]["digest"] == image_id
    for described in (found["config"], *found["layers"]):
        content = (tmp_path / "copied" / described["digest"].removeprefix("sha256:")).read_bytes()
        assert (digests.of(content), len(content)) == (described["digest"], described["size"])


@pytest.mark.parametrize("form", ["oci", "v2s2"])
@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_what_skopeo_pushes_we_pull_and_push_again_with_the_same_digest(server, make, tmp_path, form, compression):
    if (form, compression) == ("v2s2", "zstd"):
        form = "oci"  # docker's schema has no zstd
    source = make(server)
    name = f"{server.address}/theirs/{form}-{compression}:1"
    add_image(source.session.store, {"etc/a": os.urandom(400_000), "c": b"1"}, {"b": b"2"}, name="source:1")
    directory = tmp_path / "layout"
    save_as_oci(source, "source:1", directory)
    copy(server, f"oci:{directory}:1", f"docker://{name}", f"--format={form}", f"--dest-compress-format={compression}")
    engine = both_kinds(server, make(server))
    image = engine.pull(name)
    creds = ["--creds", CREDENTIALS] if server.ca else []
    raw = skopeo(server, "inspect", *creds, "--raw", f"docker://{name}").encode()
    assert image.digest == digests.of(raw)
    assert engine.session.store.blobs.read(image.digest) == raw
    again = f"{server.address}/again/{form}-{compression}:1"
    engine.tag(image, again)
    assert engine.push(again) == image.digest
    assert skopeo(server, "inspect", *creds, "--raw", f"docker://{again}").encode() == raw


def save_as_oci(engine, name, directory):
    """An OCI layout of uncompressed layers, as skopeo reads it."""
    store = engine.session.store
    record = store.images.get(store.images.resolve(name))
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    manifest = store.blobs.read(record.manifest_digest)
    contents = [manifest, store.blobs.read(record.id)]
    for diff_id in record.diff_ids:
        with store.layers.tar(diff_id) as stream:
            contents.append(b"".join(iter(lambda s=stream: s.read(1 << 20), b"")))
    for content in contents:
        (blobs / hashlib.sha256(content).hexdigest()).write_bytes(content)
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    row = {
        "mediaType": json.loads(manifest)["mediaType"],
        "digest": record.manifest_digest,
        "size": len(manifest),
        "annotations": {"org.opencontainers.image.ref.name": "1"},
    }
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [row]}))


def test_layers_that_the_registry_has_are_not_sent_again_and_those_of_neighbours_are_mounted(plain, make):
    engine, told = make(plain), []
    name = f"{plain.address}/near/one:1"
    add_image(engine.session.store, {"a": os.urandom(100_000)}, {"b": b"2"}, name=name)
    first = engine.push(name, on_event=told.append)
    assert engine.push(name, on_event=told.append) == first
    engine.tag(name, f"{plain.address}/near/two:1")
    assert engine.push(f"{plain.address}/near/two:1", on_event=told.append) == first
    assert [e.present for e in told if isinstance(e, LayerPushed)] == [False] * 2 + [True] * 4


def test_a_blob_is_sent_in_chunks(plain, make):
    engine = make(plain, chunk=1 << 20)
    name = f"{plain.address}/large:1"
    image_id = add_image(engine.session.store, {"a": os.urandom(5_500_000)}, name=name)
    engine.push(name)
    assert make(plain).pull(name).id == image_id


def test_tags_come_page_by_page(plain, make):
    engine = make(plain)
    for number in range(5):
        name = f"{plain.address}/tags:{number}"
        add_image(engine.session.store, {"a": b"%d" % number}, name=name)
        engine.push(name)
    registries = engine.session.registries
    with registries.transport() as transport:
        found = registries.repository(plain.address, "tags", transport).tags(2)
    assert sorted(found) == ["0", "1", "2", "3", "4"]


def test_a_registry_with_a_password_wants_it(secure, make):
    engine = make(secure)
    name = f"{secure.address}/private:1"
    add_image(engine.session.store, {"a": b"x"}, name=name)
    with pytest.raises(DeniedError, match=r"nobody who is not signed in[\s\S]*%container login"):
        engine.push(name)
    with pytest.raises(DeniedError, match="does not take that name and password"):
        engine.login(secure.address, username=USER, password="wrong")
    assert engine.login(secure.address, username=USER, password=PASSWORD) == secure.address
    pushed = engine.push(name)
    assert engine.pull(f"{secure.address}/private@{pushed}").digest == pushed
    assert engine.logout(secure.address)
    with pytest.raises(DeniedError):
        engine.pull(name)


def test_tls_where_plain_http_is_spoken_and_the_other_way_round_is_told(plain, secure, tmp_path):
    spoken = {secure.address: Registry(http=True), plain.address: Registry(http=False)}
    engine = engine_in(tmp_path, settings=Settings(timeout=30, registries=spoken), attempts=1)
    with pytest.raises(RegistryError, match=r"speaks TLS, and was asked by plain HTTP[\s\S]*http = false"):
        engine.pull(f"{secure.address}/any:1")
    with pytest.raises(UnreachableError, match=r"does not speak TLS[\s\S]*http = true"):
        engine.pull(f"{plain.address}/any:1")
    engine.close()


def test_a_certificate_that_nobody_vouches_for_is_refused(secure, tmp_path):
    known = {secure.address: Registry(http=False)}
    engine = engine_in(tmp_path, settings=Settings(registries=known))
    with pytest.raises(UnreachableError, match="no certificate that holds"):
        engine.pull(f"{secure.address}/private:1")


def test_an_image_or_repository_that_is_not_there_is_not_found(plain, make):
    with pytest.raises(NotFoundError, match=r"127\.0\.0\.1:\d+ does not have the image nothing:1"):
        make(plain).pull(f"{plain.address}/nothing:1")


@pytest.fixture
def user(tmp_path, monkeypatch):
    """An engine of a user whose settings let images be pulled where they are missing."""
    config = tmp_path / "settings"
    config.mkdir()
    (config / "registries.toml").write_text("timeout = 10\n")
    monkeypatch.setenv("DOCKMAGIC_CONFIG", str(config))
    engine = Engine(tmp_path / "user")
    yield engine
    assert engine.session.store.check() == []
    engine.close()


def bread(engine, server, name="bread"):
    """A runnable image in the registry, and no longer here."""
    full = f"{server.address}/demand/{name}:1"
    engine.build('FROM localhost/base\nCOPY <<EOF /filling\nred bean\nEOF\nCMD ["cat", "/filling"]\n', tags=(full,))
    engine.push(full)
    engine.rmi(full)
    return full


def test_what_a_run_needs_is_pulled(plain, user):
    name = bread(user, plain)
    assert user.run(name).stdout == "red bean\n"
    assert [image.tags for image in user.images() if name in image.tags] == [(name,)]


def test_what_from_names_is_pulled_and_told_of(plain, user):
    name = bread(user, plain, "from")
    told = []
    built = user.build(f"FROM {name} AS base\nFROM scratch\nCOPY --from=base /filling /copy\n", on_event=told.append)
    assert built.image.layers[0].changes == {"/copy": "A"}
    assert any(isinstance(event, LayerPulled) for event in told)


def test_what_copy_names_is_pulled(plain, user):
    name = bread(user, plain, "copy")
    built = user.build(f"FROM scratch\nCOPY --from={name} /filling /copy\n")
    assert built.image.layers[0].changes == {"/copy": "A"}


def test_an_image_that_no_registry_has_is_the_same_error_with_and_without_a_network(plain, user):
    texts = set()
    for registry in (plain.address, "127.0.0.1:1"):
        with pytest.raises(NotFoundError) as caught:
            user.run(f"{registry}/nowhere:1")
        texts.add(str(caught.value).replace(registry, "R"))
        assert caught.value.detail
        with pytest.raises(BuildError, match="line 1: image not found"):
            user.build(f"FROM {registry}/nowhere:1\n")
    assert len(texts) == 1


def test_settings_that_are_edited_count_at_once(plain, user, tmp_path):
    name = bread(user, plain, "edited")
    file = tmp_path / "settings" / "registries.toml"
    file.write_text('pull = "never"')
    with pytest.raises(NotFoundError):
        user.run(name)
    file.write_text("")
    assert user.run(name).stdout == "red bean\n"


def test_a_name_of_localhost_is_no_registrys(user):
    with pytest.raises(NotFoundError) as caught:
        user.run("localhost/nowhere:1")
    assert "made here" in caught.value.detail
