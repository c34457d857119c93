"""A registry that fails: what is tried again, what ends it, and that nothing false is ever kept."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import socket
import threading

import pytest

from dockmagic.errors import (
    ArchiveError,
    DeniedError,
    NotFoundError,
    RateLimitError,
    RegistryError,
    UnreachableError,
    UsageError,
)
from dockmagic.events import LayerProgress, LayerPulled, LayerPushed, PullStarted, PushStarted
from dockmagic.oci import digest
from dockmagic.registry.client import limited
from dockmagic.registry.settings import Registry, Settings
from dockmagic.registry.token import Credential
from dockmagic.testing import FakeRegistry, add_image, sha256, tar_of
from tests.integration.registry_making import config_of, engine_in, layers_of, put

BLOB, MANIFEST, UPLOAD = "/blobs/sha256", "/manifests/", "/blobs/uploads/"


@pytest.fixture
def registry():
    with FakeRegistry() as found:
        yield found


@pytest.fixture
def engine(tmp_path):
    made = engine_in(tmp_path)
    yield made
    assert made.session.store.check() == []
    made.close()


def layer_blob(registry, number=0):
    """The path of a layer's blob."""
    ((_, content),) = [m for name, m in registry.manifests["team/bread"].items() if name == "1"]
    return f"/blobs/{json.loads(content)['layers'][number]['digest']}"


def secrets_of(registry):
    return [r for r in registry.requests if "authorization" in r.headers]


def test_a_pull_keeps_manifest_and_blobs_byte_for_byte(registry, engine):
    wanted = put(registry)
    image = engine.pull(f"{registry.address}/team/bread:1")
    assert image.digest == wanted
    store = engine.session.store
    assert store.blobs.read(wanted) == registry.manifests["team/bread"]["1"][1]
    for layer in image.layers:
        assert store.blobs.read(layer.digest) == registry.blobs["team/bread"][layer.digest]
    assert image.tags == (f"{registry.address}/team/bread:1",)


def test_progress_is_told_in_this_thread_in_order(registry, engine):
    wanted, told = put(registry), []
    engine.pull(f"{registry.address}/team/bread:1", on_event=lambda e: told.append((threading.current_thread(), e)))
    assert {thread for thread, _ in told} == {threading.current_thread()}
    events = [event for _, event in told]
    assert isinstance(events[0], PullStarted)
    assert events[0].digest == wanted
    for name, size in events[0].layers:
        own = [e for e in events[1:] if e.digest == name]
        assert [e.done for e in own[:-1]] == sorted(e.done for e in own[:-1])
        assert own[-2] == LayerProgress(digest=name, done=size, total=size)
        assert own[-1] == LayerPulled(digest=name, size=size, present=False)


def test_what_is_here_is_not_fetched_again(registry, engine):
    put(registry)
    engine.pull(f"{registry.address}/team/bread:1")
    before, told = len(registry.asked("GET", BLOB)), []
    engine.pull(f"{registry.address}/team/bread:1", on_event=told.append)
    assert len(registry.asked("GET", BLOB)) == before + 1  # the config
    assert [e.present for e in told if isinstance(e, LayerPulled)] == [True, True, True]


def test_a_layer_in_another_compression_is_fetched_and_pushed_as_it_came(registry, engine):
    put(registry)
    engine.pull(f"{registry.address}/team/bread:1")
    layers = layers_of(1)
    wanted = registry.put_image(
        "else", "1", [gzip.compress(la, 9, mtime=1) for la in layers], config_of(layers, author="me")
    )
    image = engine.pull(f"{registry.address}/else:1")
    assert image.digest == wanted
    assert engine.session.store.layers.has(image.layers[0].diff_id)
    assert len(registry.asked("GET", "/else/blobs/")) == 1 + len(layers)
    engine.tag(image, f"{registry.address}/again:1")
    assert engine.push(f"{registry.address}/again:1") == wanted
    assert (
        registry.blobs["again"].items()
        >= {
            layer["digest"]: registry.blobs["else"][layer["digest"]]
            for layer in json.loads(registry.manifests["else"]["1"][1])["layers"]
        }.items()
    )


