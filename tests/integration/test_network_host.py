"""What a private network takes from its host: nothing that the program could inherit, and its name server wherever that listens."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.sandbox.spec import NETWORK_PROGRAMS
from tests.integration.test_network import descendants
from tests.users import PATIENCE

# A name server at an address of the loopback, as systemd-resolved is one, and a container that asks it.
ASK = """
import json, socket, sys, threading
from dockmagic.engine.engine import Engine
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.77", 53))
def answer():
    while True:
        query, client = server.recvfrom(512)
        record = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4" + bytes([203, 0, 113, 9])
        server.sendto(query[:2] + b"\\x81\\x80" + query[4:6] + b"\\0\\1\\0\\0\\0\\0" + query[12:] + record, client)
threading.Thread(target=answer, daemon=True).start()
engine = Engine(sys.argv[1])
script = "import socket\\nprint(socket.gethostbyname('flour.example'))"
run = engine.run("localhost/python", script=script, interp="python3", network=sys.argv[2])
print(json.dumps([run.stdout, run.stderr]))
engine.close()
"""


def needs_root():
    if os.geteuid() != 0:
        pytest.skip("only root may look into the program, and put another resolv.conf in its place")


def running(program, pids):
    """Which of these processes runs it; pasta is a name of passt."""
    return [pid for pid in pids if Path(f"/proc/{pid}/exe").readlink().name.startswith((program, "passt"))]


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("network-host") / "store")
    yield made
    made.close()


@pytest.mark.parametrize("program", NETWORK_PROGRAMS)
def test_the_program_inherits_no_variable_and_no_descriptor(engine, monkeypatch, tmp_path, program):
    needs_root()
    monkeypatch.setenv("JUPYTER_TOKEN", "planted-canary")
    canary = tmp_path / "canary"
    canary.write_text("secret")
    planted = os.open(canary, os.O_RDONLY)
    os.set_inheritable(planted, True)
    before = descendants(os.getpid())
    engine.run("localhost/base", ["sleep", "600"], network=program, name="looked-at", background=True)
    try:
        found = running(program, descendants(os.getpid()) - before)
        environment = Path(f"/proc/{found[0]}/environ").read_bytes()
        opened = [str(each.readlink()) for each in Path(f"/proc/{found[0]}/fd").iterdir()]
    finally:
        os.close(planted)
        engine.rm("looked-at", force=True)

    assert len(found) == 1
    assert b"planted-canary" not in environment
    assert dict(pair.split(b"=", 1) for pair in environment.split(b"\0") if b"=" in pair).keys() <= {b"PATH", b"LC_ALL"}
    assert str(canary) not in opened
    assert {name.partition(":")[0] for name in opened} <= {
        "/dev/net/tun",
        "/dev/null",
        "anon_inode",
        "socket",
        "pipe",
        "net",
        "/memfd",
    }


@pytest.mark.parametrize("program", NETWORK_PROGRAMS)
def test_a_container_outlives_its_program_and_its_run_says_so(engine, program):
    needs_root()
    before = descendants(os.getpid())
    engine.run("localhost/base", ["sleep", "600"], network=program, name="cut-off", background=True)
    (pid,) = running(program, descendants(os.getpid()) - before)
    pidfd = os.pidfd_open(pid)
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    assert select.select([pidfd], [], [], PATIENCE)[0]
    os.close(pidfd)
    beside = engine.exec("cut-off", ["true"])
    handle = engine.background("cut-off")
    engine.stop("cut-off", timeout=0)
    ended = handle.wait(PATIENCE)
    engine.rm("cut-off")

    assert beside.exit_code == 0
    assert f"{program} ended before the container did, which had no network then" in ended.isolation.notes


@pytest.mark.parametrize("program", NETWORK_PROGRAMS)
def test_a_name_server_on_the_hosts_loopback_answers_a_private_network(engine, tmp_path, program):
    needs_root()
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.77\n")
    words = [sys.executable, "-c", ASK, str(engine.session.home), program]
    script = f'mount --bind {tmp_path}/resolv.conf /etc/resolv.conf; exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script, "sh", *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    assert json.loads(done.stdout) == ["203.0.113.9\n", ""]


@pytest.mark.parametrize(("program", "works"), [("pasta", False), ("slirp4netns", True), ("private", True)])
def test_a_machine_without_a_way_out_has_private_networks_by_slirp4netns_alone(engine, program, works):
    needs_root()
    script = """
import sys
from dockmagic.engine.engine import Engine
from dockmagic.errors import IsolationError
engine = Engine(sys.argv[1])
try:
    print(engine.run("localhost/base", "true", network=sys.argv[2]).isolation.network_by)
except IsolationError as error:
    print(error)
engine.close()
"""
    words = [sys.executable, "-c", script, str(engine.session.home), program]
    done = subprocess.run(["unshare", "--net", *words], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr

    assert (done.stdout == "slirp4netns\n") is works
    if not works:
        assert done.stdout.startswith("the network of the container cannot be made: pasta: ")
        assert "a default route of IPv4, or the package slirp4netns" in done.stdout
