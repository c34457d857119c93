"""Containers that go on without whoever started them: a supervisor owns each, and every other process can work with it."""

from __future__ import annotations

import asyncio
import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from dockmagic import aio
from dockmagic.engine import detached
from dockmagic.engine.commission import Commission
from dockmagic.engine.engine import Engine
from dockmagic.engine.request import Request
from dockmagic.engine.settings import Settings
from dockmagic.errors import ConflictError, IsolationError, NotFoundError, RunError, UsageError
from dockmagic.exchange.given import given
from dockmagic.record.bundle import bundle
from dockmagic.sandbox import identity, wire
from dockmagic.sandbox.spec import Limits
from dockmagic.testing import RecordingRuntime
from tests.integration.test_build_in_memory import ON_AN_OVERLAY
from tests.users import KINDS, REPOSITORY, make_user

LOOP = "echo ready\nwhile :; do sleep 0.05; done\n"
POLITE = "trap 'echo told; exit 5' TERM\n" + LOOP
# Another process that starts one and stays until it is ended; it tells the supervisor's pid and the container's.
STARTER = """
import sys, time
from dockmagic.engine.engine import Engine
engine = Engine(sys.argv[1])
run = engine.run("base:1", script=sys.argv[2], name=sys.argv[3], detach=True, remove=len(sys.argv) > 4)
row = engine.session.store.containers.get(run.container.id)
print(row.kernel_pid, row.pid, flush=True)
time.sleep(300)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("detach") / "home"


@pytest.fixture(scope="module")
def engine(home):
    made = Engine(home)
    made.build("FROM localhost/base\n", tags=("base:1",))
    yield made
    left = [found.name for found in made.ps(all=True)]
    made.rm(*left, force=True)
    assert left == []
    until(lambda: made.session.store.check() == [])
    made.close()


@pytest.fixture
def start(engine):
    names = []

    def run(script, name, **options):
        names.append(name)
        return engine.run("base:1", script=script, name=name, detach=True, **options)

    yield run
    for name in names:
        with suppress(NotFoundError):
            engine.rm(name, force=True)


@pytest.fixture
def starter(home, engine):
    """Starts a container from a process that is killed then; gives the pids of supervisor and container with their births."""
    made = []

    def begin(script, name, *words):
        env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "JUPYTER_TOKEN": "sesame", "JPY_PARENT_PID": "1"}
        process = subprocess.Popen(
            [sys.executable, "-c", STARTER, str(home), script, name, *words], stdout=subprocess.PIPE, text=True, env=env
        )
        supervisor, container = map(int, process.stdout.readline().split())
        made.append(name)
        found = [(pid, identity.birth(pid)) for pid in (supervisor, container)]
        return process, *found

    def end(process):
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        process.stdout.close()

    begin.end = end
    yield begin
    for name in made:
        with suppress(NotFoundError):
            engine.rm(name, force=True)


def lives(who):
    held = identity.open_process(*who)
    if held is not None:
        os.close(held)
    return held is not None


def gone(*everyone, timeout=20):
    end = time.monotonic() + timeout
    while any(lives(who) for who in everyone) and time.monotonic() < end:
        time.sleep(0.02)
    return not any(lives(who) for who in everyone)


def open_files(pid):
    return {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}


def row_of(engine, name):
    return engine.session.store.containers.get(name)


def until(condition, timeout=30):
    end = time.monotonic() + timeout
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


def test_it_goes_on_when_whoever_started_it_is_killed_and_another_process_stops_it(engine, starter):
    process, supervisor, container = starter(POLITE, "pond")
    session = os.getsid(process.pid)
    assert os.getsid(supervisor[0]) != session
    assert f"PPid:\t{process.pid}\n" not in Path(f"/proc/{supervisor[0]}/status").read_text()
    starter.end(process)
    until(lambda: "ready" in engine.logs("pond"))
    assert lives(supervisor)
    assert lives(container)
    assert engine.inspect("pond").detached
    assert "running (detached)" in str(engine.ps())
    assert engine.stop("pond", timeout=20) == ("pond",)
    found = engine.inspect("pond")
    assert (found.status, found.exit_code, found.stopped, found.detached) == ("exited", 5, "", False)
    assert found.logs() == "ready\ntold\n"
    assert gone(supervisor, container)


def test_its_supervisor_has_nothing_of_whoever_started_it(starter):
    process, (pid, _), _ = starter(LOOP, "clean")
    variables = dict(item.split("=", 1) for item in Path(f"/proc/{pid}/environ").read_text().split("\0") if item)
    assert variables.keys() <= {"PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH"}
    standing = open_files(pid) - {"/dev/null", "anon_inode:[eventpoll]"}
    assert not standing & open_files(process.pid)
    starter.end(process)


def test_the_run_tells_of_its_beginning_and_its_record_says_that_it_is_detached(engine, start):
    run = start(LOOP, "told")
    assert (run.exit_code, run.error, run.kept, run.container.status) == (0, None, True, "running")
    assert run.isolation.tier == engine.session.runtime.isolation.tier
    data, metadata = bundle(run)
    document = data["application/vnd.dockmagic.run+json"]
    assert (document["background"], document["detached"], document["container"]) == (True, True, {"name": "told"})
    assert "running, detached" in data["text/plain"]
    assert next(iter(metadata.values()))["container"]["detached"] is True
    assert engine.inspect("told").config["detached"] is True
    assert engine.background("told") is None


def test_every_verb_works_from_another_process(engine, start, tmp_path):
    start("trap 'echo hup' HUP\necho x > /made\n" + LOOP, "shared", limits=Limits(memory=256 << 20, pids=99))
    (tmp_path / "in").write_text("given\n")
    assert engine.exec("shared", script="cat /made; echo y > /more\n", running=True).stdout == "x\n"
    engine.cp(str(tmp_path / "in"), "shared:/in")
    engine.cp("shared:/in", str(tmp_path / "out"))
    assert (tmp_path / "out").read_text() == "given\n"
    assert engine.diff("shared").changes == {"/in": "A", "/made": "A", "/more": "A"}
    assert engine.top("shared")[0].pid == 1
    found = engine.stats("shared")[0]
    assert (found.memory_limit, found.pids_limit, found.memory > 0) == (256 << 20, 99, True)
    engine.pause("shared")
    assert "running (paused, detached)" in str(engine.ps())
    with pytest.raises(ConflictError, match="paused"):
        engine.exec("shared", "true")
    engine.unpause("shared")
    engine.kill("shared", signal="HUP")
    until(lambda: "hup" in engine.logs("shared"))
    with pytest.raises(ConflictError, match="rm -f shared"):
        start(LOOP, "shared")
    with pytest.raises(ConflictError, match="is running"):
        engine.rm("shared")
    engine.rename("shared", "renamed")
    supervisor = row_of(engine, "renamed")
    assert engine.rm("renamed", force=True) == ("renamed",)
    assert gone((supervisor.kernel_pid, supervisor.kernel_birth), (supervisor.pid, supervisor.birth))


def test_a_log_is_followed_and_an_end_awaited_from_another_process(engine, start):
    start("sleep 0.3\necho one\nsleep 0.3\necho two\nexit 3\n", "talk")
    heard = []
    engine.follow("talk", heard.append)
    assert b"".join(heard) == b"one\ntwo\n"
    assert engine.wait("talk", timeout=20) == 3
    # What has ended is any kept container: exec starts it again, and it is this process's then.
    assert engine.exec("talk", "true").exit_code == 0
    assert not engine.inspect("talk").config["detached"]


def test_one_that_is_removed_at_its_end_tells_its_exit_code_to_who_waits(engine, start):
    for number in range(3):
        start("sleep 0.2\nexit 7\n", "brief", remove=True)
        assert engine.wait("brief", timeout=20) == 7
        until(lambda: row_of(engine, "brief") is None)
        assert number < 3


def test_what_cannot_start_is_told_at_once(engine, start):
    missing = engine.run("base:1", "no-such-program", name="missing", detach=True)
    assert isinstance(missing.error, RunError)
    assert str(missing.error).startswith('"no-such-program" is not in the image (exit code 127)')
    assert (missing.exit_code, missing.error.returncode, missing.error.cmd) == (127, 127, ("no-such-program",))
    assert (missing.container.status, missing.container.exit_code) == ("exited", 127)
    engine.rm("missing")
    with pytest.raises(UsageError, match="nobody-here"):
        start("true\n", "nobody", user="nobody-here")
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConflictError, match="in use"):
        start("true\n", "nobody", publish=(f"{taken.getsockname()[1]}:80",))
    with pytest.raises(UsageError, match="--get cannot be used with --detach"):
        engine.run("base:1", "true", get=("/x",), detach=True)
    with pytest.raises(UsageError, match="--rm cannot be used with --keep"):
        engine.run("base:1", "true", keep=True, remove=True, detach=True)


def test_a_runtime_that_was_given_cannot_be_handed_on(tmp_path):
    engine = Engine(tmp_path / "home", runtime=RecordingRuntime(tmp_path / "home"))
    engine.build("FROM scratch\nLABEL a=b\n", tags=("empty:1",))
    with pytest.raises(UsageError, match="given"):
        engine.run("empty:1", "x", detach=True)
    engine.close()


@pytest.mark.parametrize("removed", [False, True], ids=["kept", "removed"])
def test_a_supervisor_that_is_killed_takes_its_container_with_it(home, engine, starter, removed):
    process, supervisor, container = starter(LOOP, "orphan", *(["--rm"] if removed else []))
    starter.end(process)
    os.kill(supervisor[0], signal.SIGKILL)
    assert gone(supervisor, container)
    found = engine.inspect("orphan")
    assert (found.status, found.exit_code, found.stopped) == ("exited", 137, "killed")
    again = Engine(home)
    assert [row.name for row in again.session.store.containers.list()] == ([] if removed else ["orphan"])
    until(lambda: again.session.store.check() == [])
    again.close()


def test_a_supervisor_that_is_asked_to_end_interrupts_the_container_and_writes_it_down(engine, start):
    start("trap 'echo int; exit 4' INT\n" + LOOP, "asked")
    row = row_of(engine, "asked")
    until(lambda: "ready" in engine.logs("asked"))
    os.kill(row.kernel_pid, signal.SIGTERM)
    assert gone((row.kernel_pid, row.kernel_birth))
    stored = row_of(engine, "asked")
    assert (stored.status, stored.exit_code, stored.spec["stopped"]) == ("exited", 130, "interrupted")
    assert engine.logs("asked") == "ready\nint\n"


def test_whoever_is_gone_before_it_was_heard_gets_no_container(engine):
    image = engine.inspect("base:1")
    commission = Commission(
        home=engine.session.home, shared=(), weak=False, image=image.id, names=("base:1",),
        request=Request(script=LOOP, name="unheard", detach=True),
    )  # fmt: skip
    channel, theirs = wire.pair()
    detached._start(engine.session, theirs)
    wire.send(channel, commission.to_json())
    select.select([channel], [], [])
    row = row_of(engine, "unheard")
    assert row.status == "running"
    channel.close()
    assert gone((row.kernel_pid, row.kernel_birth), (row.pid, row.birth))
    assert row_of(engine, "unheard") is None


def test_a_commission_is_the_same_behind_its_json():
    request = Request(
        script="\udcff\n", argv=("a", "b"), env={"A": "1"}, stdin=b"\0\xff", timeout=1.5, entrypoint="", detach=True,
        limits=Limits(memory=5, ulimits=(("nofile", 1, 2),)), settings=Settings(add_hosts=(("10.0.0.1", "db"),), health_retries=2),
        given=given({"x": b"\1\2", "y": {"a": [1]}}), cwd=Path("/some/where"),
    )  # fmt: skip
    commission = Commission(
        home=Path("/h"), shared=(Path("/s"),), weak=True, image="sha256:1", names=("n",), request=request
    )
    assert Commission.of_json(json.loads(json.dumps(commission.to_json()))) == commission


def test_input_values_and_limits_reach_it(engine, start):
    options = {"stdin": b"typed\n", "given": {"cfg": {"a": 1}}, "env": {"SECRET": "pearl"}}
    start("cat; cat /run/dockmagic/in/cfg*; echo; echo $SECRET\n", "fed", **options)
    assert engine.wait("fed", timeout=20) == 0
    assert engine.logs("fed") == 'typed\n{"a": 1}\npearl\n'
    for name, script, limited, reason in (
        ("timed", LOOP, {"timeout": 0.3}, "timeout"),
        (
            "hungry",
            "x=0123456789abcdef\nwhile :; do x=$x$x; done\n",
            {"limits": Limits(memory=64 << 20)},
            "memory limit",
        ),
        ("filler", "cat /dev/zero > /big; sleep 60\n", {"limits": Limits(disk=8 << 20)}, "disk limit"),
    ):
        start(script, name, **limited)
        assert engine.wait(name, timeout=60) == 137
        found = engine.inspect(name)
        assert (found.exit_code, found.stopped) == (137, reason)
        document = bundle(found)[0]["application/vnd.dockmagic.run+json"]
        assert (document["verdict"], document["stopped"]) == (f"stopped: {reason}", reason)


def test_its_health_is_checked(engine, start):
    start(LOOP, "well", settings=Settings(health_cmd="test -e /made", health_interval=0.2, health_retries=1))
    until(lambda: engine.inspect("well").health.status == "unhealthy")
    engine.exec("well", "touch /made")
    until(lambda: engine.inspect("well").health.status == "healthy")
    assert "running (healthy, detached)" in str(engine.ps())


def test_its_ports_are_published_and_its_network_is_shared(engine):
    serve = "import http.server as h; h.HTTPServer(('', 80), h.SimpleHTTPRequestHandler).serve_forever()"
    try:
        engine.run("localhost/python", ["python3", "-c", serve], name="server", publish=("80",), detach=True)
    except IsolationError as error:
        if error.operation not in {"open(/dev/net/tun)", "/dev/net/tun"}:
            raise
        pytest.skip("no private networks here")
    try:
        host, _, port = engine.port("server")[0].host.rpartition(":")

        def answers():
            with suppress(OSError), socket.create_connection((host, int(port)), timeout=5) as made:
                made.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return b"200 OK" in made.recv(100)

        until(answers)
        ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1/').status)"
        engine.run("localhost/python", ["python3", "-c", ask], name="sidecar", network="container:server", detach=True)
        assert (engine.wait("sidecar", timeout=60), engine.logs("sidecar")) == (0, "200\n")
        engine.rm("sidecar")
    finally:
        engine.rm("server", force=True)


def test_one_that_is_cancelled_while_it_begins_does_not_go_on(engine):
    async def cancelled():
        work = asyncio.ensure_future(aio.Engine(engine).run("base:1", script=LOOP, name="begun", detach=True))
        await asyncio.sleep(0.05)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(cancelled())
    assert engine.inspect("begun").status == "exited"
    engine.rm("begun")


def test_an_interrupt_while_it_begins_leaves_none(engine):
    signal_me = threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT))
    signal_me.start()

    def begin_and_remove():
        while True:
            engine.run("base:1", script=LOOP, name="unwanted", detach=True)
            engine.rm("unwanted", force=True)

    with pytest.raises(KeyboardInterrupt):
        begin_and_remove()
    signal_me.join()
    until(lambda: row_of(engine, "unwanted") is None or row_of(engine, "unwanted").status == "exited")
    with suppress(NotFoundError):
        engine.rm("unwanted")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_user_has_it(kind, tmp_path_factory):
    user = make_user(kind, tmp_path_factory.mktemp("pytest-detach"))
    begin = f"""