def test_a_digest_names_one_manifest_for_ever(registry, engine):
    wanted = put(registry)
    put(registry, seed=2)
    image = engine.pull(f"{registry.address}/team/bread@{wanted}")
    assert image.digest == wanted
    assert engine.inspect(f"{registry.address}/team/bread@{wanted}").id == image.id


def index_of(registry, **digests):
    """An index of images for platforms, under the tag ``many``."""
    rows = [
        {
            "mediaType": registry.manifests["team/bread"][found][0],
            "digest": found,
            "size": len(registry.manifests["team/bread"][found][1]),
            "platform": {"os": "linux", "architecture": name},
        }
        for name, found in digests.items()
    ]
    made = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": rows}
    return registry.put_manifest("team/bread", "many", made)


def test_of_an_index_this_machines_image_is_taken_or_the_one_that_was_asked_for(registry, engine):
    here = "amd64" if os.uname().machine == "x86_64" else "arm64"
    there = {"amd64": "arm64", "arm64": "amd64"}[here]
    digests = {here: put(registry, tag="a"), there: put(registry, tag="b", seed=2)}
    index_of(registry, **digests)
    assert engine.pull(f"{registry.address}/team/bread:many").digest == digests[here]
    assert engine.pull(f"{registry.address}/team/bread:many", platform=f"linux/{there}").digest == digests[there]
    with pytest.raises(ArchiveError, match="no variant for linux/s390x"):
        engine.pull(f"{registry.address}/team/bread:many", platform="linux/s390x")


def test_an_image_of_another_platform_is_kept_and_not_run(registry, engine):
    put(registry, architecture="s390x", config={"Cmd": ["true"]})
    name = f"{registry.address}/team/bread:1"
    engine.pull(name)
    with pytest.raises(UsageError, match="the image is for linux/s390x, which this machine does not run"):
        engine.run(name)


def test_an_index_by_its_digest_is_found_again_by_it(registry, engine):
    here = "amd64" if os.uname().machine == "x86_64" else "arm64"
    name = f"{registry.address}/team/bread@{index_of(registry, **{here: put(registry)})}"
    assert engine.pull(name).id == engine.inspect(name).id


@pytest.mark.parametrize("kind", ["reset", "truncate"])
def test_a_blob_that_breaks_off_goes_on_where_it_was(registry, engine, kind):
    wanted = put(registry)
    registry.fault(kind, method="GET", path=layer_blob(registry, 1), after=70_000)
    assert engine.pull(f"{registry.address}/team/bread:1").digest == wanted
    if kind == "truncate":
        assert [r.headers["range"] for r in registry.requests if "range" in r.headers] == ["bytes=70000-"]


def test_a_registry_without_ranges_is_read_again_from_the_first_byte(tmp_path):
    with FakeRegistry(ranges=False) as registry:
        wanted = put(registry)
        registry.fault("truncate", method="GET", path=layer_blob(registry), after=70_000, times=2)
        assert engine_in(tmp_path).pull(f"{registry.address}/team/bread:1").digest == wanted


def test_a_blob_that_always_breaks_off_is_an_error_after_some_attempts(registry, engine):
    put(registry)
    registry.fault("truncate", method="GET", path=layer_blob(registry), after=1000, times=100)
    with pytest.raises(RegistryError, match=r"ended a blob before its end|the connection to the registry broke"):
        engine.pull(f"{registry.address}/team/bread:1")
    assert len(registry.asked("GET", layer_blob(registry))) < 10
    assert engine.session.store.images.list() == []


def test_a_blob_that_changes_between_two_parts_is_not_taken(registry, engine):
    put(registry)
    path = layer_blob(registry)
    content = registry.blobs["team/bread"][path.removeprefix("/blobs/")]
    registry.fault("truncate", method="GET", path=path, after=1000)
    registry.blobs["team/bread"][path.removeprefix("/blobs/")] = content[:1000] + bytes(len(content) - 1000)
    with pytest.raises(ArchiveError, match="differs from its digest"):
        engine.pull(f"{registry.address}/team/bread:1")


@pytest.mark.parametrize("kind", ["wrong-digest", "wrong-length", "html"])
@pytest.mark.parametrize("number", [0, 2])
def test_a_blob_that_is_another_is_refused(registry, engine, kind, number):
    put(registry)
    registry.fault(kind, method="GET", path=layer_blob(registry, number))
    with pytest.raises(ArchiveError, match="content differs from its digest sha256:"):
        engine.pull(f"{registry.address}/team/bread:1")
    assert engine.session.store.images.list() == []


