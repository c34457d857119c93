"""Builds where the store lies on an overlay, as in a pod: writable layers are in memory, and end up on the disk."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile

import pytest

from dockmagic.sandbox.kernel import is_before
from tests.integration import denied_host
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
RUN rm /b && REPLACE && echo new > /d/new && rm /etc/nsswitch.conf
RUN --mount=from=localhost/base,target=/m,rw --mount=type=cache,target=/cache touch /m/x /cache/y
COPY --from=localhost/base /etc /e/
'''
engine = Engine(sys.argv[1])
build = engine.build(TEXT)
run = engine.run(build.image, name="kept", script="ls / /d /e; stat -c '%Y' /d; REMOVE; echo x > /x\\n")
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


def forgetful():
    """Memory keeps no attributes here, as before Linux 6.6: a directory of the image cannot be removed there."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        try:
            os.setxattr(file.name, "user.x", b"")
        except OSError:
            return True
    return False


@pytest.mark.parametrize(
    ("kind", "denied"),
    [("nosub", ()), ("stud", ()), ("nosub", ("renameat2=EINVAL",))],
    ids=["nosub", "stud", "as on NFS"],
)
def test_layers_made_in_memory_are_the_same_layers(tmp_path_factory, kind, denied):
    """A network file system has no overlay's writable layer either, and knows no flags of a rename."""
    user = make_user(kind, tmp_path_factory.mktemp("pytest-pod"))
    without, removed = ("rm /d/a", "rm /d/new") if forgetful() else ("rm -r /d && mkdir /d", "rm -r /d")
    script = SCRIPT.replace("REPLACE", without).replace("REMOVE", removed)
    plain = user.python(script, str(user.home / "plain"))
    assert plain.returncode == 0, plain.stderr
    argv = [sys.executable, "-c", script, str(user.home / "m/store")]
    command = user.command(tuple(denied_host.command(denied, argv) if denied else argv), {})
    command[-1] = ON_AN_OVERLAY.format(home=user.home) + command[-1]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    expected, found = (json.loads(each.stdout.splitlines()[-1]) for each in (plain, done))

    notes = found.pop("notes")
    assert any("kept in memory" in note for note in notes)
    assert any("memory keeps no attributes" in note for note in notes) == forgetful()
    # Linux 6.7 knows a deletion that an overlay's disk takes.
    assert any("is seen again" in note for note in notes) == is_before(os.uname().release, (6, 7))
    if is_before(os.uname().release, (6, 7)):
        found["run"] = [word for word in found["run"] if word in expected["run"]]
        expected["run"] = [word for word in expected["run"] if word in found["run"]]
    assert not any("kept in memory" in note for note in expected.pop("notes"))
    assert found == expected
    assert found["check"] == []
    gone = "/d/new" if forgetful() else "/d"
    assert found["committed"] == {gone: "D", "/x": "A"}
    assert (found["run"][-1], found["again"]) == ("315532800", "/d\n/x\n" if forgetful() else "/x\n")


GIVES_NOTHING_AWAY = """
import json, sys
from dockmagic.engine.engine import Engine
from dockmagic.errors import IsolationError
from dockmagic.sandbox.launched import LaunchedRuntime
there = LaunchedRuntime.call
def call(self, job, arguments, fds=()):
    if job == "mkdir" and arguments.get("owner") == [1, 1] and "single" not in arguments:
        raise PermissionError(1, "Operation not permitted")
    return there(self, job, arguments, fds)
LaunchedRuntime.call = call
engine = Engine(sys.argv[1])
try:
    run = engine.run("localhost/base", script="echo x > /f; chown 33:34 /f\\n", name="kept")
    found = [run.isolation.ids, list(run.isolation.notes), list(dict(engine.commit("kept").layers[-1].changes))]
except IsolationError as error:
    found = [error.message, error.operation, error.hint]
engine.close()
print(json.dumps(found))
"""


@pytest.mark.parametrize("kind", ["stud", "root"])
def test_a_disk_that_takes_no_files_of_other_owners_has_no_range_of_ids(tmp_path_factory, kind):
    """As NFS is; real root has no other scheme, and is refused."""
    user = make_user(kind, tmp_path_factory.mktemp("pytest-pod"))
    words = user.command((sys.executable, "-c", GIVES_NOTHING_AWAY, str(user.home / "m/store")), {})
    place = ON_AN_OVERLAY.format(home=user.home)
    if kind == "root":
        words = ["unshare", "--mount", "sh", "-ec", place + shlex.join(words)]
    else:
        words[-1] = place + words[-1]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    if kind == "root":
        assert found[:2] == ["the store's disk takes no files of other owners", "chown on the store's disk"]
        assert "DOCKMAGIC_HOME" in found[2]
    else:
        assert found[0] == "single"
        assert "no range of ids: the store's disk takes no files of other owners" in found[1]
        assert found[2] == ["/f"]


TRIAL = """
import os
from dockmagic.sandbox import launch
os.makedirs("trial/upper")
os.makedirs("trial/work")
os.mkdir("trial/work/work", 0)
launch._remove_trial("trial/upper", "trial/work")
print(os.listdir())
"""


def test_the_trial_of_a_host_is_removed_where_the_kernels_directory_cannot_be_looked_into(tmp_path_factory):
    user = make_user("nosub", tmp_path_factory.mktemp("pytest-pod"))
    (user.home / "place").mkdir(mode=0o777)
    (user.home / "place").chmod(0o777)
    done = user.python(f"import os; os.chdir({str(user.home / 'place')!r})" + TRIAL)
    assert done.stdout == "[]\n", done.stderr


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
