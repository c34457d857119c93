"""What a watch counts against a limit."""

from __future__ import annotations

import os
import subprocess
import tempfile

from dockmagic.sandbox.cgroups import Group
from dockmagic.sandbox.watch import Watch, members

MiB = 1 << 20


def test_until_a_process_has_a_root_of_its_own_what_is_in_this_machines_memory_is_not_its(tmp_path):
    limits = {"memory": 32 * MiB, "pids": 0, "disk": 0, "cpus": 0}
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file, subprocess.Popen(["sleep", "60"]) as process:
        os.posix_fallocate(file.fileno(), 0, 64 * MiB)
        watch = Watch(limits, Group(), process.pid, str(tmp_path))
        assert [watch.look() for _ in range(3)] == ["", "", ""]
        process.kill()


def test_more_processes_than_the_limit_count_as_their_parent_has_them():
    """In a fork bomb they are gone before each could be looked at, and others are there."""
    script = "for i in 1 2 3 4 5 6 7 8; do sleep 60 & done; echo ready; wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True) as process:
        process.stdout.readline()
        few, all_ = members([process.pid], most=5), members([process.pid], most=20)
        os.killpg(process.pid, 9)
    assert len(few) > 5
    assert sum(threads for _, threads, _ in few) > 5
    assert (few[1][2], len(all_)) == (0, 9)