def test_an_endless_blob_is_read_to_its_size(registry, engine):
    put(registry)
    registry.fault("endless", method="GET", path=layer_blob(registry))
    with pytest.raises(ArchiveError, match="content differs from its digest"):
        engine.pull(f"{registry.address}/team/bread:1")


def test_a_layer_that_is_another_than_the_config_says_is_refused(registry, engine):
    layers = layers_of(1)
    lied = config_of([layers[0], layers[0], layers[2]])
    registry.put_image("team/bread", "1", [gzip.compress(layer) for layer in layers], lied)
    with pytest.raises(ArchiveError, match="differs from what the image's config says"):
        engine.pull(f"{registry.address}/team/bread:1")


def test_a_hostile_layer_is_refused(registry, engine):
    layer = tar_of({"../../outside": b"x", "good": b"y"})
    registry.put_image("team/bread", "1", [gzip.compress(layer[:700])], config_of([layer]))
    with pytest.raises(ArchiveError):
        engine.pull(f"{registry.address}/team/bread:1")
    assert engine.session.store.images.list() == []


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("path", [MANIFEST, BLOB])
def test_a_moments_trouble_is_waited_for(registry, engine, status, path):
    wanted = put(registry)
    registry.fault("status", method="GET", path=path, status=status, headers={"Retry-After": "0"}, times=2)
    assert engine.pull(f"{registry.address}/team/bread:1").digest == wanted


@pytest.mark.parametrize("status", [500, 503])
def test_trouble_that_lasts_is_an_error_that_quotes_the_registry(registry, engine, status):
    put(registry)
    registry.fault(
        "status", path=MANIFEST, status=status, body=b'{"errors":[{"code":"UNKNOWN","message":"disk"}]}', times=99
    )
    with pytest.raises(RegistryError, match="fails or is no registry") as caught:
        engine.pull(f"{registry.address}/team/bread:1")
    assert "UNKNOWN: disk" in caught.value.detail
    assert caught.value.status == status
    assert len(registry.requests) == 3


def test_a_long_retry_after_ends_it_at_once(registry, engine):
    put(registry)
    registry.fault("status", path=MANIFEST, status=429, headers={"Retry-After": "999999999"}, times=9)
    with pytest.raises(RateLimitError, match="answers no more for a while") as caught:
        engine.pull(f"{registry.address}/team/bread:1")
    assert caught.value.seconds == 999999999
    assert len(registry.requests) == 1


def test_a_limit_of_docker_hub_says_what_it_is_and_names_the_mirror(tmp_path):
    said = str(limited("docker.io", "", 0))
    assert "Docker Hub's limit of pulls" in said
    assert "mirrors" in said
    assert "%container login" in said


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (401, DeniedError, "%container login"),
        (403, DeniedError, "does not let you"),
        (404, NotFoundError, "does not have"),
    ],
)
def test_a_refusal_is_final_and_told(registry, engine, status, error, said):
    put(registry)
    registry.fault(
        "status", path=MANIFEST, status=status, body=b"<html>no</html>", headers={"Content-Type": "text/html"}, times=9
    )
    with pytest.raises(error, match=said) as caught:
        engine.pull(f"{registry.address}/team/bread:1")
    assert "<html>no</html>" in caught.value.detail
    assert len(registry.asked(path=MANIFEST)) == 1


def test_a_mistyped_tag_is_told_what_it_may_have_meant(registry, engine):
    for tag in ("3.20", "3.21", "latest"):
        put(registry, tag=tag)
    with pytest.raises(
        NotFoundError, match=r"does not have the image team/bread:lates\nit has the tags latest and others"
    ):
        engine.pull(f"{registry.address}/team/bread:lates")
    with pytest.raises(NotFoundError, match=r"it has the tags 3\.20, 3\.21, latest$"):
        engine.pull(f"{registry.address}/team/bread:x")
    with pytest.raises(NotFoundError, match=r"does not have the image none:1$"):
        engine.pull(f"{registry.address}/none:1")


def test_a_web_page_in_place_of_a_manifest_is_told_as_such(registry, engine):
    registry.fault("html", path=MANIFEST)
    with pytest.raises(ArchiveError, match="is that a registry, and not a web page"):
        engine.pull(f"{registry.address}/team/bread:1")


