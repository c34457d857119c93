"""Containers that go on by themselves: every other process works with them, and what was asked of a run is their supervisor's to keep."""

from __future__ import annotations

import socket
from contextlib import suppress

import pytest

from dockmagic.engine.settings import Settings
from dockmagic.errors import ConflictError, IsolationError
from dockmagic.record.bundle import bundle
from dockmagic.sandbox.spec import Limits
from tests.integration.detaching import LOOP, gone, opened, row_of, starting, until
from tests.users import PATIENCE


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("detach") / "home") as made:
        yield made


@pytest.fixture
def start(engine):
    with starting(engine) as run:
        yield run


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
    assert engine.wait("talk", timeout=PATIENCE) == 3
    # What has ended is any kept container: exec starts it again, and it is this process's then.
    assert engine.exec("talk", "true").exit_code == 0
    assert not engine.inspect("talk").config["detached"]


def test_input_values_and_limits_reach_it(engine, start):
    options = {"stdin": b"typed\n", "given": {"cfg": {"a": 1}}, "env": {"SECRET": "pearl"}}
    start("cat; cat /run/dockmagic/in/cfg*; echo; echo $SECRET\n", "fed", **options)
    assert engine.wait("fed", timeout=PATIENCE) == 0
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
        assert engine.wait(name, timeout=PATIENCE) == 137
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
            with suppress(OSError), socket.create_connection((host, int(port)), timeout=PATIENCE) as made:
                made.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return b"200 OK" in made.recv(100)

        until(answers)
        ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1/').status)"
        engine.run("localhost/python", ["python3", "-c", ask], name="sidecar", network="container:server", detach=True)
        assert (engine.wait("sidecar", timeout=PATIENCE), engine.logs("sidecar")) == (0, "200\n")
        engine.rm("sidecar")
    finally:
        engine.rm("server", force=True)
