"""Kill, full disk, failing calls, other processes: nothing acknowledged is lost, and what is left over can be swept."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.store.making import open_store
from tests.users import make_user

REPOSITORY = Path(__file__).resolve().parent.parent.parent
WORK = Path(__file__).with_name("store_work.py")
ENV = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])])}
CALLS = ("fsync", "fdatasync", "syncfs", "rename", "renameat2", "unlink", "mkdir", "pwrite64", "fchmod", "ftruncate")
# pwrite64 is every page of the database: some of them tell as much as all.
STRIDE = {"pwrite64": 7, "unlink": 2, "fdatasync": 5, "fsync": 2}
# What is there when the verb has said that it is done.
PROMISED = {"build": "built:1", "load": "loaded:1", "commit": "committed:1"}


def work(home, verb, *words, prefix=(), **more):
    command = [*prefix, sys.executable, str(WORK), str(home), verb, *words]
    return subprocess.run(command, env=ENV, capture_output=True, text=True, timeout=120, check=False, **more)


@pytest.fixture
def home(tmp_path):
    """A store that holds an image called ``kept``."""
    assert work(tmp_path / "home", "kept").returncode == 0
    return tmp_path / "home"


@pytest.fixture
def littered(home):
    """The same with what a prune removes."""
    assert work(home, "litter").returncode == 0
    return home


@pytest.fixture
def fresh(request, home, tmp_path):
    """Makes a copy of that store."""
    if "verb" in request.fixturenames and request.getfixturevalue("verb") in {"commit", "prune"}:
        request.getfixturevalue("littered")

    def copy():
        target = tmp_path / "copy"
        if target.exists():
            shutil.rmtree(target)
        subprocess.run(["cp", "-a", home, target], check=True)
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


def strace(call, fault, number):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    return (
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        f"trace={call}",
        "-e",
        f"inject={call}:{fault}:when={number}",
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "call"),
    [
        *((verb, call) for verb in ("image", "load", "build", "commit", "save", "prune") for call in CALLS),
        ("save", "write"),
    ],
)
def test_a_kill_at_any_call_loses_nothing(fresh, verb, call):
    number = 1
    stride = STRIDE.get(call, 1) * (1 if verb in {"image", "load"} else 2)
    while True:
        home = fresh()
        done = work(home, verb, prefix=strace(call, "signal=KILL", number))
        if done.returncode == 0:
            break
        assert done.returncode in {-signal.SIGKILL, 128 + signal.SIGKILL}, done.stderr
        require_kept(home, verb, done.stdout)
        if number // stride % 3 == 0:
            # what was left does not stand in the way of doing the same again
            again = work(home, verb)
            assert again.returncode == 0, again.stderr
            require_kept(home, verb, again.stdout)
        require_whole(home)
        number += stride
    assert number < 400


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "fault"),
    [
        ("image", "error=ENOSPC"),
        ("image", "error=EIO"),
        ("image", "error=EROFS"),
        ("commit", "error=EIO"),
        ("prune", "error=ENOSPC"),
    ],
)
@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_fails_is_told_and_leaves_the_store_whole(fresh, verb, call, fault):
    number = 1
    while True:
        home = fresh()
        done = work(home, verb, prefix=strace(call, fault, number))
        if done.returncode == 0:
            break
        assert done.returncode == 3, done.stderr[-3000:]
        assert "Store" in done.stdout.splitlines()[-1], done.stdout
        require_whole(home)
        number += 3 * STRIDE.get(call, 1)
    assert number < 400


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
    assert open_store(home).check() == []
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
