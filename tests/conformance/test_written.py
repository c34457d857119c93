"""Every manifest, index, config and layout that dockmagic writes is valid by the specification's own schemas."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.testing import tar_of

jsonschema = pytest.importorskip("jsonschema")
referencing = pytest.importorskip("referencing")

SCHEMAS = Path(os.environ["DOCKMAGIC_CONFORMANCE"]) / "oci-schemas"
EVERYTHING = """FROM localhost/base
ARG WHO=fish
LABEL a=b maintainer="me" empty=""
ENV A=1 B=
EXPOSE 80 53/udp
VOLUME /data /more
STOPSIGNAL SIGQUIT
WORKDIR /srv
SHELL ["/bin/sh", "-e", "-c"]
HEALTHCHECK --interval=5s --retries=2 CMD ["true"]
ONBUILD RUN echo later
COPY <<EOF /note
hello
EOF
RUN echo $WHO > /tmp/who
USER 33:34
ENTRYPOINT ["cat"]
CMD ["/note"]
"""


def without_ids(value):
    """They are bases of references that nothing stands at: the files refer to each other by name."""
    if isinstance(value, list):
        return [without_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {k: without_ids(v) for k, v in value.items() if not (k == "id" and isinstance(v, str))}


@pytest.fixture(scope="module")
def validate():
    if not SCHEMAS.is_dir():
        pytest.skip("DOCKMAGIC_CONFORMANCE has no oci-schemas")
    schemas = {path.name: without_ids(json.loads(path.read_bytes())) for path in SCHEMAS.glob("*.json")}
    draft = referencing.jsonschema.DRAFT4
    registry = referencing.Registry().with_resources((name, draft.create_resource(s)) for name, s in schemas.items())

    def check(name, content):
        validator = jsonschema.Draft4Validator(schemas[name], registry=registry)
        assert [error.message for error in validator.iter_errors(json.loads(content))] == []

    return check


def test_what_is_written_is_valid(validate, tmp_path):
    engine = Engine(tmp_path / "home")
    (tmp_path / "root.tar").write_bytes(gzip.compress(tar_of({"etc/x": b"x"})))
    engine.build(EVERYTHING, tags=("bread:1", "localhost/many/parts:tag"))
    engine.run("bread:1", name="fish1", script="echo > /tmp/x\n", user="root")
    engine.commit("fish1", "committed:1", message="a comment")
    engine.import_(tmp_path / "root.tar", "imported:1")
    engine.build("FROM imported:1\nCOPY <<EOF /y\ny\nEOF\n", tags=("mixed:1",))
    names = [image for image in engine.images() if image.layers]
    engine.save(*names, output=tmp_path / "out", format="oci-dir")
    engine.close()
    out = tmp_path / "out"
    validate("image-layout-schema.json", (out / "oci-layout").read_bytes())
    validate("image-index-schema.json", (out / "index.json").read_bytes())
    described = json.loads((out / "index.json").read_bytes())["manifests"]
    assert len({entry["digest"] for entry in described}) == len(names) == 5
    for entry in described:
        manifest = (out / "blobs" / entry["digest"].replace(":", "/")).read_bytes()
        validate("content-descriptor.json", json.dumps(entry))
        validate("image-manifest-schema.json", manifest)
        config = json.loads(manifest)["config"]
        validate("config-schema.json", (out / "blobs" / config["digest"].replace(":", "/")).read_bytes())


def test_the_check_finds_what_is_wrong(validate):
    with pytest.raises(AssertionError):
        validate("image-manifest-schema.json", b'{"schemaVersion": 2, "config": {}, "layers": [{"size": "1"}]}')
