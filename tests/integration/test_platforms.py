"""Builds for other platforms than this machine's, and images of several platforms under one name."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile

import pytest

from dockmagic import Engine
from dockmagic.errors import BuildError, NotFoundError, UsageError
from dockmagic.oci import platform
from dockmagic.registry.credentials import Keychain
from dockmagic.registry.registries import Registries
from dockmagic.registry.retry import Policy
from dockmagic.registry.settings import Settings
from dockmagic.testing import FakeRegistry
from tests.integration.registry_making import config_of

HERE = str(platform.here())
OTHER = "linux/s390x"
BOTH = f"{HERE},{OTHER}"
MACHINES = {"s390x": 22, "amd64": 62, "arm64": 183}


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    directory = tmp_path_factory.mktemp("platforms")
    made = Engine(directory / "home")
    keychain = Keychain(directory / "config" / "auth.json", directory / "docker" / "config.json")
    made.session._registries = Registries(Settings(timeout=60.0), keychain, policy=Policy(attempts=1, first=0.01))
    yield made
    assert made.session.store.check() == []
    made.close()


@pytest.fixture
def registry():
    with FakeRegistry() as found:
        yield found


def program(machine):
    """An ELF executable of a machine, which does nothing."""
    head = b"\x7fELF\x02" + (b"\x02" if machine == "s390x" else b"\x01") + b"\x01" + bytes(9)
    order = ">" if machine == "s390x" else "<"
    return (
        head
        + struct.pack(f"{order}HHIQQQIHHHHHH", 2, MACHINES[machine], 1, 0x400000, 64, 0, 0, 64, 56, 1, 0, 0, 0)
        + (struct.pack(f"{order}IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, 120, 120, 0x1000))
    )


def programs_of(files):
    """A tar of files that may be executed."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def put_index(registry, *platforms):
    """``team/many:1``: an image for each platform, which says in /for what it is for."""
    rows = []
    for each in platforms:
        system, architecture = each.split("/")
        layer = programs_of({"for": each.encode(), "bin/sh": program(architecture)})
        config = config_of([layer], os=system, architecture=architecture, config={"Env": ["PATH=/bin"]})
        digest = registry.put_image("team/many", "", [gzip.compress(layer, mtime=0)], config)
        content = registry.manifests["team/many"][digest][1]
        row = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": len(content)}
        rows.append({**row, "platform": {"os": system, "architecture": architecture}})
    registry.put_manifest("team/many", "1", {"schemaVersion": 2, "manifests": rows})
    return f"{registry.address}/team/many:1"


def content(engine, image, path, tmp_path):
    """A file of an image, without running anything."""
    with (tmp_path / "root.tar").open("w+b") as out:
        engine.export(image, out)
        out.seek(0)
        with tarfile.open(fileobj=out) as tar:
            return tar.extractfile(path).read()


def test_a_build_for_another_platform_takes_its_base_and_leaves_the_name_to_this_machine(engine, registry, tmp_path):
    name = put_index(registry, HERE, OTHER)
    engine.pull(name)
    built = engine.build(f"FROM {name}\nCOPY <<x /note\nhello\nx\nENV A=1\n", platform=OTHER, tags="there:1")
    assert (built.image.config["os"], built.image.config["architecture"]) == ("linux", "s390x")
    assert content(engine, built.image, "for", tmp_path) == OTHER.encode()
    assert content(engine, engine.build(f"FROM {name}\n").image, "for", tmp_path) == HERE.encode()
    asked = len(registry.requests)
    engine.build(f"FROM --platform={OTHER} {name}\n")
    assert len(registry.requests) == asked  # it is here, beside the other
    assert f"{name} ({OTHER})" in str(engine.images())
    engine.rmi(name, "there:1")
    assert f"{name} (" not in str(engine.images())


def test_commands_run_in_stages_of_this_machine_and_what_they_make_goes_elsewhere(engine, tmp_path):
    text = "FROM --platform=$BUILDPLATFORM localhost/base AS make\nARG TARGETPLATFORM\n"
    text += "RUN echo -n $TARGETPLATFORM > /out\nFROM scratch\nCOPY --from=make /out /out\n"
    built = engine.build(text, platform="linux/arm/v7")
    assert content(engine, built.image, "out", tmp_path) == b"linux/arm/v7"
    assert [built.image.config[key] for key in ("os", "architecture", "variant")] == ["linux", "arm", "v7"]