@pytest.mark.parametrize("kind", ["endless"])
def test_a_manifest_is_read_to_its_limit(registry, engine, kind):
    registry.fault(kind, path=MANIFEST)
    with pytest.raises(RegistryError, match="longer than it may be"):
        engine.pull(f"{registry.address}/team/bread:1")


@pytest.mark.parametrize(
    ("content", "media_type", "said"),
    [
        (b"[" * 100_000, "", "no manifest"),
        (b'{"schemaVersion": 1}', "application/vnd.docker.distribution.manifest.v1+json", "no manifest"),
        (b'{"schemaVersion": 2, "manifests": [], "layers": []}', "", "no manifest"),
        (b'{"schemaVersion": 2, "config": {}, "layers": []}', "", "no manifest"),
    ],
)
def test_what_is_no_manifest_is_refused(registry, engine, content, media_type, said):
    kind = media_type or "application/vnd.oci.image.manifest.v1+json"
    registry.put_manifest("team/bread", "1", content, kind)
    with pytest.raises(ArchiveError, match=said):
        engine.pull(f"{registry.address}/team/bread:1")


def test_a_manifest_of_another_type_than_its_header_is_refused(registry, engine):
    put(registry)
    _, content = registry.manifests["team/bread"]["1"]
    registry.put_manifest("team/bread", "1", content, "application/vnd.oci.image.index.v1+json")
    with pytest.raises(ArchiveError, match="another media type"):
        engine.pull(f"{registry.address}/team/bread:1")


def test_a_manifest_of_another_digest_is_refused(registry, engine):
    wanted = put(registry)
    registry.manifests["team/bread"][wanted] = registry.manifests["team/bread"][put(registry, seed=2)]
    with pytest.raises(ArchiveError, match="differs from its digest"):
        engine.pull(f"{registry.address}/team/bread@{wanted}")


def test_an_encoding_that_was_not_asked_for_is_refused(registry, engine):
    body = gzip.compress(bytes(10_000_000))
    registry.fault("status", path=MANIFEST, status=200, body=body, headers={"Content-Encoding": "gzip"})
    with pytest.raises(RegistryError, match="encoded"):
        engine.pull(f"{registry.address}/team/bread:1")


@pytest.mark.parametrize("path", [MANIFEST, BLOB])
@pytest.mark.parametrize("kind", ["stall", "slow"])
def test_a_registry_that_sends_next_to_nothing_is_given_up(tmp_path, registry, path, kind):
    engine = engine_in(tmp_path, timeout=1, attempts=2)
    put(registry)
    registry.fault(kind, method="GET", path=path, times=99)
    with pytest.raises(RegistryError):
        engine.pull(f"{registry.address}/team/bread:1")


def test_redirects_without_an_end_are_given_up(registry, engine):
    registry.fault("redirect", path=MANIFEST, headers={"Location": "/v2/team/bread/manifests/1"}, times=99)
    with pytest.raises(RegistryError, match="without an end"):
        engine.pull(f"{registry.address}/team/bread:1")


def trusting(registry, **more):
    return Settings(timeout=60, registries={registry.address: Registry(**more)})


@pytest.mark.parametrize("tokens", [False, True])
def test_no_password_and_no_token_goes_to_a_host_that_blobs_are_at(tmp_path, tokens):
    with FakeRegistry(username="me", password="CANARY", tokens=tokens) as registry, FakeRegistry() as store:
        wanted = put(registry)
        for name, content in registry.blobs["team/bread"].items():
            store.blobs.setdefault("b", {})[name] = content
            there = {"Location": f"http://{store.address}/v2/b/blobs/{name}?signature=x"}
            registry.fault("redirect", method="GET", path=name, headers=there, times=1)
        engine = engine_in(tmp_path, settings=trusting(registry, redirect_hosts=(store.address,)))
        engine.login(registry.address, username="me", password="CANARY")
        assert engine.pull(f"{registry.address}/team/bread:1").digest == wanted
        assert len(store.requests) == 4
        assert secrets_of(store) == []