from dockmagic.engine.engine import Engine
engine = Engine()
engine.build("FROM localhost/base", tags=("base:1",))
for name, who in (("aa", ""), ("bb", "65534")):
    engine.run("base:1", script="echo x > /tmp/made\\n" + {POLITE!r}, name=name, user=who, detach=True, remove=name == "bb")
engine.close()
"""
    go_on = """
import time
from dockmagic.engine.engine import Engine
engine = Engine()
while not all("ready" in engine.logs(name) for name in ("aa", "bb")):
    time.sleep(0.01)
print(sorted((found.name, found.status, found.detached) for found in engine.ps()))
run = engine.exec("bb", script="id -u; echo y > /tmp/more\\n", user="65534", running=True)
print(run.stdout.strip(), run.changes)
engine.pause("aa"); engine.unpause("aa")
print(engine.stop("aa", "bb", timeout=20), engine.wait("aa"))
while len(engine.ps(all=True)) > 1:
    time.sleep(0.01)
engine.rm("aa")
while engine.session.store.check():  # its supervisor removes what is left of the other one
    time.sleep(0.01)
engine.close()
"""
    done = user.run(sys.executable, "-c", begin)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    done = user.run(sys.executable, "-c", go_on)
    assert (
        done.stdout == "[('aa', 'running', True), ('bb', 'running', True)]\n65534 {'/tmp/more': 'A'}\n('aa', 'bb') 5\n"
    ), done.stderr


@pytest.mark.parametrize("kind", ["stud", "nosub"])
def test_where_writable_layers_are_in_memory_others_reach_it_while_it_lives(kind, tmp_path_factory):
    user = make_user(kind, tmp_path_factory.mktemp("pytest-pod"))
    begin = f"""
