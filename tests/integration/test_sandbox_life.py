"""Who dies with whom, and what is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dockmagic.sandbox import identity
from tests.integration.box import BUSYBOX, PATIENCE, Box
from tests.users import REPOSITORY

pytestmark = pytest.mark.skipif(not Path(BUSYBOX).exists(), reason="needs busybox-static")

CLIENT = """
import os, sys, time
from pathlib import Path
from tests.integration.box import Box
box = Box(Path(sys.argv[1]))
process, pipe = box.begin('sleep 300 & sleep 300 & trap "" INT TERM HUP; echo ready; while :; do sleep 1; done')
pipe.readline()
twin = os.fork()  # as multiprocessing does: copies of all descriptors, and no exec
if twin:
    print(process.pid, process.birth, box.runtime._server._process.pid, twin, flush=True)
time.sleep(300)
"""


def mounts():
    return sorted(Path("/proc/self/mountinfo").read_text().splitlines())


def members(namespace):
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if identity.pid_namespace(int(entry.name)) == namespace:
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def gone(pidfd_or_namespace, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not members(pidfd_or_namespace):
            return True
        time.sleep(0.02)
    return False


def ended(pid, born, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if identity.birth(pid) != born or "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def client(tmp_path):
    before = mounts()
    process = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(tmp_path / "store")],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    pid, birth, server, twin = (int(word) for word in process.stdout.readline().split())
    held = os.pidfd_open(twin)
    yield process, pid, birth, server
    signal.pidfd_send_signal(held, signal.SIGKILL)
    os.close(held)
    process.kill()
    process.wait()
    process.stdout.close()
    assert mounts() == before


def test_nothing_survives_a_client_that_is_killed(client):
    """Though a forked child of it lives on with copies of its sockets."""
    process, pid, birth, server = client
    namespace, born = identity.pid_namespace(pid), identity.birth(server)
    assert len(members(namespace)) >= 4
    process.kill()
    process.wait()

    assert gone(namespace)
    assert ended(pid, birth)
    assert ended(server, born)


def test_nothing_survives_a_launch_server_that_is_killed(client):
    _, pid, birth, server = client
    namespace = identity.pid_namespace(pid)
    os.kill(server, signal.SIGKILL)

    assert gone(namespace)
    assert ended(pid, birth)


def test_nothing_survives_a_monitor_that_is_killed(client):
    _, pid, birth, _ = client
    namespace = identity.pid_namespace(pid)
    monitor = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    os.kill(monitor, signal.SIGKILL)

    assert gone(namespace)
    assert ended(pid, birth)


def test_the_next_start_after_the_server_was_killed_works(tmp_path):
    box = Box(tmp_path / "store")
    server = box.runtime._server._process
    os.kill(server.pid, signal.SIGKILL)
    server.wait()

    assert box.run("echo", "again").output == "again\n"
    box.close()


def test_another_kernel_process_can_join(client, tmp_path):
    _, pid, birth, _ = client
    box = Box(tmp_path / "other")

    class Living:
        def __init__(self):
            self.pid, self.birth = pid, birth

    done = box.join(Living(), "sh", "-c", "ps | grep -c 'sleep 300'")
    box.close()

    assert int(done.output) >= 2