def test_a_registry_may_not_send_us_to_another_server_of_this_machine(registry, engine):
    put(registry)
    with FakeRegistry() as victim:
        registry.fault("redirect", path=BLOB, headers={"Location": f"http://{victim.address}/x"}, times=9)
        with pytest.raises(RegistryError, match="an address of this machine or of a private network"):
            engine.pull(f"{registry.address}/team/bread:1")
        assert victim.requests == []


def test_a_password_does_not_go_to_a_strangers_token_server(tmp_path):
    with FakeRegistry() as thief:
        thief.realm = f"http://{thief.address}/token"
        with FakeRegistry(username="me", password="CANARY", tokens=True) as registry:
            put(registry)
            registry.realm = thief.realm
            engine = engine_in(tmp_path, settings=trusting(registry))
            engine.session.registries.keychain.store(registry.address, credential("CANARY"))
            with pytest.raises(RegistryError, match="may not name"):
                engine.pull(f"{registry.address}/team/bread:1")
            assert thief.requests == []


def credential(password):
    return Credential(username="me", password=password)


def test_an_uploads_place_elsewhere_gets_the_blob_and_no_password(tmp_path):
    with FakeRegistry() as store, FakeRegistry(username="me", password="CANARY") as registry:
        engine = engine_in(tmp_path, settings=trusting(registry, redirect_hosts=(store.address,)))
        engine.login(registry.address, username="me", password="CANARY")
        store._uploads["u0"] = bytearray()
        there = {"Location": f"http://{store.address}/v2/x/blobs/uploads/u0"}
        registry.fault("status", method="POST", path=UPLOAD, status=202, headers=there)
        add_image(engine.session.store, {"a": b"x"}, name=f"{registry.address}/x:1")
        with pytest.raises(RegistryError):  # the registry itself never got that blob
            engine.push(f"{registry.address}/x:1")
        assert store.asked("PATCH")
        assert secrets_of(store) == []


def test_a_token_server_that_has_moved_is_followed_where_a_realm_may_be(tmp_path):
    with FakeRegistry(username="me", password="CANARY", tokens=True) as registry, FakeRegistry() as stranger:
        put(registry, count=1, size=1000)
        engine = engine_in(tmp_path)
        engine.session.registries.keychain.store(registry.address, Credential(username="me", password="CANARY"))
        moved = "/token?new=1&scope=repository%3Ateam%2Fbread%3Apull"
        registry.fault("status", path="^/token", status=308, headers={"Location": moved})
        assert engine.pull(f"{registry.address}/team/bread:1")
        assert [r.path for r in registry.asked("GET", "/token")][1:] == [moved]
        other = engine_in(tmp_path)
        registry.fault("status", path="^/token", status=302, headers={"Location": f"http://{stranger.address}/token"})
        with pytest.raises(RegistryError, match="sends us to an address of this machine"):
            other.pull(f"{registry.address}/team/bread:1")
        assert stranger.requests == []
        for each in (engine, other):
            each.close()


def test_a_token_allows_no_more_than_is_needed(tmp_path):
    with FakeRegistry(username="me", password="p", tokens=True) as registry:
        put(registry)
        engine = engine_in(tmp_path)
        engine.login(registry.address, username="me", password="p")
        engine.pull(f"{registry.address}/team/bread:1")
        asked = [r.path for r in registry.asked("GET", "/token")]
        assert not any("push" in path for path in asked)
        assert sum("scope=repository%3Ateam%2Fbread%3Apull&" in path for path in asked) == 1
        engine.tag(f"{registry.address}/team/bread:1", f"{registry.address}/own:1")
        engine.push(f"{registry.address}/own:1")
        assert any("scope=repository%3Aown%3Apull%2Cpush" in r.path for r in registry.asked("GET", "/token"))


def test_a_token_that_is_never_good_enough_is_asked_for_once_more_and_no_further(tmp_path):
    with FakeRegistry(username="me", password="p", tokens=True) as registry:
        put(registry)
        engine = engine_in(tmp_path)
        engine.login(registry.address, username="me", password="p")
        before = len(registry.requests)
        wants = {"WWW-Authenticate": f'Bearer realm="{registry.realm}",service="fake",error="invalid_token"'}
        registry.fault("status", path=MANIFEST, status=401, headers=wants, times=99)
        with pytest.raises(DeniedError, match="does not take the password that is kept"):
            engine.pull(f"{registry.address}/team/bread:1")
        assert len(registry.requests) - before == 3


