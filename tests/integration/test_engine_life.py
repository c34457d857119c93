"""Containers that go on in the background: who waits for them, who ends them, what stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.engine.settings import Settings
from dockmagic.errors import ConflictError, NotFoundError, RunError, UsageError
from dockmagic.record.bundle import bundle
from dockmagic.sandbox import identity
from dockmagic.sandbox.spec import Limits
from tests.users import KINDS, REPOSITORY, make_user

TRAP = "trap 'echo told; exit 5' TERM\necho ready\nwhile :; do sleep 0.05; done\n"
# Seconds that nobody waits.
NEVER = 100_000
DEAF = "echo ready\nwhile :; do sleep 0.05; done\n"


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("engine") / "home")
    made.build("FROM localhost/base\n", tags=("base:1",))
    yield made
    assert made.session.store.check() == []
    made.close()


@pytest.fixture
def start(engine):
    names = []

    def run(script, name, **options):
        names.append(name)
        run = engine.run("base:1", script=script, name=name, background=True, **options)
        while "ready" not in run.container.logs():
            time.sleep(0.01)
        return run

    yield run
    for name in names:
        try:
            engine.rm(name, force=True)
        except NotFoundError:
            continue


def stubborn(engine, name):
    """It catches TERM and goes on."""
    engine.kill(name, signal="TERM")
    while "no" not in engine.logs(name):
        time.sleep(0.01)
    assert engine.inspect(name).status == "running"


def test_a_background_run_returns_at_once_and_its_record_has_name_and_image_alone(engine, start):
    run = start(DEAF, "pond")
    assert (run.container.status, engine.inspect("pond").status) == ("running", "running")
    data, metadata = bundle(run)
    document = data["application/vnd.dockmagic.run+json"]
    assert document["background"] is True
    assert document["container"] == {"name": "pond"}
    assert "changes" not in document
    assert "running in the background" in data["text/plain"]
    assert next(iter(metadata.values()))["container"]["status"] == "running"


def test_its_output_is_in_its_log_and_its_end_is_told(engine, start):
    run = start("echo ready\necho two >&2\nsleep 0.3\necho x > /made\nexit 3\n", "ends")
    handle = engine.background("ends")
    assert handle.running
    assert handle.wait(0.01) is None
    assert engine.wait("ends", timeout=60) == 3
    end = handle.wait(60)
    assert (end.exit_code, end.stdout, end.stderr, end.changes) == (3, "ready\n", "two\n", {"/made": "A"})
    assert isinstance(end.error, RunError)
    assert not handle.running
    assert run.container.logs() == end.output
    kept = engine.inspect("ends")
    assert (kept.status, kept.exit_code) == ("exited", 3)


def test_stop_asks_first_and_the_exit_code_is_the_programs(engine, start):
    start(TRAP, "polite")
    assert engine.stop("polite", timeout=60) == ("polite",)
    found = engine.inspect("polite")
    assert (found.status, found.exit_code, found.logs()) == ("exited", 5, "ready\ntold\n")
    assert engine.stop("polite") == ("polite",)


def test_stop_kills_at_once_who_does_not_listen_and_later_who_does_not_go(engine, start):
    start(DEAF, "deaf")
    engine.stop("deaf", timeout=NEVER)
    assert engine.inspect("deaf").exit_code == 137
    start("trap 'echo no' TERM\n" + DEAF, "stubborn")
    stubborn(engine, "stubborn")
    engine.stop("stubborn", timeout=0.3)
    assert engine.inspect("stubborn").exit_code == 137


def test_the_images_stop_signal_and_one_that_is_asked_for(engine, start):
    built = engine.build("FROM localhost/base\nSTOPSIGNAL SIGUSR1\n", tags=("usr:1",))
    assert built.exit_code == 0
    script = "trap 'exit 7' USR1\ntrap 'exit 8' HUP\n" + DEAF
    for name, options, code in (("one", {}, 7), ("two", {"signal": "hup"}, 8)):
        run = engine.run("usr:1", script=script, name=name, background=True)
        while "ready" not in run.container.logs():
            time.sleep(0.01)
        engine.stop(name, **options)
        assert engine.wait(name) == code
        engine.rm(name)


def test_a_container_has_a_stop_signal_and_a_patience_of_its_own(engine, start):
    start("trap 'exit 6' USR1\n" + DEAF, "own", settings=Settings(stop_signal="USR1"))
    engine.stop("own")
    assert engine.inspect("own").exit_code == 6
    start("trap 'echo no' TERM\n" + DEAF, "dour", settings=Settings(stop_timeout=0.2))
    stubborn(engine, "dour")
    engine.stop("dour")
    assert engine.inspect("dour").exit_code == 137
    with pytest.raises(UsageError, match="there is no signal NOISE"):
        engine.run("base:1", ["true"], settings=Settings(stop_signal="NOISE"))


def test_kill_sends_what_it_is_told(engine, start):
    start("trap 'echo hup' HUP\n" + DEAF, "struck")
    engine.kill("struck", signal="SIGHUP")
    while "hup" not in engine.logs("struck"):
        time.sleep(0.01)
    assert engine.inspect("struck").status == "running"
    engine.kill("struck")
    assert engine.wait("struck") == 137
    with pytest.raises(ConflictError, match="not running"):
        engine.kill("struck")
    with pytest.raises(UsageError, match="no signal"):
        engine.kill("struck", signal="SIGNOTHING")


def test_a_living_container_is_joined_and_its_name_is_taken(engine, start):
    start("echo x > /made\n" + DEAF, "host")
    assert engine.exec("host", script="cat /made\n").stdout == "x\n"
    with pytest.raises(ConflictError, match="rm -f host"):
        start(DEAF, "host")
    with pytest.raises(ConflictError, match="still runs"):
        engine.wait("host", timeout=0.1)


def test_without_a_name_it_stays_only_as_long_as_it_lives(engine):
    run = engine.run("base:1", script="sleep 0.2\n", background=True)
    handle = engine.background(run.container)
    assert handle.wait(60).exit_code == 0
    with pytest.raises(NotFoundError):
        engine.inspect(run.container.name)


def test_a_wall_that_cannot_be_built_and_a_bad_request_are_told_at_once(engine):
    with pytest.raises(UsageError, match="nobody-here"):
        engine.run("base:1", script="true\n", user="nobody-here", background=True)
    with pytest.raises(UsageError, match="--get"):
        engine.run("base:1", script="true\n", get=("/x",), background=True)
    assert [found.name for found in engine.ps(all=True)] == []


def test_time_and_memory_end_it_too(engine):
    for name, options, reason in (
        ("timed", {"timeout": 0.3}, "timeout"),
        ("hungry", {"limits": Limits(memory=64 << 20)}, "memory limit"),
    ):
        script = "sleep 60\n" if reason == "timeout" else "x=0123456789abcdef\nwhile :; do x=$x$x; done\n"
        engine.run("base:1", script=script, name=name, background=True, **options)
        assert engine.wait(name, timeout=60) == 137
        assert engine.background(name).wait(60).stopped == reason
        engine.rm(name)


def test_a_log_is_followed_until_the_end(engine, start):
    start("echo ready\nsleep 0.3\necho more\nsleep 0.3\necho last\n", "talk")
    heard = []
    engine.follow("talk", heard.append, tail=0)
    assert b"".join(heard) == b"more\nlast\n"
    heard.clear()
    engine.follow("talk", heard.append, tail=2)
    assert b"".join(heard) == b"more\nlast\n"


def test_lines_of_a_log_are_chosen_by_their_times(engine, start):
    run = start("mkfifo /tmp/gate\necho ready\nread word < /tmp/gate\necho more\n", "talk")
    between = datetime.now(UTC)
    engine.exec("talk", script="echo on > /tmp/gate\n")
    heard = []
    engine.follow("talk", heard.append, since=between, timestamps=True)
    stamp, _, text = b"".join(heard).decode().partition(" ")
    assert text == "more\n"
    assert stamp.endswith("Z")
    assert datetime.fromisoformat(stamp) >= between
    assert engine.logs("talk", until=between) == "ready\n"
    assert engine.logs("talk", since=stamp) == engine.logs("talk", since="1h", tail=1) == "more\n"
    assert engine.rm("talk") == ("talk",)
    log = run.container.log_path
    assert [path for path in log.parent.iterdir() if path.name.startswith(log.name)] == []


def test_stats_and_top_tell_of_all_processes(engine, start):
    start("sleep 300 &\nsh -c 'while :; do :; done' &\n" + DEAF, "busy", limits=Limits(memory=256 << 20, pids=99))
    found = engine.stats("busy")[0]
    assert (found.name, found.memory_limit, found.pids_limit) == ("busy", 256 << 20, 99)
    assert found.pids >= 3
    assert 0 < found.memory < 256 << 20
    assert found.cpu > 5
    listed = engine.top("busy")
    assert listed[0].pid == 1
    assert any("sleep 300" in process.command for process in listed)
    assert "NAME" in str(engine.stats())
    engine.kill("busy")
    with pytest.raises(ConflictError, match="not running"):
        engine.stats("busy")


def test_rename(engine, start):
    start(DEAF, "old-name")
    assert engine.rename("old-name", "new-name") == "new-name"
    assert engine.inspect("new-name").status == "running"
    engine.rm("new-name", force=True)
    with pytest.raises(UsageError, match="invalid container name"):
        engine.rename("new-name", "-")


def test_with_force_what_is_not_there_is_fine_as_with_docker(engine, start):
    start(DEAF, "there")
    with pytest.raises(NotFoundError, match="no such container: nowhere"):
        engine.rm("there", "nowhere")
    assert engine.rm("nowhere", "there", "there", force=True) == ("there",)
    engine.tag("base:1", "second:1")
    with pytest.raises(NotFoundError, match="image not found: nowhere"):
        engine.rmi("nowhere:1")
    assert engine.rmi("nowhere:1", "second:1", force=True) == ("second:1",)


def test_force_takes_the_names_of_an_image_that_a_container_has(engine):
    engine.build("FROM base:1\nENV USED=1\n", tags=("used:1",))
    engine.run("used:1", "true", name="user")
    with pytest.raises(ConflictError, match="is used by container user"):
        engine.rmi("used:1")
    assert engine.rmi("used:1", force=True) == ("used:1",)
    with pytest.raises(NotFoundError):
        engine.inspect("used:1")
    image = engine.inspect("user").image_id
    assert engine.exec("user", script="echo $USED").stdout == "1\n"
    with pytest.raises(ConflictError, match="is used by container user"):
        engine.rmi(image, force=True)
    engine.rm("user")
    assert engine.rmi(image) == (image,)


def test_a_directory_to_start_in_is_absolute(engine):
    for start_in in (
        lambda: engine.run("base:1", "true", workdir="here"),
        lambda: engine.exec("any", "true", workdir="./x"),
    ):
        with pytest.raises(UsageError, match="needs to be an absolute path"):
            start_in()


def test_closing_the_engine_ends_them_and_writes_down_how(tmp_path):
    home = tmp_path / "home"
    engine = Engine(home)
    engine.build("FROM localhost/base\n", tags=("base:1",))
    run = engine.run("base:1", script=DEAF, name="last", background=True)
    pid = engine.session.store.containers.get(run.container.id).pid
    born = identity.birth(pid)
    engine.close()
    assert identity.open_process(pid, born) is None
    again = Engine(home)
    assert (again.inspect("last").status, again.inspect("last").exit_code) == ("exited", 137)
    again.close()


@pytest.mark.parametrize("how", ["ends", "killed"])
def test_they_end_with_the_process_that_began_them(tmp_path, how):
    script = f"""
