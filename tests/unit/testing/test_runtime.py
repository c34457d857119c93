from __future__ import annotations

import threading
import time

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.errors import IsolationError, RunError
from dockmagic.sandbox.spec import Exit
from dockmagic.testing import RecordingRuntime, Scripted, add_image, open_store


@pytest.fixture
def home(tmp_path):
    add_image(open_store(tmp_path / "home"), {"filling": b"red bean\n"}, name="bread:1")
    return tmp_path / "home"


def engine_of(home, *script):
    runtime = RecordingRuntime(home, script)
    return Engine(home, runtime=runtime), runtime


def test_the_engine_tells_what_the_script_says(home):
    says = Scripted(stdout=b"red bean\n", stderr=b"hot\n", files={"/note": b"eaten"}, exit=Exit(code=3))
    engine, runtime = engine_of(home, says)
    run = engine.run("bread:1", script="cat /filling", name="fish1", env={"WHO": "me"})
    assert (run.exit_code, run.stdout, run.stderr) == (3, "red bean\n", "hot\n")
    assert isinstance(run.error, RunError)
    assert dict(run.changes) == {"/note": "A"}
    assert engine.inspect("fish1").changes == {"/note": "A"}
    (spec,) = runtime.specs
    assert spec.argv[:2] == ("/bin/sh", "-e")
    assert ("WHO", "me") in spec.env
    assert engine.session.store.check() == []


def test_after_the_script_everything_ends_well(home):
    engine, runtime = engine_of(home)
    assert [engine.run("bread:1", argv=["true"]).exit_code for _ in range(3)] == [0, 0, 0]
    assert [spec.argv for spec in runtime.specs] == [("true",)] * 3


def test_much_output_is_no_deadlock(home):
    engine, _ = engine_of(home, Scripted(stdout=b"x" * 1_000_000, stderr=b"y" * 1_000_000))
    run = engine.run("bread:1", argv=["true"])
    assert (len(run.stdout), len(run.stderr)) == (1_000_000, 1_000_000)


def test_a_process_that_stays_ends_by_the_clock(home):
    engine, _ = engine_of(home, Scripted(stays=True))
    run = engine.run("bread:1", argv=["sleep"], timeout=0.05)
    assert (run.exit_code, run.stopped) == (137, "timeout")


def test_a_living_container_is_joined(home):
    engine, runtime = engine_of(home, Scripted(stays=True), Scripted(stdout=b"beside\n"))
    ended = []
    thread = threading.Thread(target=lambda: ended.append(engine.run("bread:1", argv=["sleep"], name="oven")))
    thread.start()
    while not [c for c in engine.ps() if c.name == "oven"]:
        time.sleep(0.01)
    assert engine.exec("oven", argv=["echo"]).stdout == "beside\n"
    assert len(runtime.joined) == 1
    runtime.close()
    thread.join()
    assert ended[0].exit_code == 137


def test_a_refusal_is_raised_and_nothing_stays(home):
    engine, _ = engine_of(home, Scripted(refused=IsolationError("no walls here", operation="unshare")))
    with pytest.raises(IsolationError, match="no walls here"):
        engine.run("bread:1", argv=["true"])
    assert list(engine.ps(all=True)) == []
    assert engine.session.store.check() == []


def test_what_nothing_runs_says_so(home):
    engine, _ = engine_of(home)
    assert "nothing runs" in engine.run("bread:1", argv=["true"]).isolation.notes[0]
