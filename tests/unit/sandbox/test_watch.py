"""What a watch counts against a limit."""

from __future__ import annotations

import os
import subprocess
import tempfile

from dockmagic.sandbox.cgroups import Group
from dockmagic.sandbox.watch import Watch

MiB = 1 << 20


def test_until_a_process_has_a_root_of_its_own_what_is_in_this_machines_memory_is_not_its(tmp_path):
    limits = {"memory": 32 * MiB, "pids": 0, "disk": 0, "cpus": 0}
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file, subprocess.Popen(["sleep", "60"]) as process:
        os.posix_fallocate(file.fileno(), 0, 64 * MiB)
        watch = Watch(limits, Group(), process.pid, str(tmp_path))
        assert [watch.look() for _ in range(3)] == ["", "", ""]
        process.kill()