import sys, time
from dockmagic.engine.engine import Engine
engine = Engine({str(tmp_path / "home")!r})
engine.build("FROM localhost/base", tags=("base:1",))
run = engine.run("base:1", script={DEAF!r}, name="mine", background=True)
print(engine.session.store.containers.get(run.container.id).pid, flush=True)
sys.stdin.readline()
if {how!r} == "killed":
    time.sleep(300)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}
    )  # fmt: skip
    pid = int(process.stdout.readline())
    born = identity.birth(pid)
    if how == "killed":
        process.send_signal(signal.SIGKILL)
    else:
        process.stdin.write("\n")
        process.stdin.flush()
    assert process.wait(60) == (-9 if how == "killed" else 0)
    process.stdout.close()
    process.stdin.close()
    end = time.monotonic() + 60
    while (held := identity.open_process(pid, born)) is not None and time.monotonic() < end:
        os.close(held)
        time.sleep(0.02)
    assert held is None
    engine = Engine(tmp_path / "home")
    assert engine.inspect("mine").status == "exited"
    engine.close()


def test_a_wait_in_another_thread_and_an_interrupt_do_not_disturb_each_other(engine, start):
    start(DEAF, "shared")
    codes = []
    waiter = threading.Thread(target=lambda: codes.append(engine.wait("shared", timeout=30)))
    waiter.start()
    engine.stop("shared")
    waiter.join()
    assert codes == [137]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_user_has_a_life_in_the_background(kind, tmp_path_factory):
    user = make_user(kind, tmp_path_factory.mktemp("pytest-life"))
    script = f"""
import time
from dockmagic.engine.engine import Engine
from dockmagic.engine.settings import Settings
engine = Engine()
engine.build("FROM localhost/base", tags=("base:1",))
for name, who, script in (("aa", "", {TRAP!r}), ("bb", "65534", {TRAP!r}), ("cc", "65534", {DEAF!r})):
    run = engine.run("base:1", script=script, name=name, user=who, background=True)
    while "ready" not in run.container.logs():
        time.sleep(0.01)
print([found.pids > 0 and found.memory > 0 for found in engine.stats()], engine.top("bb")[0].pid)
engine.stop("aa", "bb", "cc", timeout=60)
print([engine.wait(name) for name in ("aa", "bb", "cc")])
engine.run("base:1", script={TRAP!r}, name="dd", user="65534", settings=Settings(init=True), background=True)
print(engine.exec("dd", "id -u", user="65534", running=True).stdout, end="")
engine.close()
"""
    done = user.run(sys.executable, "-c", script)
    assert done.stdout == "[True, True, True] 1\n[5, 5, 137]\n65534\n", done.stderr
