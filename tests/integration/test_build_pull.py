"""``--pull``: registries are asked anew for what a build starts from, whatever is here."""

from __future__ import annotations

import pytest

from dockmagic.errors import BuildError, NotFoundError, RegistryError, UnreachableError, UsageError
from dockmagic.oci import platform
from dockmagic.registry.settings import Settings
from dockmagic.testing import FakeRegistry
from tests.integration.registry_making import engine_in, put


@pytest.fixture
def registry():
    with FakeRegistry() as found:
        yield found


@pytest.fixture
def engine(tmp_path):
    made = engine_in(tmp_path, attempts=1, timeout=60)
    yield made
    assert made.session.store.check() == []
    made.close()


def test_a_newer_image_is_taken_only_when_it_is_asked_for(registry, engine):
    put(registry, seed=1)
    text = f"FROM {registry.address}/team/bread:1\nENV A=b\n"
    old = engine.build(text).image
    put(registry, seed=2)
    assert engine.build(text).image.id == old.id
    new = engine.build(text, pull=True).image
    assert {layer.diff_id for layer in new.layers}.isdisjoint(layer.diff_id for layer in old.layers)
    assert engine.build(text).image.id == new.id


def test_one_that_is_the_same_is_not_fetched_again(registry, engine):
    put(registry)
    text = f"FROM {registry.address}/team/bread:1\n"
    engine.build(text)
    blobs = len(registry.asked("GET", "/blobs/"))
    first = len(registry.asked("GET", "/manifests/"))
    engine.build(f"{text}{text}", pull=True)
    assert len(registry.asked("GET", "/manifests/")) == first + 1
    assert len(registry.asked("GET", "/blobs/")) <= blobs + 1  # the config


def test_a_registry_that_does_not_answer_is_an_error_though_the_image_is_here(registry, engine):
    put(registry)
    text = f"FROM {registry.address}/team/bread:1\nENV A=b\n"
    engine.build(text)
    registry.fault("status", status=503, times=99)
    with pytest.raises(RegistryError, match="fails or is no registry"):
        engine.build(text, pull=True)
    with pytest.raises(UnreachableError):
        engine.build("FROM 127.0.0.1:1/team/bread:1\n", pull=True)
    engine.build(text)


def test_what_the_registry_has_not_is_an_error_at_its_line(registry, engine):
    put(registry)
    base = f"{registry.address}/team/bread:1"
    engine.build(f"FROM {base}\n", tags=f"{registry.address}/own:1")
    with pytest.raises(BuildError, match="line 2: "):
        engine.build(f"# a comment\nFROM {registry.address}/own:1\n", pull=True)
    with pytest.raises(BuildError, match="line 2: "):
        engine.build(f"FROM {base}\nCOPY --from={registry.address}/own:1 /srv /srv\n", pull=True)


def test_names_of_localhost_and_ids_are_of_this_store(registry, engine):
    put(registry)
    image = engine.build(f"FROM {registry.address}/team/bread:1\n", tags="localhost/own:1").image
    before = len(registry.requests)
    assert engine.build("FROM localhost/own:1\n", pull=True).image.id == image.id
    assert engine.build(f"FROM {image.id}\n", pull=True).image.id == image.id
    assert len(registry.requests) == before


def test_settings_that_forbid_it_are_held(registry, tmp_path):
    put(registry)
    engine = engine_in(tmp_path, settings=Settings(pull="never"))
    engine.pull(f"{registry.address}/team/bread:1")
    with pytest.raises(BuildError, match=r"line 1: nothing is pulled .*registries\.toml says so"):
        engine.build(f"FROM {registry.address}/team/bread:1\n", pull=True)
    engine.close()


def test_a_run_asks_the_registry_when_it_is_told_to(registry, engine):
    name = f"{registry.address}/team/bread:1"
    put(registry, seed=1)
    with pytest.raises(NotFoundError, match="image not found"):
        engine.run(name, ["true"], pull="never")
    first = engine.pull(name).id
    put(registry, seed=2)
    with pytest.raises(UsageError, match="none of missing, always, never"):
        engine.run(name, ["true"], pull="often")
    assert engine.run(name, ["/absent"]).image.id == first
    newer = engine.run(name, ["/absent"], pull="always").image.id
    assert newer not in ("", first)
    assert engine.run("localhost/base", ["true"], pull="always").exit_code == 0
    with pytest.raises(UsageError, match="which this machine does not run"):
        engine.run(name, ["true"], platform="linux/s390x")
    assert engine.run("localhost/base", ["true"], platform=f"linux/{platform.here().architecture}").exit_code == 0
