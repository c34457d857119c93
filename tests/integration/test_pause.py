"""Containers that are paused: their processes stand still, and go on."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.engine.settings import Settings
from dockmagic.errors import ConflictError, NotFoundError
from dockmagic.sandbox import identity
from tests.users import PATIENCE, REPOSITORY

COUNT = "echo ready\ni=0\nwhile :; do i=$((i+1)); echo $i > /tmp/count; done\n"
DEAF = "echo ready\nwhile :; do sleep 0.05; done\n"
# The shell's children count, it waits for them; one of them stands still by itself.
FAMILY = """sleep 600 &
while ! grep -q sleep /proc/$!/comm; do sleep 0.01; done
kill -STOP $!
(i=0; while :; do i=$((i+1)); echo $i > /tmp/count; done) &
trap 'echo told; exit 5' TERM
echo ready
while :; do sleep 0.05; done
"""
IMAGE = """FROM localhost/base
HEALTHCHECK --interval=100ms --retries=1 CMD echo x >> /tmp/checks
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("pause") / "home")
    made.build("FROM localhost/base\n", tags="base:1")
    made.build(IMAGE, tags="checked:1")
    yield made
    assert made.session.store.check() == []
    made.close()


@pytest.fixture
def begin(engine):
    names = []

    def run(script, name, image="base:1", **options):
        names.append(name)
        found = engine.run(image, script=script, name=name, background=True, **options)
        while "ready" not in found.container.logs() and engine.inspect(name).status == "running":
            time.sleep(0.01)
        return name

    yield run
    for name in names:
        try:
            engine.rm(name, force=True)
        except NotFoundError:
            continue


def upper(engine, name):
    """The directory of its writable layer."""
    row = engine.session.store.containers.get(name)
    return engine.session.home / "roots" / engine.session.runtime.scheme / "containers" / row.id / "upper"


def counted(engine, name):
    """What a container has counted to; 0 while the file is being written."""
    path = upper(engine, name) / "tmp" / "count"
    return int(path.read_text() or 0) if path.exists() else 0


def goes_on(engine, name):
    """Stay until the counter has moved; a test that hangs here has failed."""
    was = counted(engine, name)
    while counted(engine, name) in {was, 0}:
        time.sleep(0.01)


def states(engine, name):
    return {process.command: process.state for process in engine.top(name)}


@pytest.mark.parametrize("init", [False, True])
def test_all_of_it_stands_still_and_goes_on(engine, begin, init):
    begin(COUNT, "pond", settings=Settings(init=init))
    goes_on(engine, "pond")
    assert engine.pause("pond") == ("pond",)
    was = counted(engine, "pond")
    time.sleep(0.2)
    assert counted(engine, "pond") == was
    assert engine.inspect("pond").paused
    assert engine.unpause("pond") == ("pond",)
    goes_on(engine, "pond")
    assert not engine.inspect("pond").paused


def test_who_had_stopped_before_stays_so_and_stop_lets_it_go_on(engine, begin):
    begin(FAMILY, "family")
    goes_on(engine, "family")
    engine.pause("family")
    assert set(states(engine, "family").values()) - {"Z"} == {"T"}  # a child that had just ended waits for its parent
    was = counted(engine, "family")
    time.sleep(0.1)
    assert counted(engine, "family") == was
    engine.unpause("family")
    goes_on(engine, "family")
    assert states(engine, "family")["sleep 600"] == "T"
    engine.pause("family")
    assert engine.stop("family", timeout=300) == ("family",)
    found = engine.inspect("family")
    assert (found.status, found.exit_code, found.paused) == ("exited", 5, False)
    assert "told" in found.logs()


def test_what_is_paused_is_told_and_takes_no_exec_but_a_copy(engine, begin, tmp_path):
    begin(COUNT, "pond")
    engine.pause("pond")
    assert "running (paused)" in str(engine.ps())
    for script in ("true", None):
        with pytest.raises(ConflictError, match="container pond is paused") as refused:
            engine.exec("pond", *(() if script else ("true",)), script=script)
        assert refused.value.hint == "%container unpause pond lets it go on"
    for call in (lambda: engine.pause("pond"), lambda: engine.kill("pond", signal="CONT")):
        with pytest.raises(ConflictError, match="is paused"):
            call()
    (tmp_path / "there").write_text("sweet\n")
    engine.cp(str(tmp_path / "there"), "pond:/there")
    engine.unpause("pond")
    assert "paused" not in str(engine.ps())
    assert engine.exec("pond", script="cat /there").stdout == "sweet\n"
    with pytest.raises(ConflictError, match="not paused"):
        engine.unpause("pond")


def test_an_exec_that_goes_on_is_held_too(engine, begin):
    begin(DEAF, "host")
    beside = threading.Thread(target=lambda: engine.exec("host", script=COUNT))
    beside.start()
    while not (upper(engine, "host") / "tmp" / "count").exists():
        time.sleep(0.01)
    goes_on(engine, "host")
    engine.pause("host")
    was = counted(engine, "host")
    time.sleep(0.2)
    assert counted(engine, "host") == was
    engine.unpause("host")
    goes_on(engine, "host")
    engine.kill("host")
    beside.join(PATIENCE)
    assert not beside.is_alive()


