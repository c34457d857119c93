"""Several processes pull the same at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dockmagic.testing import FakeRegistry, open_store
from tests.integration.registry_making import put

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """\
import sys
from pathlib import Path
from tests.integration.registry_making import engine_in
print(engine_in(Path(sys.argv[1])).%s(sys.argv[2]))
"""


def start(verb, directory, name):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT % verb, str(directory), name],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def is_whole(directory):
    """What fsck says after what a dead process left was swept."""
    store = open_store(directory / "home")
    store.leases.sweep()
    return store.check()


def test_two_processes_pull_the_same_at_once(tmp_path):
    with FakeRegistry() as registry:
        put(registry, count=4)
        name = f"{registry.address}/team/bread:1"
        open_store(tmp_path / "home")
        processes = [start("pull", tmp_path, name) for _ in range(3)]
        assert [process.wait() for process in processes] == [0, 0, 0]
        assert is_whole(tmp_path) == []
        assert open_store(tmp_path / "home").images.resolve(name)