import sys
from dockmagic.engine.engine import Engine
engine = Engine(sys.argv[1])
engine.build("FROM localhost/base", tags=("base:1",))
run = engine.run("base:1", script="echo x > /made\\n" + {LOOP!r}, name="pond", detach=True)
engine.close()
"""
    go_on = """
import sys, time
from pathlib import Path
from dockmagic.engine.engine import Engine
from dockmagic.errors import ConflictError
engine, here = Engine(sys.argv[1]), Path(sys.argv[2])
while "ready" not in engine.logs("pond"):
    time.sleep(0.01)
print(dict(engine.ps()[0].changes), engine.exec("pond", script="cat /made; echo y > /more\\n").stdout, end="")
(here / "in").write_text("given")
engine.cp(f"{here}/in", "pond:/in")
engine.cp("pond:/in", f"{here}/out")
print((here / "out").read_text(), engine.diff("pond").changes, engine.inspect("pond").changes == engine.diff("pond").changes)
engine.stop("pond")
print([(found.status, found.exit_code, dict(found.changes)) for found in engine.ps(all=True)])
for look in (lambda: engine.exec("pond", "true"), lambda: engine.diff("pond")):
    try:
        look()
    except ConflictError as error:
        print(error.message)
engine.rm("pond")
print(engine.session.store.check())
engine.close()
"""
    words = [
        f"{shlex.join([sys.executable, '-c', script, f'{user.home}/m/store', str(user.home)])}"
        for script in (begin, go_on)
    ]
    command = user.command(("sh", "-ec", "\n".join(words)), {})
    command[-1] = ON_AN_OVERLAY.format(home=user.home) + command[-1]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    gone = "what container pond has changed is gone: it was in the memory of the process that ran it"
    assert done.stdout.splitlines() == [
        "{'/made': 'A'} x",
        "given {'/in': 'A', '/made': 'A', '/more': 'A'} True",
        "[('exited', 137, {})]",
        gone,
        gone,
        "[]",
    ], done.stderr
