"""Kill, full disk, failing calls, other processes: nothing acknowledged is lost, and what is left over can be swept."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dockmagic.testing import FakeRegistry
from tests.integration.killing import ENV, Forge, spread
from tests.integration.registry_making import put, put_index
from tests.unit.store.making import open_store
from tests.users import make_user

WORK = Path(__file__).with_name("store_work.py")
# How many calls of each verb are tried: those of the nine verbs together are more than 200.
MOST = 30
# What is there when the verb has said that it is done.
PROMISED = {"build": "built:1", "load": "loaded:1", "commit": "committed:1"}
VERBS = ("image", "load", "build", "commit", "save", "prune", "pull", "whole", "push")


def work(home, verb, *words, **more):
    command = [sys.executable, str(WORK), str(home), verb, *words]
    return subprocess.run(command, env=ENV, capture_output=True, text=True, timeout=120, check=False, **more)


@pytest.fixture
def home(tmp_path):
    """A store that holds an image called ``kept``."""
    assert work(tmp_path / "home", "kept").returncode == 0
    return tmp_path / "home"


@pytest.fixture(scope="module")
def forge():
    made = Forge()
    yield made
    made.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """In memory where that is allowed: what is tried is the order of calls, and nothing has to wait for a disk."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path_factory.mktemp("stores")
        return
    with tempfile.TemporaryDirectory(dir=memory) as directory:
        yield Path(directory)


@pytest.fixture(scope="module")
def stores(forge, place):
    """A store that holds an image called ``kept``, and one that also holds what a prune removes."""
    assert forge.run(place / "kept", "kept").code == 0
    subprocess.run(["cp", "-a", place / "kept", place / "littered"], check=True)
    assert forge.run(place / "littered", "litter").code == 0
    return place


@pytest.fixture
def fresh(stores):
    """Makes a copy of the store that a verb begins with."""

    def copy(verb):
        target = stores / "copy" / "home"
        if target.exists():
            shutil.rmtree(target.parent)
        target.parent.mkdir()
        source = stores / ("littered" if verb in {"commit", "prune"} else "kept")
        subprocess.run(["cp", "-a", source, target], check=True)
        return target

    return copy


def require_whole(home):
    """The image is complete; what was left over can be swept; everything works."""
    store = open_store(home)
    store.leases.sweep()
    assert store.check() == []
    image = store.images.get(store.images.resolve("kept"))
    trees = [home / "roots/range-0" / store.layers.snapshot(diff_id) for diff_id in image.diff_ids]
    assert (trees[0] / "etc/x").read_bytes() == b"x" * 3000
    assert (trees[1] / "a").read_bytes() == b"built"


def require_kept(home, verb, said):
    """What was acknowledged is there, and an archive is whole or not there at all."""
    if "acknowledged" in said and verb in PROMISED:
        assert open_store(home).images.resolve(PROMISED[verb]) is not None
    archive = home.with_suffix(".tar")
    assert archive.exists() or verb != "save" or "acknowledged" not in said
    if archive.exists():
        assert len(open_store(home).archive.load(archive)) == 1
        archive.unlink()


@pytest.fixture
def registry():
    with FakeRegistry() as made:
        yield made


def operands(registry, verb):
    """What the verb is called with; the registry is as at the beginning."""
    registry.blobs.clear()
    registry.manifests.clear()
    if verb == "pull":
        put(registry, count=2, size=40_000)
    if verb == "whole":
        put_index(registry)
    name = f"{registry.address}/team/bread:1"
    return {"pull": [name], "whole": [name], "push": [f"{registry.address}/own:1"]}.get(verb, [])


def require_pushed(registry):
    """Everything that the manifest names is there; the fake registry compares digests itself."""
    _, content = registry.manifests["own"]["1"]
    manifest = json.loads(content)
    assert {part["digest"] for part in (manifest["config"], *manifest["layers"])} <= registry.blobs["own"].keys()


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
def test_a_kill_at_any_call_loses_nothing(forge, fresh, registry, verb):
    killed = 0
    for point in spread(forge.points(fresh(verb), verb, *operands(registry, verb)), MOST):
        words, home = operands(registry, verb), fresh(verb)
        done = forge.killed(point, home, verb, *words)
        assert done.code in {0, -signal.SIGKILL}, done
        killed += done.code != 0
        # nothing is damaged, and what was acknowledged is there
        assert {problem.kind for problem in open_store(home).problems()} <= {"left over"}, point
        require_kept(home, verb, done.said)
        # what was left does not stand in the way of doing the same again
        again = forge.run(home, verb, *words)
        assert again.code == 0, (point, again)
        assert "acknowledged" in again.said
        require_kept(home, verb, again.said)
        require_whole(home)
        if verb == "push":
            require_pushed(registry)
    # threads do not make their calls in the same order each time, so a few may come too late
    assert killed >= min(MOST, 20) * 0.8