def test_a_command_of_another_machine_is_an_error_at_its_line(engine, registry):
    name = put_index(registry, OTHER)
    with pytest.raises(BuildError, match=f"line 2: RUN: the stage is for {OTHER}, .* \\(exit code 126\\)") as caught:
        engine.build(f"FROM {name}\nRUN true\n", platform=OTHER)
    assert "BUILDPLATFORM" in str(caught.value)
    assert "binfmt" in str(caught.value)
    assert not engine.ps(all=True)
    engine.rmi(name)


def test_what_this_machine_makes_itself_is_for_no_other(engine):
    with pytest.raises(BuildError, match=f"line 1: image not found: localhost/base for {OTHER}"):
        engine.build("FROM localhost/base\n", platform=OTHER)


def test_several_platforms_are_one_name_that_is_pushed_as_an_index(engine, registry, tmp_path):
    name = f"{registry.address}/team/both:1"
    text = "FROM scratch\nARG TARGETARCH\nCOPY <<x /for\n$TARGETARCH\nx\n"
    built = engine.build(text, platform=BOTH, tags=name)
    assert set(built.images) == {HERE, OTHER}
    assert built.image.id == built.images[HERE].id == engine.inspect(name).id
    engine.tag(name, f"{registry.address}/team/again:1")
    digest = engine.push(f"{registry.address}/team/again:1")
    index = json.loads(registry.manifests["team/again"]["1"][1])
    assert registry.manifests["team/again"][digest][1] == registry.manifests["team/again"]["1"][1]
    told = {each["platform"]["architecture"]: each["digest"] for each in index["manifests"]}
    assert set(told) == {platform.here().architecture, "s390x"}
    engine.rmi(f"{registry.address}/team/again:1")
    pulled = engine.pull(f"{registry.address}/team/again:1", platform=OTHER)
    assert pulled.digest == told["s390x"]
    assert content(engine, pulled, "for", tmp_path) == b"s390x\n"
    engine.rmi(f"{registry.address}/team/again:1", name)


def test_several_platforms_are_saved_as_an_index_and_loaded_for_this_machine(engine, tmp_path):
    text = "FROM scratch\nARG TARGETARCH\nLABEL for=$TARGETARCH\nCOPY <<x /a\nx\n"
    built = engine.build(text, platform=BOTH, tags="both:1")
    engine.save("both:1", output=tmp_path / "both.tar")
    with tarfile.open(tmp_path / "both.tar") as tar:
        (described,) = json.load(tar.extractfile("index.json"))["manifests"]
        index = json.load(tar.extractfile(f"blobs/sha256/{described['digest'][7:]}"))
    assert described["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert {each["platform"]["architecture"] for each in index["manifests"]} == {platform.here().architecture, "s390x"}
    engine.rmi("both:1")
    (loaded,) = engine.load(tmp_path / "both.tar")
    assert loaded.id == built.image.id
    engine.rmi("both:1")
    assert not any("both:1" in image.tags for image in engine.images())


def test_files_of_several_platforms_are_written_side_by_side(engine, tmp_path):
    text = "FROM scratch AS stage-linux\nCOPY <<x /l\nx\nFROM scratch AS stage-darwin\nCOPY <<x /d\nx\nFROM stage-$TARGETOS\n"
    engine.build(text, platform=f"{HERE},darwin/amd64", output=str(tmp_path / "out"))
    written = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*"))
    assert written == sorted(["darwin_amd64", "darwin_amd64/d", HERE.replace("/", "_"), f"{HERE.replace('/', '_')}/l"])


def test_one_platform_is_written_as_several_are_when_it_is_asked_for(engine, tmp_path):
    built = engine.build(
        "FROM scratch\nCOPY <<x /f\nx\n",
        build_args={"BUILDKIT_MULTI_PLATFORM": "1"},
        output=str(tmp_path / "out"),
        tags="one:1",
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == [HERE.replace("/", "_")]
    assert set(built.images) == {HERE}
    assert not any("built too" in note for note in built.notes)
    engine.rmi("one:1")


def test_a_name_moves_only_when_every_platform_is_built(engine):
    text = "FROM scratch AS stage-s390x\nFROM scratch AS base\nFROM stage-$TARGETARCH\nCOPY nothing /\n"
    with pytest.raises((BuildError, NotFoundError)):
        engine.build(text, platform=f"{OTHER},{HERE}", tags="never:1")
    assert not any("never:1" in image.tags for image in engine.images())


@pytest.mark.parametrize("option", [{"iidfile": "id"}, {"output": "type=oci,dest=x.tar"}])
def test_what_is_of_one_image_is_refused_for_several(engine, option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="for several platforms"):
        engine.build("FROM scratch\n", platform=BOTH, **option)
