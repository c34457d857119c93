"""Builds where the store lies on an overlay, as in a pod: writable layers are in memory, and end up on the disk."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.users import make_user

ON_AN_OVERLAY = """mkdir -p {home}/l {home}/u {home}/w {home}/m
mount -t overlay -o lowerdir={home}/l,upperdir={home}/u,workdir={home}/w overlay {home}/m
chmod 777 {home}/m
"""

SCRIPT = """
import json, sys
from dockmagic.engine.engine import Engine

TEXT = '''FROM localhost/base
RUN mkdir /d && echo a > /d/a && echo b > /b && ln /b /c && chown 33:34 /b
RUN rm /b && rm -r /d && mkdir /d && echo new > /d/new && rm /etc/nsswitch.conf
RUN --mount=from=localhost/base,target=/m,rw --mount=type=cache,target=/cache touch /m/x /cache/y
COPY --from=localhost/base /etc /e/
'''
engine = Engine(sys.argv[1])
build = engine.build(TEXT)
run = engine.run(build.image, name="kept", script="ls / /d /e; stat -c '%Y' /d; rm -r /d; echo x > /x\\n")
committed = engine.commit("kept")
again = engine.run(committed, script="ls -d /d /x\\n")
print(json.dumps({
    "id": build.image.id,
    "layers": [layer.diff_id for layer in build.image.layers[1:]],
    "committed": dict(committed.layers[-1].changes),
    "run": run.stdout.split(),
    "again": again.stdout,
    "notes": list(run.isolation.notes),
    "check": engine.session.store.check(),
}))
engine.close()
"""


@pytest.mark.parametrize("kind", ["nosub", "stud"])
def test_layers_made_in_memory_are_the_same_layers(tmp_path_factory, kind):
    user = make_user(kind, tmp_path_factory.mktemp("pytest-pod"))
    plain = user.python(SCRIPT, str(user.home / "plain"))
    assert plain.returncode == 0, plain.stderr
    command = user.command((sys.executable, "-c", SCRIPT, str(user.home / "m/store")), {})
    command[-1] = ON_AN_OVERLAY.format(home=user.home) + command[-1]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    expected, found = (json.loads(each.stdout.splitlines()[-1]) for each in (plain, done))

    assert any("kept in memory" in note for note in found.pop("notes"))
    assert not any("kept in memory" in note for note in expected.pop("notes"))
    assert found == expected
    assert found["check"] == []
    assert found["committed"] == {"/d": "D", "/x": "A"}
    assert (found["run"][-1], found["again"]) == ("315532800", "/x\n")


LIFE = """
import json, sys
from dockmagic.engine.engine import Engine
engine = Engine(sys.argv[1])
run = engine.run("localhost/base", name="alive", script="echo first > /first; sleep 60\\n", background=True)
seen = engine.exec("alive", script="while ! test -e /first; do sleep 0.1; done; cat /first; chown 33:34 /first; echo second > /second\\n")
changes = dict(engine.inspect("alive").changes)
engine.rm("alive", force=True)
print(json.dumps([seen.exit_code, seen.stdout, changes, engine.session.store.check()]))
engine.close()
"""


@pytest.mark.parametrize("kind", ["nosub", "stud"])
def test_a_living_container_in_memory_can_be_entered(tmp_path_factory, kind):
    user = make_user(kind, tmp_path_factory.mktemp("pytest-pod"))
    command = user.command((sys.executable, "-c", LIFE, str(user.home / "m/store")), {})
    command[-1] = ON_AN_OVERLAY.format(home=user.home) + command[-1]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    code, printed, changes, problems = json.loads(done.stdout.splitlines()[-1])
    assert (code, printed, problems) == (0, "first\n", [])
    assert changes == {"/first": "A", "/second": "A"}
