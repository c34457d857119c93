"""A course's images in a store that everybody reads and nobody but the teacher writes, for users with the same ids and with others."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.users import make_user

TEACHER = """
from dockmagic import Engine
engine = Engine()
built = engine.build("FROM localhost/base\\nRUN echo lesson > /note; chmod 640 /note; mkdir -m 700 /own; chown 33:33 /own\\n", tags=("lesson:1",))
assert built.error is None, built.error
engine.share()
print([str(damage) for damage in engine.fsck()])
engine.close()
"""

STUDENT = """
import json, os
from dockmagic import Engine
engine = Engine()
script = "cat /note; echo mine >> /note; rm -r /own; tail -n1 /note; echo x > /bin/new; find / -xdev | wc -l > /dev/null\\n"
listed = {name: image.shared for image in engine.images() for name in image.tags}
run = engine.run("lesson:1", script=script)
built = engine.build("FROM lesson:1\\nRUN cat /note > /copied; echo more > /more\\n", tags=("own:1",))
assert built.error is None, built.error
again = engine.run("own:1", script="cat /copied /more\\n")
told = {
    "listed": listed, "run": run.stdout, "again": again.stdout, "removed": [],
    "changes": run.changes["/note"], "fsck": [f"{d.path} {d.words}" for d in engine.fsck()],
    "sizes": {usage.kind: usage.size for usage in engine.df()},
}
try:
    engine.rmi("lesson:1")
except Exception as error:
    told["refused"] = str(error).splitlines()[0]
engine.prune()
told["still"] = engine.run("lesson:1", script="cat /note\\n").stdout
store = engine.session.store
trees = [store.layers.snapshot(d) for d in store.images.get(store.images.resolve("lesson:1")).diff_ids]
root = os.path.join(store.path, "roots", store._layout.scheme)
told["links"] = [os.path.islink(os.path.join(root, tree)) for tree in trees]
blobs = [os.path.join(store.path, "blobs/sha256", name) for name in os.listdir(store.path / "blobs/sha256")]
told["blobs"] = sum(os.lstat(blob).st_size for blob in blobs if not os.path.islink(blob))
print(json.dumps(told))
engine.close()
"""


def read_only(course, user, script, **env):
    """Run a script as a user to whom the course's directory is mounted read-only."""
    mounted = f'mount --bind {course} {course}; mount -o remount,ro,bind {course}; exec "$@"'
    inner = user.command((sys.executable, "-c", script), {"DOCKMAGIC_SHARED": str(course), **env})
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", mounted, "sh", *inner]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def teach(user, course):
    done = user.python(TEACHER, timeout=300, DOCKMAGIC_HOME=str(course))
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == "[]\n"


def listing(path):
    """What stands below a directory, by name, kind and time of the last change of the inode."""
    return sorted((str(p), p.lstat().st_mode, p.lstat().st_ctime_ns) for p in path.rglob("*"))


def require_right(told):
    assert told["listed"] == {"localhost/base:latest": True, "lesson:1": True}
    assert told["run"] == "lesson\nmine\n"
    assert told["again"] == "lesson\nmore\n"
    assert told["changes"] == "C"
    assert told["fsck"] == []
    assert told["refused"] == "image lesson:1 is in a shared store"
    assert told["still"] == "lesson\n"
    assert told["sizes"]["shared images"] > 1_000_000
    assert told["sizes"]["images"] < 100
    assert told["blobs"] < 20_000


@pytest.fixture
def place(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root makes a store for other users, and mounts it")
    for directory in (tmp_path, tmp_path.parent):
        directory.chmod(0o755)
    (tmp_path / "srv").mkdir(mode=0o755)
    return tmp_path / "srv"


@pytest.mark.slow
def test_users_with_the_same_ids_run_and_build_on_the_shared_trees_themselves(place, tmp_path):
    teacher, student = make_user("nosub", tmp_path / "a"), make_user("nosub", tmp_path / "b")
    os.chown(place, 1002, 1002)
    teach(teacher, place / "course")
    (place / "course").chmod(0o555)
    before = listing(place)
    told = read_only(place / "course", student, STUDENT)
    require_right(told)
    assert told["links"] == [True, True]
    assert listing(place) == before


@pytest.mark.slow
def test_root_shares_with_root_the_trees_themselves(place, tmp_path):
    teach(make_user("root", tmp_path / "a"), place / "course")
    told = read_only(place / "course", make_user("root", tmp_path / "b"), STUDENT)
    require_right(told)
    assert told["links"] == [True, True]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["stud", "nosub"])
def test_users_with_other_ids_make_their_own_trees_of_the_shared_blobs(place, tmp_path, kind):
    student = make_user(kind, tmp_path / "b")
    teach(make_user("root", tmp_path / "a"), place / "course")
    before = listing(place)
    told = read_only(place / "course", student, STUDENT)
    require_right(told)
    assert told["links"] == [False, False]
    assert listing(place) == before


def test_a_broken_shared_store_is_named_and_the_rest_works(place, tmp_path):
    teach(make_user("root", tmp_path / "a"), place / "course")
    (place / "course" / "db.sqlite").write_bytes(b"<html>" * 200)
    script = """
import json
from dockmagic import Engine
engine = Engine()
built = engine.build("FROM localhost/base\\nCOPY <<EOF /x\\nx\\nEOF\\n", tags=("own:1",))
told = {"own": engine.run("own:1", script="cat /x\\n").stdout}
try:
    engine.run("lesson:1", script="true\\n")
except Exception as error:
    told["error"], told["detail"] = str(error).splitlines()[0], error.detail.splitlines()[0]
told["doctor"] = [(f.ok, f.detail.partition(": ")[2]) for f in engine.doctor() if f.name == "shared store"]
told["fsck"] = [d.words for d in engine.fsck()]
print(json.dumps(told))
engine.close()
"""
    told = read_only(place / "course", make_user("nosub", tmp_path / "b"), script)
    assert told == {
        "own": "x\n",
        "error": "image not found: lesson:1",
        "detail": "the store's database is damaged",
        "doctor": [[False, "the store's database is damaged"]],
        "fsck": ["the store's database is damaged"],
    }
