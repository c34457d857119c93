"""Hosts whose mounts are shared, as systemd has them: nothing that a container mounts appears outside."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest

from tests.users import KINDS, make_user

SCRIPT = """
import json, os, sys
from pathlib import Path
from dockmagic.engine.engine import Engine
home = Path(sys.argv[1])
def mounts():
    return [line.split()[4] for line in open("/proc/self/mountinfo")]
before = mounts()
(home / "data/in").mkdir(parents=True)
(home / "data/in/file").write_text("here")
engine = Engine(home / "store")
engine.build("FROM localhost/base\\n", tags="a:1")
above = engine.run("a:1", script="ls /x/store | wc -l\\n", volumes=(f"{home}:/x",)).stdout
nested = engine.run("a:1", script="ls /data/in; echo v > /data/in/x\\n", volumes=(f"{home}/data:/data", "vol:/data/in")).stdout
build = engine.build("FROM a:1\\nRUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/c/t touch /c/x\\n", network="none").error
print(json.dumps([above, nested, [m for m in mounts() if m not in before], sorted(os.listdir(home / "data/in")), engine.session.store.check(), str(build)]))
engine.close()
"""


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_mounted_in_a_container_stays_there(tmp_path_factory, kind):
    user = make_user(kind, tmp_path_factory.mktemp("pytest-shared"))
    words = user.command((sys.executable, "-c", SCRIPT, str(user.home)), {})
    shared = "mount --make-rshared /"
    if kind == "root":
        words = ["unshare", "--mount", "sh", "-ec", f"{shared}; exec {shlex.join(words)}"]
    else:
        words[-1] = words[-1].replace("exec ", f"{shared}; exec ", 1)
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr

    assert json.loads(done.stdout.splitlines()[-1]) == ["0\n", "", [], ["file"], [], "None"]