def test_secrets_are_in_no_error(tmp_path):
    with FakeRegistry(username="me", password="right", tokens=True) as registry:
        engine = engine_in(tmp_path)
        with pytest.raises(DeniedError) as caught:
            engine.login(registry.address, username="me", password="CANARY")
        told = "".join([str(caught.value), caught.value.detail, repr(caught.value), repr(caught.value.__context__)])
        assert "CANARY" not in told
        assert "Q0FOQVJZ" not in told


def test_a_wrong_password_is_not_kept(tmp_path):
    with FakeRegistry(username="me", password="right") as registry:
        engine = engine_in(tmp_path)
        with pytest.raises(DeniedError, match="does not take that name and password"):
            engine.login(registry.address, username="me", password="wrong")
        assert not engine.logout(registry.address)
        assert engine.login(registry.address, username="me", password="right") == registry.address
        assert engine.logout(registry.address)


def test_a_layer_at_its_own_address_is_asked_for_without_a_password(tmp_path):
    layer = tar_of({"a": b"foreign"})
    with FakeRegistry(username="me", password="CANARY") as registry, FakeRegistry() as maker:
        found = maker.put_blob("m", layer)
        config = json.dumps(config_of([layer])).encode()
        descriptor = {
            "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "digest": found,
            "size": len(layer),
            "urls": [f"http://{maker.address}/v2/m/blobs/{found}"],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "digest": registry.put_blob("win", config),
                "size": len(config),
            },
            "layers": [descriptor],
        }
        wanted = registry.put_manifest("win", "1", manifest)
        engine = engine_in(tmp_path, settings=trusting(registry, redirect_hosts=(maker.address,)))
        engine.login(registry.address, username="me", password="CANARY")
        assert engine.pull(f"{registry.address}/win:1").digest == wanted
        assert len(maker.requests) == 1
        assert secrets_of(maker) == []
        # its maker's alone: it is pushed as a name, not as bytes
        engine.tag(f"{registry.address}/win:1", f"{registry.address}/copy:1")
        assert engine.push(f"{registry.address}/copy:1") == wanted
        assert found not in registry.blobs["copy"]
        other = engine_in(tmp_path / "other")
        other.login(registry.address, username="me", password="CANARY")
        with pytest.raises(NotFoundError):
            other.pull(f"{registry.address}/win:1")


def test_mirrors_are_asked_first_and_the_registry_when_they_fail(tmp_path, registry):
    wanted = put(registry, repository="team/bread")
    with FakeRegistry() as mirror, FakeRegistry() as broken:
        put(mirror)
        put(broken)
        broken.fault("wrong-digest", method="GET", path=BLOB, times=99)
        engine = engine_in(tmp_path, settings=trusting(registry, mirrors=(broken.address, mirror.address)))
        assert engine.pull(f"{registry.address}/team/bread:1").digest == wanted
        assert registry.requests == []
        assert broken.requests
        mirror.fault("status", status=404, path=MANIFEST, times=9)
        broken.fault("status", status=404, path=MANIFEST, times=9)
        assert engine.pull(f"{registry.address}/team/bread:1").digest == wanted
        assert len(registry.requests) > 0


def test_the_environments_proxy_is_used_and_gets_its_own_password_only(tmp_path, registry, monkeypatch):
    wanted = put(registry)  # a server that answers whole URLs is a proxy, too
    monkeypatch.setenv("http_proxy", f"http://through:word@{registry.address}")
    monkeypatch.delenv("REQUEST_METHOD", raising=False)
    settings = Settings(timeout=60, registries={"registry.example": Registry(http=True)})
    assert engine_in(tmp_path, settings=settings).pull("registry.example/team/bread:1").digest == wanted
    assert all(r.path.startswith("http://registry.example/v2/team/bread/") for r in registry.requests)
    assert {r.headers.get("proxy-authorization") for r in registry.requests} == {"Basic dGhyb3VnaDp3b3Jk"}
    assert secrets_of(registry) == []


def test_a_host_that_does_not_exist_is_unreachable(tmp_path):
    with pytest.raises(UnreachableError, match="cannot be reached"):
        engine_in(tmp_path).pull("registry.invalid/bread:1")