@pytest.mark.slow
@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EROFS"])
@pytest.mark.parametrize("verb", ["image", "build", "commit", "pull", "prune"])
def test_a_call_that_fails_is_told_and_leaves_the_store_whole(forge, fresh, registry, verb, error):
    points = forge.points(fresh(verb), verb, *operands(registry, verb))
    told = 0
    for point in spread([point for point in points if point.call != "sendto"], 12):
        words, home = operands(registry, verb), fresh(verb)
        done = forge.injected(f"{point.call}:error={error}:when={point.number}", home, verb, *words)
        assert done.code in {0, 3}, (point, done)
        if done.code:
            assert "Store" in done.said.splitlines()[-1], (point, done)
            told += 1
        require_whole(home)
    assert told > 2


def on_small_disk(tmp_path, options, script):
    """Run a Python script whose argument is a home on a small file system of its own."""
    (tmp_path / "disk").mkdir()
    mounted = f'mount -t tmpfs -o {options},mode=755 tmpfs {tmp_path}/disk; exec "$@"'
    command = ["unshare", "-m", "--propagation", "private", "sh", "-ec", mounted, "sh", sys.executable, "-c", script]
    done = subprocess.run(
        [*command, str(tmp_path / "disk" / "home")], env=ENV, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


FULL = """
import os, sys
from pathlib import Path
from dockmagic.errors import StoreFullError
from tests.unit.store.making import EPOCH, add_image, build_upper, open_store

home = Path(sys.argv[1])
store = open_store(home)
add_image(store, {"a": b"a" * 1000}, name="kept")
spare = add_image(store, {"b": b"b" * 100_000}, name="spare")


def tell(verb):
    try:
        verb()
        print("no error")
    except StoreFullError as error:
        print(str(error).splitlines()[0])


def stuff(step):
    with open(home.parent / "stuffing", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(step))
        except OSError:
            pass


def adopt():
    with store.scratch() as directory:
        upper = build_upper(store, directory, {f"{i:0200}": b"" for i in range(100)})
        stuff(4096)
        store.layers.adopt(upper, lowers=(), epoch=EPOCH)


tell(lambda: add_image(store, {"big": os.urandom(30_000_000)}))
tell(lambda: store.blobs.put(os.urandom(30_000_000)))
tell(adopt)
print(store.check())
store.images.delete(spare)
store.leases.sweep()
print(store.check(), store.images.resolve("kept") is not None)
(home.parent / "stuffing").unlink()
add_image(store, {"c": b"c" * 50_000}, name="after")
print(store.check())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small file system")
def test_a_full_disk_is_told_and_can_be_cleared(tmp_path):
    lines = on_small_disk(tmp_path, "size=16m", FULL)
    assert lines == ["the store is full"] * 3 + ["[]", "[] True", "[]"]


VERBS_ON_A_FULL_DISK = """
import os, sys
from pathlib import Path
from dockmagic.errors import DockmagicError
from dockmagic.testing import FakeRegistry
from tests.integration import store_work
from tests.integration.registry_making import put
from tests.unit.store.making import open_store

home = Path(sys.argv[1])
store_work.say = lambda line: None
store_work.kept(open_store(home))
store_work.litter(open_store(home))
stuffing = home.parent / "stuffing"


def build(store):
    text = "FROM kept\\nCOPY <<EOF /copied\\n" + "text " * 4000 + "\\nEOF\\nWORKDIR /new/dir\\n"
    built = store_work.engine_of(store).build(text, tags=("built:1",))
    if built.error is not None:
        raise built.error.__cause__ or built.error


store_work.VERBS["build"] = build


def leave(room):
    with open(stuffing, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65536))
        except OSError:
            pass
        file.truncate(max(0, file.tell() - room))


with FakeRegistry() as registry:
    put(registry, count=2, size=60_000)
    pulled = f"{registry.address}/team/bread:1"
    for verb, promise in (("pull", pulled), ("load", "loaded:1"), ("build", "built:1"), ("commit", "committed:1"), ("save", "kept")):
        words = [pulled] if verb == "pull" else []
        errors = set()
        for room in (0, 4096, 12288, 40960, 90112):
            leave(room)
            try:
                store_work.VERBS[verb](open_store(home), *words)
                break
            except DockmagicError as error:
                errors.add(f"{type(error).__name__}: {error.message}")
            finally:
                stuffing.unlink()
            store = open_store(home)
            store.leases.sweep()
            assert store.check() == [], (verb, room, store.check())
            assert verb == "save" or store.images.resolve(promise) is None, (verb, room)
        store_work.VERBS[verb](open_store(home), *words)
        assert open_store(home).images.resolve(promise) is not None
        print(verb, *sorted(errors))
