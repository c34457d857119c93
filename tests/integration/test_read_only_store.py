"""A store on a read-only file system: everything that only looks works, everything else says why it does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.users import make_user

MAKE = """
from dockmagic import Engine
engine = Engine()
built = engine.build("FROM localhost/base\\nRUN echo x > /x\\n", tags=("a:1", "also:1"))
assert built.error is None, built.error
engine.run("a:1", script="echo y > /y\\n", name="fish")
engine.close()
"""

LOOK = """
import json, sys
from dockmagic import Engine
from dockmagic.errors import DockmagicError
engine, archive = Engine(), sys.argv[1]
told = {
    "images": sorted(name for image in engine.images() for name in image.tags),
    "ps": [container.name for container in engine.ps(all=True)],
    "diff": dict(engine.diff("fish").changes),
    "files": sorted(file.path for file in engine.files("fish") if file.path in {"/x", "/y"}),
    "read": engine.read("a:1", "/x").data.decode(),
    "df": {usage.kind: usage.total for usage in engine.df()}["images"],
    "fsck": [f"{damage.path} {damage.words}" for damage in engine.fsck()],
    "would": [gone.kind for gone in engine.prune(dry_run=True)],
    "saved": [image.tags[0] for image in engine.save("a:1", output=archive)],
}
refused = {
    "run": lambda: engine.run("a:1", script="true\\n"),
    "build": lambda: engine.build("FROM a:1\\nCOPY <<EOF /z\\nz\\nEOF\\n"),
    "load": lambda: engine.load(archive),
    "tag": lambda: engine.tag("a:1", "b:1"),
    "rmi": lambda: engine.rmi("also:1"),
    "rm": lambda: engine.rm("fish"),
    "commit": lambda: engine.commit("fish", "c:1"),
    "prune": lambda: engine.prune(),
}
for verb, refuse in refused.items():
    try:
        refuse()
    except DockmagicError as error:
        told[verb] = str(error)
print(json.dumps(told))
engine.close()
"""


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
@pytest.mark.parametrize("kind", ["root", "nosub"])
def test_what_only_looks_works_and_the_rest_says_why_not(tmp_path, kind):
    user = make_user(kind, tmp_path)
    done = user.python(MAKE, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    home = user.home / "store"
    mounted = f'mount --bind {home} {home}; mount -o remount,ro,bind {home}; exec "$@"'
    words = user.command((sys.executable, "-c", LOOK, str(user.home / "saved.tar")), {})
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", mounted, "sh", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    refusal = "the store cannot be written\nset DOCKMAGIC_HOME to a directory that you can write"
    refused = dict.fromkeys(("run", "build", "load", "tag", "rmi", "rm", "commit", "prune"), refusal)
    assert told == {
        "images": ["a:1", "also:1", "localhost/base:latest"],
        "ps": ["fish"],
        "diff": {"/y": "A"},
        "files": ["/x", "/y"],
        "read": "x\n",
        "df": 2,
        "fsck": [],
        "would": ["container", "build cache"],
        "saved": ["a:1"],
        **refused,
    }