def test_a_registry_that_is_not_there_is_told_at_once(tmp_path):
    engine = engine_in(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(UnreachableError, match="cannot be reached"):
            engine.pull(f"127.0.0.1:{taken.getsockname()[1]}/bread:1")


def test_an_interrupt_ends_a_pull_that_waits(tmp_path, registry):
    engine = engine_in(tmp_path, timeout=60)
    put(registry)
    registry.fault("stall", method="GET", path=layer_blob(registry), times=9)
    told = []

    def interrupt(event):
        told.append(event)
        if isinstance(event, PullStarted):
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt):
        engine.pull(f"{registry.address}/team/bread:1", on_event=interrupt)
    assert isinstance(told[0], PullStarted)
    assert list((tmp_path / "home" / "tmp").iterdir()) == []
    assert engine.session.store.check() == []


def built(engine, name, *contents):
    """An image as a build makes it: layers that are trees, without a blob."""
    return add_image(engine.session.store, *contents, name=name)


def test_a_pushed_image_is_pulled_elsewhere_with_the_same_digest(tmp_path, registry, engine):
    name = f"{registry.address}/team/own:1"
    image_id = built(engine, name, {"a": bytes(500_000)}, {"b": b"2"})
    told = []
    pushed = engine.push(name, on_event=told.append)
    assert isinstance(told[0], PushStarted)
    assert [e.present for e in told if isinstance(e, LayerPushed)] == [False, False]
    other = engine_in(tmp_path / "other")
    image = other.pull(name)
    assert (image.id, image.digest) == (image_id, pushed)
    assert other.session.store.check() == []
    assert all(
        layer["mediaType"].endswith("tar+gzip")
        for layer in json.loads(registry.manifests["team/own"]["1"][1])["layers"]
    )


def test_a_layer_is_compressed_once(registry, engine):
    name = f"{registry.address}/team/own:1"
    built(engine, name, {"a": bytes(500_000)})
    first = engine.push(name)
    told = []
    assert engine.push(name, on_event=told.append) == first
    assert [e.present for e in told if isinstance(e, LayerPushed)] == [True]
    (record,) = engine.session.store.images.list()
    blob = engine.session.store.layers.get(record.diff_ids[0]).blob
    assert blob.digest in registry.blobs["team/own"]
    assert digest.of(gzip.decompress(engine.session.store.blobs.read(blob.digest))) == record.diff_ids[0]


def test_a_layer_of_another_repository_is_mounted(registry, engine):
    put(registry)
    engine.pull(f"{registry.address}/team/bread:1")
    engine.tag(f"{registry.address}/team/bread:1", f"{registry.address}/else:1")
    told = []
    engine.push(f"{registry.address}/else:1", on_event=told.append)
    assert [e.present for e in told if isinstance(e, LayerPushed)] == [True, True, True]
    assert sum("mount=" in r.path for r in registry.asked("POST")) == 3


def test_where_nothing_is_mounted_the_same_session_takes_the_blob(tmp_path):
    with FakeRegistry(mounts=False) as registry:
        wanted = put(registry)
        engine = engine_in(tmp_path)
        engine.pull(f"{registry.address}/team/bread:1")
        engine.tag(f"{registry.address}/team/bread:1", f"{registry.address}/else:1")
        assert engine.push(f"{registry.address}/else:1") == wanted
        assert len(registry.asked("POST")) == 4


def test_who_may_not_read_there_sends_the_blob(registry, engine):
    wanted = put(registry)
    engine.pull(f"{registry.address}/team/bread:1")
    engine.tag(f"{registry.address}/team/bread:1", f"{registry.address}/else:1")
    registry.fault("status", method="POST", path="mount=", status=403, times=9)
    assert engine.push(f"{registry.address}/else:1") == wanted


@pytest.mark.parametrize("kind", ["reset", "status"])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_an_upload_goes_on_after_a_failure(tmp_path, registry, kind, method):
    settings = trusting(registry, chunk=100_000)
    engine = engine_in(tmp_path, settings=settings)
    name = f"{registry.address}/team/own:1"
    put(registry, repository="from", count=1, size=450_000)
    engine.pull(f"{registry.address}/from:1")
    engine.tag(f"{registry.address}/from:1", name)
    registry.mounts = False
    wanted = registry.manifests["from"]["1"][1]
    registry.fault(kind, method=method, path=r"state=(2|0)", status=503)
    assert engine.push(name) == digest.of(wanted)
    assert registry.manifests["team/own"]["1"][1] == wanted
    starts = [r.headers["content-range"] for r in registry.asked("PATCH") if "/team/own/" in r.path]
    assert "0-99999" in starts
    assert len(starts) > 4


