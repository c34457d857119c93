"""What a container may use, held by whatever this host has; ``test_sandbox_users`` runs it as other users."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from dockmagic.errors import UsageError
from dockmagic.sandbox import cgroups, identity, watch
from dockmagic.sandbox.spec import Limits, Mount
from tests.integration import limit_modes
from tests.integration.box import BUSYBOX, PATIENCE, Box

pytestmark = pytest.mark.skipif(not Path(BUSYBOX).exists(), reason="needs busybox-static")

MiB = 1 << 20
# It takes memory until something ends it: each turn doubles a string of the shell.
HOG = "x=0123456789abcdef; while :; do x=$x$x; done"
BOMB = "f() { f | f & }; f; wait; sleep 200"


@pytest.fixture(scope="module", params=limit_modes.modes())
def mode(request):
    return request.param


@pytest.fixture(scope="module")
def box(mode, tmp_path_factory):
    place = tmp_path_factory.mktemp("limits")
    with limit_modes.held_by(mode, place):
        found = Box(place / "store")
        found.mode = mode
        yield found
        server = found.runtime._server._process.pid
        found.close()
    assert without_groups(server)


def groups(server):
    """The control groups that a launch server has made for itself."""
    ours = f"{cgroups.PREFIX}{identity.pid_namespace(os.getpid())[1]}-{server}-"
    parents = {Path(parent) for _, parent in cgroups.parents().values()}
    return [path for parent in parents for path in parent.iterdir() if path.name.startswith(ours)]


def without_groups(server):
    end = time.monotonic() + PATIENCE
    while groups(server) and time.monotonic() < end:
        time.sleep(0.02)
    return not groups(server)


def by(box, kind):
    """What should hold it here."""
    return limit_modes.parents(box.mode).get(kind, ("watchdog",))[0]


def test_a_memory_hog_is_ended_and_says_so(box):
    done = box.sh(HOG, limits=Limits(memory=64 * MiB))
    assert (done.end.stopped, done.end.limits["memory"]) == ("memory limit", by(box, "memory"))
    assert done.end.code == 137
    assert any("--memory" in note for note in done.end.notes) == (done.end.limits["memory"] == "watchdog")


def test_a_hog_that_is_not_the_first_process_ends_the_container_too(box):
    done = box.sh(f"({HOG}); sleep 20; echo after", limits=Limits(memory=64 * MiB))
    assert done.end.stopped == "memory limit"
    assert "after" not in done.output


def test_many_small_processes_count_together(box):
    script = "for i in 1 2 3 4 5 6 7 8; do sh -c 'x=$(head -c 12000000 /dev/zero | tr \"\\0\" x); sleep 200; true' & done; sleep 200"
    assert box.sh(script, limits=Limits(memory=64 * MiB)).end.stopped == "memory limit"


def test_files_in_shared_memory_count(box):
    limits = Limits(memory=32 * MiB, shm=128 * MiB)
    for place in ("/dev/shm/x", "/dev/x"):
        assert box.sh(f"cat /dev/zero > {place}; sleep 6000", limits=limits).end.stopped == "memory limit"


def test_files_in_any_memory_count(box):
    done = box.sh(
        "cat /dev/zero > /mine/x; sleep 200",
        limits=Limits(memory=32 * MiB),
        mounts=(Mount(kind="tmpfs", target="/mine", read_only=False, size=128 * MiB),),
    )
    assert done.end.stopped == "memory limit"


def test_slow_growth_meets_the_limit_too(box):
    script = "y=$(head -c 1000000 /dev/zero | tr '\\0' y); while :; do x=$x$y; sleep 0.02; done"
    assert box.sh(script, limits=Limits(memory=48 * MiB)).end.stopped == "memory limit"


def test_below_the_memory_limit_nothing_happens(box):
    done = box.sh("x=$(head -c 10000000 /dev/zero | tr '\\0' x); sleep 0.3; echo ${#x}", limits=Limits(memory=96 * MiB))
    assert (done.output, done.end.stopped, done.end.code) == ("10000000\n", "", 0)


def test_a_fork_bomb_meets_the_limit(box):
    done = box.sh(BOMB, limits=Limits(pids=100))
    assert (done.end.stopped, done.end.limits["pids"]) == ("pids limit", by(box, "pids"))


def test_a_loop_that_starts_processes_meets_the_default_limit(box):
    done = box.sh("while :; do sleep 20 & done")
    assert done.end.stopped == "pids limit"


def test_below_the_pids_limit_nothing_happens(box):
    done = box.sh("for i in $(seq 50); do sleep 0.2 & done; wait; echo well", limits=Limits(pids=100))
    assert (done.output, done.end.stopped) == ("well\n", "")


def test_a_limit_of_none_is_none(box):
    done = box.sh("for i in $(seq 600); do sleep 0.5 & done; wait; echo well", limits=Limits(pids=0))
    assert done.output == "well\n"
    assert "pids" not in done.end.limits


def test_a_disk_filler_is_ended(box):
    done = box.sh("cat /dev/zero > /big; sleep 20", limits=Limits(disk=50 * MiB))
    assert (done.end.stopped, done.end.limits["disk"]) == ("disk limit", "watchdog")
    assert (box.upper() / "big").stat().st_size <= (50 + 64) * MiB


def test_many_files_fill_the_disk_too(box):
    script = "i=0; while :; do i=$((i+1)); mkdir /d$i; for j in $(seq 200); do : > /d$i/$j; done; done"
    assert box.sh(script, limits=Limits(disk=4 * MiB)).end.stopped == "disk limit"


def test_a_disk_filler_that_ends_at_once_is_seen(box):
    done = box.sh("head -c 30000000 /dev/zero > /big", limits=Limits(disk=10 * MiB))
    assert done.end.stopped == "disk limit"


def test_below_the_disk_limit_nothing_happens(box):
    done = box.sh("head -c 3000000 /dev/zero > /big; ln /big /other; sleep 0.3; echo well", limits=Limits(disk=5 * MiB))
    assert (done.output, done.end.stopped) == ("well\n", "")


def test_the_processors_are_held(box):
    done = box.sh("grep Cpus_allowed: /proc/self/status", limits=Limits(cpus=0.5))
    assert done.end.limits["cpus"] == {"watchdog": "processors"}.get(by(box, "cpu"), by(box, "cpu"))
    if by(box, "cpu") == "watchdog":
        assert int(done.output.split()[1].replace(",", ""), 16).bit_count() == 1
        assert any("--cpus" in note for note in done.end.notes)


def test_ulimits_and_shared_memory(box):
    limits = Limits(ulimits=(("nofile", 100, 200), ("fsize", 4096 * 1024, 4096 * 1024)), shm=3 * MiB)
    done = box.sh("ulimit -n; ulimit -Hn; ulimit -f; df -k /dev/shm | tail -n 1 | awk '{print $2}'", limits=limits)
    assert done.output.split() == ["100", "200", "8192", "3072"]


def test_an_ulimit_that_the_host_refuses_is_an_error(box):
    for few in (4, 10, 63, 64):
        done = box.sh("ulimit -n", limits=Limits(ulimits=(("nofile", few, few),)))
        assert (done.end.code, done.output) == (0, f"{few}\n")
    with pytest.raises(UsageError, match="--ulimit nofile=3:3: no program begins with fewer than 4 open files"):
        box.sh("true", limits=Limits(ulimits=(("nofile", 3, 3),)))
    with pytest.raises(UsageError, match="--ulimit nofile"):
        box.sh("true", limits=Limits(ulimits=(("nofile", 1 << 30, 1 << 30),)))


def test_an_exec_is_held_by_the_limits_of_its_container(box):
    limits = Limits(pids=60, memory=64 * MiB)
    for script, reason in ((BOMB, "pids limit"), (HOG, "memory limit")):
        process, pipe = box.begin("echo ready; sleep 6000", limits=limits)
        pipe.readline()
        done = box.join(process, "sh", "-c", script, limits=limits)
        # Where nothing counts for both, the watch over the first process may have been the faster one.
        watched = by(box, "pids" if reason == "pids limit" else "memory") == "watchdog"
        assert done.end.stopped == reason or (watched and process.wait(PATIENCE).stopped == reason)
        assert done.end.code == 137
        process.kill()
        process.wait()
        process.close()
        pipe.close()


def test_nothing_is_left_of_what_was_ended(box):
    process, pipe = box.begin("echo ready; while :; do sleep 20 & done", limits=Limits(pids=50))
    pipe.readline()
    namespace = identity.pid_namespace(process.pid)
    assert process.wait(PATIENCE).stopped == "pids limit"
    process.close()
    pipe.close()
    # The kernel may give the namespace's number away again: to processes that begin later.
    ended = float(Path("/proc/uptime").read_text().split()[0]) * os.sysconf("SC_CLK_TCK")
    assert [pid for pid, _, _ in watch.everyone(namespace) if identity.birth(pid) < ended - 50] == []
    end = time.monotonic() + PATIENCE
    while left(box) and time.monotonic() < end:
        time.sleep(0.02)
    assert left(box) == []


def test_the_groups_of_a_server_that_was_killed_are_removed(mode, tmp_path):
    with limit_modes.held_by(mode, tmp_path):
        box = Box(tmp_path / "store")
    process, pipe = box.begin("echo ready; sleep 6000", limits=Limits(memory=64 * MiB, cpus=1))
    pipe.readline()
    server = box.runtime._server._process.pid
    assert bool(groups(server)) == bool(limit_modes.parents(mode))
    os.kill(server, signal.SIGKILL)
    assert without_groups(server)
    process.close()
    pipe.close()
    box.close()


def left(box):
    """Groups of containers."""
    return [
        path for group in groups(box.runtime._server._process.pid) for path in group.iterdir() if path.name.isdigit()
    ]
