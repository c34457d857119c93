"""An image made of a container has the container's owners, also of what no attribute can be put on."""

from __future__ import annotations

import json

import pytest

from tests.users import KINDS, make_user

SCRIPT = """
import json, tarfile
from dockmagic.engine.engine import Engine
engine = Engine()
script = "cd /tmp; touch f; ln -s f l; mkfifo p; chown -h 1000:1001 f l; chown 7:8 p"
engine.run("localhost/base", name="fish", script=script)
committed = engine.commit("fish")
with open("layer.tar", "w+b") as file:
    engine.session.store.layers.pack(committed.layers[-1].diff_id, file.fileno())
    file.seek(0)
    print(json.dumps({m.name: [m.uid, m.gid] for m in tarfile.open(fileobj=file)}))
engine.close()
"""


@pytest.mark.parametrize("kind", KINDS)
def test_links_and_pipes_keep_their_owners_in_a_commit(tmp_path, kind):
    done = make_user(kind, tmp_path).python(f"import os; os.chdir(os.environ['HOME'])\n{SCRIPT}")
    assert done.returncode == 0, done.stderr[-3000:]
    owners = json.loads(done.stdout.splitlines()[-1])
    assert {name: owners[f"tmp/{name}"] for name in "flp"} == {"f": [1000, 1001], "l": [1000, 1001], "p": [7, 8]}
