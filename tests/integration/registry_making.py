"""Engines that talk to registries of the test, and images made of bytes for them."""

from __future__ import annotations

import gzip
import random

from dockmagic import Engine
from dockmagic.registry.credentials import Keychain
from dockmagic.registry.registries import Registries
from dockmagic.registry.retry import Policy
from dockmagic.registry.settings import Settings
from dockmagic.testing import RecordingRuntime, sha256, tar_of


def layers_of(seed, count=3, size=200_000):
    """Tars of one file each, which hardly compress."""
    chance = random.Random(seed)
    return [tar_of({f"srv/{seed}-{number}": chance.randbytes(size)}) for number in range(count)]


def config_of(layers, **more):
    return {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [sha256(layer) for layer in layers]},
        **more,
    }


def put(registry, repository="team/bread", tag="1", *, seed=1, count=3, size=200_000, **more):
    """An image of compressed layers in a fake registry; returns its manifest's digest."""
    layers = layers_of(seed, count, size)
    return registry.put_image(
        repository, tag, [gzip.compress(la, 1, mtime=0) for la in layers], config_of(layers, **more)
    )


def engine_in(directory, *, settings=None, attempts=3, timeout=60.0, home=None, scheme=""):
    """An engine that is as impatient as a test; nothing runs in it."""
    home = home or directory / "home"
    engine = Engine(home, runtime=RecordingRuntime(home, [], scheme=scheme))
    said = settings or Settings(timeout=timeout)
    keychain = Keychain(directory / "config" / "auth.json", directory / "docker" / "config.json")
    engine.session._registries = Registries(said, keychain, policy=Policy(attempts=attempts, first=0.01))
    return engine


def put_index(registry, repository="team/bread", tag="1"):
    """An index of two images, and of an attestation about one of them."""
    said = {"vnd.docker.reference.type": "attestation-manifest"}
    rows = []
    for seed, architecture, more in ((1, "amd64", {}), (2, "s390x", {}), (3, "unknown", {"annotations": said})):
        digest = put(registry, repository, "", seed=seed, count=1, size=20_000, architecture=architecture)
        media_type, content = registry.manifests[repository][digest]
        where = {"os": "linux", "architecture": architecture}
        rows.append({"mediaType": media_type, "digest": digest, "size": len(content), "platform": where, **more})
    return registry.put_manifest(repository, tag, {"schemaVersion": 2, "manifests": rows})
