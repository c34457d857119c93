"""A process that pulls or pushes is killed anywhere: the store is whole afterwards, and the same again succeeds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dockmagic.testing import FakeRegistry, add_image, open_store
from tests.integration.registry_making import engine_in, put

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


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["pull", "push"])
def test_a_kill_at_any_moment_loses_nothing(tmp_path, verb):
    with FakeRegistry() as registry:
        wanted = put(registry, count=4, size=600_000)
        name = f"{registry.address}/team/bread:1"
        if verb == "push":
            name = f"{registry.address}/own:1"
            store = open_store(tmp_path / "home")
            add_image(store, {"a": os.urandom(900_000)}, {"b": os.urandom(900_000)}, name=name)
            del store
        begin = time.monotonic()
        assert start(verb, tmp_path if verb == "push" else tmp_path / "timed", name).wait() == 0
        whole = time.monotonic() - begin
        for number in range(12):
            process = start(verb, tmp_path, name)
            time.sleep(whole * (0.4 + 0.6 * number / 12))
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert is_whole(tmp_path) == []
        engine = engine_in(tmp_path)
        if verb == "pull":
            assert engine.pull(name).digest == wanted
        else:
            assert engine_in(tmp_path / "other").pull(name).id == engine.session.store.images.resolve(name)
        assert is_whole(tmp_path) == []


def test_two_processes_pull_the_same_at_once(tmp_path):
    with FakeRegistry() as registry:
        put(registry, count=4)
        name = f"{registry.address}/team/bread:1"
        open_store(tmp_path / "home")
        processes = [start("pull", tmp_path, name) for _ in range(3)]
        assert [process.wait() for process in processes] == [0, 0, 0]
        assert is_whole(tmp_path) == []
        assert open_store(tmp_path / "home").images.resolve(name)