def test_an_upload_whose_session_is_lost_begins_again(tmp_path, registry):
    engine = engine_in(tmp_path, settings=trusting(registry, chunk=100_000))
    name = f"{registry.address}/team/own:1"
    image = built(engine, name, {"a": os.urandom(300_000)})
    registry.fault("status", method="PATCH", path="state=100000", status=500)
    registry.fault("status", method="GET", path=UPLOAD, status=404)
    engine.push(name)
    assert engine_in(tmp_path / "other").pull(name).id == image


def test_an_upload_that_always_fails_is_an_error(tmp_path, registry, engine):
    name = f"{registry.address}/team/own:1"
    built(engine, name, {"a": b"x"})
    registry.fault("status", method="PATCH", status=500, times=99)
    with pytest.raises(RegistryError):
        engine.push(name)
    assert "team/own" not in registry.manifests


@pytest.mark.parametrize("referrers", [True, False])
def test_what_refers_to_a_manifest_is_told(tmp_path, referrers):
    with FakeRegistry(referrers=referrers) as registry:
        subject = put(registry)
        layer = tar_of({"note": b"signed"})
        config = json.dumps(config_of([layer])).encode()
        rows = [(config, "application/vnd.oci.image.config.v1+json"), (layer, "application/vnd.oci.image.layer.v1.tar")]
        made = [{"mediaType": kind, "digest": registry.put_blob("sig", data), "size": len(data)} for data, kind in rows]
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": made[0],
            "layers": made[1:],
            "subject": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": subject, "size": 7},
            "annotations": {"by": "me"},
        }
        wanted = registry.put_manifest("sig", "1", manifest)
        engine = engine_in(tmp_path)
        engine.pull(f"{registry.address}/sig:1")
        engine.tag(f"{registry.address}/sig:1", f"{registry.address}/team/bread:sig")
        for _ in range(2):
            assert engine.push(f"{registry.address}/team/bread:sig") == wanted
        listed = registry.manifests["team/bread"].get(subject.replace(":", "-"))
        if referrers:
            assert listed is None
        else:
            (entry,) = json.loads(listed[1])["manifests"]
            assert (entry["digest"], entry["annotations"]) == (wanted, {"by": "me"})


def test_names_that_cannot_be_pushed_are_told(tmp_path, engine):
    with pytest.raises(NotFoundError, match="image not found"):
        engine.push("127.0.0.1:1/nothing:1")
    with pytest.raises(UsageError, match="by a tag"):
        engine.push(f"127.0.0.1:1/x@{sha256(b'')}")


def test_many_pulls_at_once_store_each_layer_once(tmp_path, registry):
    wanted = put(registry, count=5)
    engine = engine_in(tmp_path)
    store = engine.session.store
    found, threads = [], []
    for _ in range(4):
        threads.append(
            threading.Thread(target=lambda: found.append(engine.pull(f"{registry.address}/team/bread:1").digest))
        )
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 4
    assert store.check() == []


def test_something_else_than_an_image_is_named(registry, engine):
    content = b'{"name": "chart"}'
    kind = "application/vnd.cncf.helm.config.v1+json"
    config = {"mediaType": kind, "digest": registry.put_blob("team/chart", content), "size": len(content)}
    registry.put_manifest("team/chart", "1", {"schemaVersion": 2, "config": config, "layers": []})
    with pytest.raises(ArchiveError, match=f"that is no image: '{re.escape(kind)}'"):
        engine.pull(f"{registry.address}/team/chart:1")
    assert not registry.asked("GET", "/blobs/")


def test_an_image_whose_config_knows_other_layers_is_refused(registry, engine):
    layers = layers_of(1, 2, 1000)
    registry.put_image("team/bread", "1", layers[:1], config_of(layers))
    with pytest.raises(ArchiveError, match="differ in the number of layers"):
        engine.pull(f"{registry.address}/team/bread:1")
