"""Limits by the verbs: what a run says of them, and who else is held by them."""

from __future__ import annotations

import sys

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.record.bundle import bundle
from dockmagic.sandbox.spec import Limits
from tests.integration import limit_modes
from tests.users import KINDS, make_user

MiB = 1 << 20
# While a mode lasts, what is started is started by another.
PYTHON = sys.executable
HOG = 'x=0123456789abcdef\nwhile :; do x="$x$x"; done\n'


@pytest.fixture(scope="module", params=limit_modes.modes())
def mode(request):
    return request.param


@pytest.fixture(scope="module")
def engine(mode, tmp_path_factory):
    place = tmp_path_factory.mktemp("engine")
    with limit_modes.held_by(mode, place):
        made = Engine(place / "home")
        made.build("FROM localhost/base\n", tags=("base:1",))
        yield made
        assert made.session.store.check() == []
        made.close()


def test_a_memory_hog_is_told_in_the_error_and_in_the_record(engine, mode):
    run = engine.run("base:1", script=HOG, limits=Limits(memory=64 * MiB))
    assert (run.exit_code, run.stopped) == (137, "memory limit")
    assert str(run.error).splitlines()[0] == "the script was ended by the memory limit of 64m (exit code 137)"
    assert "--memory" in run.error.hint
    data, metadata = bundle(run)
    assert "stopped: memory limit" in data["text/plain"]
    told = next(iter(metadata.values()))
    assert told["isolation"]["limits"] == dict(run.isolation.limits)
    assert dict(run.isolation.limits) == {
        kind: limit_modes.parents(mode).get(kind, ("watchdog",))[0] for kind in ("memory", "pids")
    }


def test_a_fork_bomb_and_a_disk_filler_too(engine):
    bomb = engine.run("base:1", script="while :; do sleep 20 & done\n", limits=Limits(pids=50))
    assert (bomb.exit_code, bomb.stopped) == (137, "pids limit")
    assert str(bomb.error).splitlines()[0] == "the script was ended by the pids limit of 50 processes (exit code 137)"
    filler = engine.run("base:1", script="cat /dev/zero > /big\n", limits=Limits(disk=20 * MiB))
    assert (filler.exit_code, filler.stopped) == (137, "disk limit")
    assert "disk limit of 20m" in str(filler.error)


def test_a_container_keeps_its_limits_for_those_that_enter_it(engine):
    limits = Limits(memory=64 * MiB, pids=77, ulimits=(("nofile", 50, 60),))
    engine.run("base:1", name="held", script="true\n", limits=limits)
    try:
        assert engine.exec("held", script="ulimit -n\n").stdout == "50\n"
        assert engine.exec("held", script=HOG).stopped == "memory limit"
        assert engine.inspect("held").config["limits"]["pids"] == 77
    finally:
        engine.rm("held")


def test_endless_output_is_cut_for_all_and_memory_stays_flat(engine):
    heard = bytearray()
    run = engine.run(
        "base:1", name="loud", script="yes | head -c 50000000\n", output_limit=100_000, on_output=lambda _, data: heard.extend(data)
    )  # fmt: skip
    try:
        mark = "\n[output cut after 100,000 bytes: --output-limit]\n"
        assert run.exit_code == 0
        assert len(run.stdout) == 100_000 + len(mark)
        assert run.stdout.endswith(mark)
        assert bytes(heard).decode() == run.stdout == run.container.logs()
        assert "output cut: 100,000 of 50,000,000 bytes kept" in run.isolation.notes
    finally:
        engine.rm("loud")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_user_is_held(kind, tmp_path_factory):
    user = make_user(kind, tmp_path_factory.mktemp("pytest-limits"))
    script = f"""
from dockmagic.engine.engine import Engine
from dockmagic.sandbox.spec import Limits
engine = Engine()
engine.build("FROM localhost/base", tags=("base:1",))
hog = engine.run("base:1", script={HOG!r}, limits=Limits(memory={64 * MiB}))
bomb = engine.run("base:1", script="f() {{ f | f & }}; f; sleep 200", limits=Limits(pids=100))
filler = engine.run("base:1", script="cat /dev/zero > /big", limits=Limits(disk={20 * MiB}))
print([(run.stopped, run.exit_code) for run in (hog, bomb, filler)], engine.ps(all=True).items)
engine.close()
"""
    done = user.run(PYTHON, "-c", script)
    assert done.stdout == "[('memory limit', 137), ('pids limit', 137), ('disk limit', 137)] ()\n", done.stderr
