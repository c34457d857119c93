"""OCI layouts that no tool of ours has written: indented JSON, several compressions, indexes and attestations."""

from __future__ import annotations

import gzip
import json

import zstandard

from dockmagic.oci import digest as digests
from dockmagic.testing import tar_of
from tests.integration.registry_making import config_of

OCI = "application/vnd.oci.image"
GZIP, ZSTD, PLAIN = "tar+gzip", "tar+zstd", "tar"
REFERENCE = "vnd.docker.reference"


class Layout:
    """An OCI layout that is being written: descriptors of what is in it."""

    def __init__(self, path):
        self.path = path
        (path / "blobs/sha256").mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def put(self, content, kind, **more):
        data = content if isinstance(content, bytes) else json.dumps(content, indent=3).encode() + b"\n"
        digest = digests.of(data)
        (self.path / "blobs" / digest.replace(":", "/")).write_bytes(data)
        return {"mediaType": kind, "digest": digest, "size": len(data), **more}

    def image(self, each, form, **more):
        where = dict(zip(("os", "architecture", "variant"), each.split("/"), strict=False))
        layers = [tar_of({"for": each.encode()}), tar_of({"shared": b"by all"})]
        pack = {GZIP: lambda data: gzip.compress(data, mtime=0), ZSTD: zstandard.compress, PLAIN: bytes}[form]
        config = {**config_of(layers), **where}
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": self.put(config, f"{OCI}.config.v1+json"),
            "layers": [self.put(pack(layer), f"{OCI}.layer.v1.{form}") for layer in layers],
        }
        return self.put(manifest, f"{OCI}.manifest.v1+json", platform=where, **more)

    def attestation(self, about):
        statement = self.put({"_type": "https://in-toto.io/Statement/v0.1"}, "application/vnd.in-toto+json")
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": self.put({"architecture": "unknown", "os": "unknown"}, f"{OCI}.config.v1+json"),
            "layers": [statement],
        }
        said = {f"{REFERENCE}.type": "attestation-manifest", f"{REFERENCE}.digest": about["digest"]}
        where = {"os": "unknown", "architecture": "unknown"}
        return self.put(manifest, f"{OCI}.manifest.v1+json", platform=where, annotations=said)

    def index(self, *rows):
        return self.put(
            {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": rows}, f"{OCI}.index.v1+json"
        )

    def name(self, described, name):
        row = {
            **described,
            "annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": "1"},
        }
        (self.path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [row]}))
        return described["digest"]