def pause_in_time(engine, begin, name):
    """Pause a container before its timeout, which counts from its start: a busy machine may need a longer one."""
    for seconds in (3.0, 10.0, 100.0, 1000.0):
        try:
            begin(COUNT, name, timeout=seconds)
            engine.pause(name)
        except ConflictError:
            engine.rm(name)
        else:
            return


@pytest.mark.parametrize("end", ["kill", "rm", "timeout", "deaf"])
def test_it_can_be_ended_as_it_stands(engine, begin, end):
    if end == "timeout":
        pause_in_time(engine, begin, "short")
    else:
        begin(COUNT, "short")
        engine.pause("short")
    row = engine.session.store.containers.get("short")
    if end == "rm":
        engine.rm("short", force=True)
    elif end == "timeout":
        assert engine.wait("short", timeout=PATIENCE) == 137
        assert engine.background("short").wait().stopped == "timeout"
    else:
        engine.kill("short") if end == "kill" else engine.stop("short", timeout=300)
        assert (engine.inspect("short").status, engine.inspect("short").paused) == ("exited", False)
    assert identity.open_process(row.pid, row.birth) is None


def test_a_signal_waits_until_it_goes_on(engine, begin):
    begin(FAMILY, "polite")
    engine.pause("polite")
    engine.kill("polite", signal="TERM")
    assert engine.inspect("polite").status == "running"
    engine.unpause("polite")
    assert engine.wait("polite", timeout=PATIENCE) == 5


def test_who_multiplies_is_held_too(engine, begin):
    begin("echo ready\nwhile :; do (: > /tmp/$((RANDOM % 9)) &); (sleep 0.01 &); done\n", "bomb")
    engine.pause("bomb")
    listed = {process.pid: process.state for process in engine.top("bomb")}
    assert set(listed.values()) <= {"T", "Z", "D"}
    time.sleep(0.2)
    assert {process.pid: process.state for process in engine.top("bomb")}.keys() == listed.keys()


def test_another_kernel_pauses_it_and_lets_it_go_on(engine, begin):
    begin(COUNT, "pond")
    other = Engine(engine.session.home)
    try:
        other.pause("pond")
        assert engine.inspect("pond").paused
        engine.unpause("pond")
        goes_on(other, "pond")
    finally:
        other.close()


def test_of_several_none_is_paused_where_one_cannot_be(engine, begin):
    begin(COUNT, "pond")
    begin("echo ready", "over")
    engine.wait("over", timeout=PATIENCE)
    for name, error in (("over", ConflictError), ("nobody", NotFoundError)):
        with pytest.raises(error):
            engine.pause("pond", name)
        assert not engine.inspect("pond").paused
    goes_on(engine, "pond")


def test_a_pause_that_was_cut_short_is_mended(engine, begin):
    begin(COUNT, "pond")
    engine.session.store.containers.pause(engine.session.store.containers.get("pond").id)  # and then it was killed
    with pytest.raises(ConflictError, match="is paused"):
        engine.exec("pond", script="true")
    engine.unpause("pond")
    assert engine.exec("pond", script="true").exit_code == 0
    goes_on(engine, "pond")


def test_its_health_is_not_checked_meanwhile(engine, begin):
    begin(DEAF, "pulse", image="checked:1")
    while not (upper(engine, "pulse") / "tmp" / "checks").exists():
        time.sleep(0.02)
    engine.pause("pulse")
    log = engine.inspect("pulse").health.log
    time.sleep(0.7)
    later = [probe for probe in engine.inspect("pulse").health.log if probe not in log]
    assert len(later) <= 1  # one that was under way
    log = engine.inspect("pulse").health.log
    engine.unpause("pulse")
    while engine.inspect("pulse").health.log == log:
        time.sleep(0.02)
    assert {probe.exit_code for probe in engine.inspect("pulse").health.log} == {0}


def test_it_ends_with_the_process_that_began_it(tmp_path):
    script = f"""
import sys
from dockmagic.engine.engine import Engine
engine = Engine({str(tmp_path / "home")!r})
engine.build("FROM localhost/base", tags=("base:1",))
engine.run("base:1", script={DEAF!r}, name="mine", background=True)
engine.pause("mine")
row = engine.session.store.containers.get("mine")
print(row.pid, row.birth, flush=True)
sys.stdin.readline()
"""
    command = [sys.executable, "-c", script]
    there = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=there) as process:
        pid, born = map(int, process.stdout.readline().split())
        process.kill()
    while (held := identity.open_process(pid, born)) is not None:
        os.close(held)
        time.sleep(0.02)
    engine = Engine(tmp_path / "home")
    found = engine.inspect("mine")
    assert (found.status, found.paused) == ("exited", False)
    engine.close()