print(open_store(home).check(), home.with_suffix(".tar").stat().st_size > 3000)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small file system")
def test_verbs_on_a_full_disk_say_so_change_nothing_and_succeed_when_there_is_room(tmp_path):
    lines = on_small_disk(tmp_path, "size=8m", VERBS_ON_A_FULL_DISK)
    told = "StoreFullError: the store is full"
    assert lines == [
        *(f"{verb} {told}" for verb in ("pull", "load", "build", "commit")),
        "save ArchiveError: the archive cannot be written",
        "[] True",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small file system")
def test_no_inodes_left_is_told_and_can_be_cleared(tmp_path):
    script = """
import sys
from pathlib import Path
from dockmagic.errors import StoreFullError
from tests.unit.store.making import add_image, open_store
store = open_store(Path(sys.argv[1]))
add_image(store, {"a": b"a"}, name="kept")
try:
    add_image(store, {f"f{i}": b"" for i in range(500)})
except StoreFullError as error:
    print(error)
print(store.check())
add_image(store, {"b": b"b"})
print(store.check())
"""
    lines = on_small_disk(tmp_path, "size=20m,nr_inodes=120", script)
    assert lines[0] == "the store is full"
    assert lines[2:] == ["[]", "[]"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_a_read_only_store_can_be_read(home):
    script = """
import sys
from pathlib import Path
from dockmagic.errors import StoreError
from tests.unit.store.making import adopt, open_store, tar_of
home = Path(sys.argv[1])
store = open_store(home)
image = store.images.get(store.images.resolve("kept"))
print([(home / "roots/range-0" / store.layers.snapshot(d)).is_dir() for d in image.diff_ids], store.check())
for verb in (lambda: store.layers.add_tar(tar_of({"x": b""})), lambda: store.images.tag("other", image.id),
             lambda: store.blobs.put(b"x"), store.cache.clear):
    try:
        verb()
    except StoreError as error:
        print(str(error).replace("\\n", " | "))
"""
    mounted = f'mount --bind {home} {home}; mount -o remount,ro,bind {home}; exec "$@"'
    command = [
        "unshare",
        "-m",
        "--propagation",
        "private",
        "sh",
        "-ec",
        mounted,
        "sh",
        sys.executable,
        "-c",
        script,
        home,
    ]
    done = subprocess.run(command, env=ENV, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = done.stdout.splitlines()
    assert lines[0] == "[True, True] []"
    assert len(lines) == 5
    assert all("DOCKMAGIC_HOME" in line and str(home) not in line for line in lines[1:])


def test_another_users_store_is_told(home, tmp_path):
    user = make_user("stud", tmp_path / "user")
    script = (
        "import sys\nfrom pathlib import Path\nfrom dockmagic.errors import StoreError\n"
        "from tests.unit.store.making import open_store\n"
        "try: open_store(Path(sys.argv[1]))\nexcept StoreError as error: print(error)\n"
    )
    for directory in (home, tmp_path / "user" / "closed" / "home"):
        directory.parent.mkdir(exist_ok=True)
        done = user.python(script, str(directory))
        assert "DOCKMAGIC_HOME" in done.stdout, done.stderr
        assert str(tmp_path) not in done.stdout


@pytest.mark.parametrize("limit", [1000, 60_000])
def test_a_limit_of_file_sizes_leaves_the_store_whole(home, limit):
    done = work(home, "image", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith("StoreError")
    require_whole(home)


def test_several_processes_at_once_lose_nothing(home):
    processes = [
        subprocess.Popen([sys.executable, WORK, home, "churn", str(seed)], env=ENV, stderr=subprocess.PIPE, text=True)
        for seed in range(6)
    ]
    for process in processes:
        _, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
    store = open_store(home)
    store.leases.sweep()  # an image whose layer went meanwhile was refused, and may have been the last to leave blobs
    assert store.check() == []
    require_whole(home)


def test_several_processes_may_make_the_store(tmp_path):
    processes = [
        subprocess.Popen([sys.executable, WORK, tmp_path / "new", "kept"], env=ENV, stderr=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    for process in processes:
        _, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
    require_whole(tmp_path / "new")
    assert len(open_store(tmp_path / "new").images.list()) == 1


def test_processes_killed_at_work_do_not_stand_in_the_way(home):
    for round_ in range(4):
        processes = [subprocess.Popen([sys.executable, WORK, home, "churn", str(seed)], env=ENV) for seed in range(4)]
        with contextlib.suppress(subprocess.TimeoutExpired):
            processes[0].wait(timeout=1.0 + round_ / 5)
        for process in processes:
            process.kill()
            process.wait()
        require_whole(home)
