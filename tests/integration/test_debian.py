"""A real Debian, with a real package manager, as each kind of user."""

from __future__ import annotations

import json

import pytest

from tests.users import KINDS, NESTED, make_user

BUILD = """
import io, json, os, sys, tarfile
from dockmagic.engine.engine import Engine

DOCKERFILE = '''FROM debian:minbase
RUN apt-get update && apt-get install -y --no-install-recommends hello
RUN useradd -m bob && echo hi > /home/bob/x && chown bob:bob /home/bob/x
USER bob
CMD ["sh", "-c", "id -un && id -u && hello && cat /home/bob/x && test -w /home/bob/x && echo mine"]
'''

engine = Engine()
engine.import_(sys.argv[1], "debian:minbase")
build = engine.build(DOCKERFILE, tags=("hello",))
run = engine.run("hello")
again = engine.build(DOCKERFILE)
read, write = os.pipe()
last = build.image.layers[-1].diff_id
with open("layer.tar", "w+b") as file:
    engine.session.store.layers.pack(last, file.fileno())
    file.seek(0)
    owners = {m.name: [m.uid, m.gid, m.uname] for m in tarfile.open(fileobj=file)}
print(json.dumps({
    "exit": run.exit_code,
    "stdout": run.stdout,
    "stderr": run.stderr,
    "owners": {k: v for k, v in owners.items() if k.startswith("home/bob")},
    "cached": [s.cached for s in again.steps],
    "same": again.image.id == build.image.id,
    "tier": [run.isolation.tier, run.isolation.ids],
    "problems": engine.session.store.check(),
    "bob_layer": last,
}))
engine.close()
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", [*KINDS, NESTED])
def test_apt_and_useradd_work_and_the_layer_says_that_bob_owns_his_file(kind, minbase, tmp_path):
    user = make_user(kind, tmp_path)
    done = user.python(f"import os; os.chdir(os.environ['HOME'])\n{BUILD}", str(minbase), timeout=800)
    assert done.returncode == 0, done.stderr[-4000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["exit"] == 0, result
    assert result["stdout"].splitlines() == ["bob", "1000", "Hello, world!", "hi", "mine"]
    assert result["owners"]["home/bob/x"] == [1000, 1000, ""]
    assert result["owners"]["home/bob"][:2] == [1000, 1000]
    assert result["cached"] == [True, True]
    assert result["same"]
    assert result["problems"] == []
    assert result["tier"][1] == ("single" if kind == "nosub" else "range")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_dockerfile_on_one_base_gives_one_layer_whoever_builds(minbase, tmp_path):
    script = (
        BUILD.replace("RUN apt-get update && apt-get install -y --no-install-recommends hello\n", "")
        .replace(
            "useradd -m bob",
            "echo 'bob:x:1000:1000::/home/bob:/bin/sh' >> /etc/passwd && mkdir /home/bob && chown 1000:1000 /home/bob",
        )
        .replace("chown bob:bob", "chown bob:1000")
        .replace("hello && ", "")
    )
    layers = set()
    for kind in KINDS:
        user = make_user(kind, tmp_path)
        done = user.python(f"import os; os.chdir(os.environ['HOME'])\n{script}", str(minbase), timeout=300)
        assert done.returncode == 0, done.stderr[-4000:]
        layers.add(json.loads(done.stdout.splitlines()[-1])["bob_layer"])
    assert len(layers) == 1
