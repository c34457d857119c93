"""Networks of containers, with the real programs; ``test_network_users`` runs all of this as other users too."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from dockmagic import IsolationError, UsageError
from dockmagic.engine.engine import Engine
from dockmagic.engine.settings import Settings
from dockmagic.errors import ConflictError
from dockmagic.sandbox import names
from dockmagic.sandbox.spec import NETWORK_PROGRAMS
from tests.users import PATIENCE

IMAGE = "localhost/python"
# Tells of each (name, address, port, device) how a connection to it ends: what it said, or the error's number.
KNOCK = """
import json, os, socket, sys
for name, address, port, device in json.loads(os.environ["DOORS"]):
    with socket.socket() as made:
        made.settimeout(3)
        if device:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        try:
            made.connect((address, port))
            print(name, made.recv(100).decode().strip())
        except TimeoutError:
            print(name, "silence")
        except OSError as error:
            print(name, error.errno)
"""
# Answers on TCP port 80 with all that it heard until the other side had said all, in capitals, and so each datagram on UDP port 81.
SERVER = """
import socket, socketserver, threading
class Stream(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.read().upper())
class Datagram(socketserver.DatagramRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.read().upper())
socketserver.UDPServer.max_packet_size = 65507
udp = socketserver.ThreadingUDPServer(("0.0.0.0", 81), Datagram)
threading.Thread(target=udp.serve_forever, daemon=True).start()
class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 100
tcp = Server(("0.0.0.0", 80), Stream)
print("ready", flush=True)
tcp.serve_forever()
"""


def own_address():
    """This machine's address that others reach it by; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("198.51.100.1", 9))
        return probe.getsockname()[0]


@pytest.fixture(scope="module")
def doors():
    """Ports of this machine that greet: ``lan`` at its own address, ``loopback`` at 127.0.0.1."""
    with contextlib.ExitStack() as stack:
        made = {}
        for name, address in (("lan", own_address()), ("loopback", "127.0.0.1")):
            made[name] = stack.enter_context(socket.create_server((address, 0)))
            threading.Thread(target=_greet, args=(made[name], name), daemon=True).start()
        yield {name: sock.getsockname() for name, sock in made.items()}


def _greet(door, name):
    with contextlib.suppress(OSError):
        while True:
            with door.accept()[0] as guest:
                guest.sendall(name.encode())


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("network") / "store")
    yield made
    made.close()


@pytest.fixture(scope="module", params=NETWORK_PROGRAMS)
def program(request, engine):
    assert engine.session.runtime.private_network((request.param,)) == request.param
    return request.param


@pytest.fixture
def serve(engine):
    """Start the server in the background; returns once it listens."""
    started = []

    def begin(name, **options):
        run = engine.run(IMAGE, script=SERVER, interp="python3", name=name, background=True, **options)
        started.append(name)
        end = time.monotonic() + PATIENCE
        while "ready" not in engine.logs(name) and time.monotonic() < end:
            time.sleep(0.02)
        return run

    yield begin
    for name in started:
        engine.rm(name, force=True)


def knock(engine, doors, **options):
    """How knocking at each door from inside ends."""
    env = {"DOORS": json.dumps(doors)}
    run = engine.run(IMAGE, script=KNOCK, interp="python3", env=env, **options)
    assert run.exit_code == 0, run.stderr
    return dict(line.rsplit(" ", 1) for line in run.stdout.splitlines())


def said(address, data):
    """What the server answers to a stream that ends."""
    with socket.create_connection(address, PATIENCE) as stream:
        threading.Thread(target=_send, args=(stream, data), daemon=True).start()
        found = bytearray()
        while chunk := stream.recv(1 << 16):
            found += chunk
        return bytes(found)


def _send(stream, data):
    with suppress(OSError):  # the other side has ended the stream, and what it said is all that counts
        stream.sendall(data)
        stream.shutdown(socket.SHUT_WR)


def of(engine, name, protocol="tcp"):
    return next((each.address, each.port) for each in engine.port(name) if each.protocol == protocol)


def test_a_private_network_leads_out_and_nowhere_else(engine, doors, program):
    lan, loopback = doors["lan"], doors["loopback"]
    wanted = [
        ("out", *lan, ""),
        ("gateway", names.GATEWAY, loopback[1], ""),
        ("loopback", *loopback, ""),
        ("metadata", "169.254.169.254", 80, ""),
        ("azure", "168.63.129.16", 80, ""),
    ]
    found = knock(engine, wanted, network=program)
    control = knock(engine, [("loopback", *loopback, "")], network="host")

    assert control == {"loopback": "loopback"}
    assert found["out"] == "lan"
    # What must not leave arrives in the container itself.
    for name in ("loopback", "metadata", "azure"):
        assert (name, found[name]) == (name, str(errno.ECONNREFUSED))
    assert found["gateway"] in {"silence", str(errno.ENETUNREACH), str(errno.EHOSTUNREACH), str(errno.ECONNREFUSED)}


# A socket that is bound to the interface passes by the routes of others: three ways to do that, and what the kernel would send from where.
AROUND = """
import os, socket, struct
port, number = int(os.environ["PORT"]), socket.if_nametoindex("eth0")
def datagram():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def bound():
    made = datagram()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
    return made
def source(address):
    made = bound()
    made.connect((address, 80))
    return made.getsockname()[0]
bound().sendto(b"bound", ("127.0.0.1", port))
datagram().sendmsg([b"pktinfo"], [(socket.IPPROTO_IP, 8, struct.pack("=I8x", number))], 0, ("127.0.0.1", port))
unicast = datagram()
unicast.setsockopt(socket.IPPROTO_IP, 50, struct.pack("!I", number))
unicast.sendto(b"unicast", ("127.0.0.1", port))
stream = socket.socket()
stream.settimeout(1)
stream.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
print(stream.connect_ex(("127.0.0.1", port)) != 0)
for address in ("127.0.0.1", "169.254.169.254", "100.100.100.200"):
    print(source(address) == address)
print(source("198.51.100.1"))
"""


def test_no_socket_option_leads_around_the_walls(engine, program):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as streams:
        streams.bind(("127.0.0.1", 0))
        datagrams.bind(streams.getsockname())
        streams.listen()
        port = str(streams.getsockname()[1])
        run = engine.run(IMAGE, script=AROUND, interp="python3", network=program, env={"PORT": port})
        heard = select.select([datagrams, streams], [], [], 0.5)[0]

    assert run.stdout.split() == ["True"] * 4 + [names.ADDRESS], run.stderr
    assert heard == []


def test_the_world_inside_is_the_same_by_each_program(engine, program):
    script = "cat /etc/resolv.conf /etc/hosts; cat /proc/net/route | cut -f 1-3; cat /proc/sys/net/ipv4/ip_unprivileged_port_start"
    run = engine.run("localhost/base", script=script, network=program, settings=Settings(hostname="oven"))

    assert run.isolation.network == "private"
    assert run.isolation.network_by == program
    assert f"nameserver {names.RESOLVER}\n" in run.stdout
    assert f"{names.ADDRESS}\toven\n" in run.stdout
    assert "eth0\t00000000\t0202000A\n" in run.stdout
    assert run.stdout.endswith("\n0\n")


def test_published_ports_carry_streams_and_datagrams(engine, serve, program):
    run = serve("web", network=program, publish=["80", "127.0.0.1::81/udp"])
    tcp, udp = of(engine, "web"), of(engine, "web", "udp")
    big = os.urandom(3_000_000).lower()

    assert run.isolation.network_by == program
    assert said(tcp, b"hello") == b"HELLO"
    assert said(tcp, big) == big.upper()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
    ):
        for number, sock in enumerate((one, two, one)):
            sock.settimeout(PATIENCE)
            sock.sendto(b"a%d" % number + b"x" * 8000, udp)
            assert sock.recv(1 << 16) == b"A%d" % number + b"X" * 8000


def test_a_published_port_is_on_the_loopback_alone_unless_an_address_is_given(engine, serve):
    serve("web", publish=["80", f"{own_address()}::80"])
    near, far = (each for each in engine.port("web"))

    assert near.address == "127.0.0.1"
    assert said((near.address, near.port), b"a") == b"A"
    assert said((own_address(), far.port), b"b") == b"B"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((own_address(), near.port), 3)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", far.port), 3)


def test_many_streams_at_once_arrive_and_one_to_nobody_ends(engine, serve):
    serve("web", publish=["80", "127.0.0.1::9"])
    streams, nobody = [(each.address, each.port) for each in engine.port("web")]
    answers = []
    threads = [threading.Thread(target=lambda n=n: answers.append(said(streams, b"n%d" % n))) for n in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert sorted(answers) == sorted(b"N%d" % n for n in range(60))
    with contextlib.suppress(ConnectionResetError):
        assert said(nobody, b"") == b""


def test_ports_of_the_image_are_published_on_free_ports(engine, serve):
    engine.build("FROM localhost/python\nEXPOSE 80 81/udp\n", tags="served:1")
    run = engine.run("served:1", "true", publish_all=True, expose=["7000-7001"], keep=True)
    found = [(each["container"], each["protocol"], each["address"]) for each in run.container.config["ports"]]
    engine.rm(run.container.name)

    assert found == [
        (80, "tcp", "127.0.0.1"),
        (81, "udp", "127.0.0.1"),
        (7000, "tcp", "127.0.0.1"),
        (7001, "tcp", "127.0.0.1"),
    ]
    assert all(each["host"] for each in run.container.config["ports"])


def test_a_taken_port_is_a_conflict_and_a_range_goes_on_to_the_next(engine):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConflictError, match=f"port {port}/tcp of 127.0.0.1 is in use"):
            engine.run("localhost/base", "true", publish=[f"{port}:80"])
        run = engine.run("localhost/base", "true", publish=[f"{port}-{port + 20}:80"], keep=True)
    engine.rm(run.container.name)

    assert port < run.container.config["ports"][0]["host"] <= port + 20
    with pytest.raises(UsageError, match="no such address"):
        engine.run("localhost/base", "true", publish=["203.0.113.7:8080:80"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "none", "publish": ["80"]}, "-p cannot be used with --network none"),
        ({"network": "moon"}, "--network moon"),
        ({"publish": ["0:80"]}, '"0" is no port'),
        ({"publish": ["80-82:80-81"]}, "different lengths"),
        ({"publish": ["20000-20200"]}, "more than 180 ports"),
        ({"publish": ["80/sctp"]}, '"sctp" cannot be published'),
        ({"publish": ["x:80:80"]}, '"x" is no IP address'),
        ({"network": "private", "settings": Settings(cap_add=("NET_ADMIN",))}, "NET_ADMIN cannot be used"),
        ({"network": "private", "settings": Settings(cap_add=("ALL",))}, "NET_ADMIN cannot be used"),
        ({"network": "private", "settings": Settings(cap_add=("NET_RAW",))}, "NET_RAW cannot be used"),
        (
            {"network": "private", "settings": Settings(dns=("2001:db8::53",))},
            "--dns 2001:db8::53: a private network has no IPv6",
        ),
        ({"settings": Settings(dns_search=("a b",))}, "is no domain"),
        ({"settings": Settings(dns_options=("a\nnameserver 1.1.1.1",))}, "is no option"),
    ],
)
def test_what_cannot_be_is_refused_by_name(engine, options, message):
    before = engine.ps(all=True).items
    with pytest.raises(UsageError, match=message):
        engine.run("localhost/base", "true", **options)
    assert engine.ps(all=True).items == before


def test_with_the_hosts_network_published_ports_are_discarded_and_a_note_says_so(engine):
    run = engine.run("localhost/base", "true", network="host", publish=["8080:80"])

    assert run.exit_code == 0
    assert any("published ports are discarded" in note for note in run.isolation.notes)


def test_containers_are_apart_unless_one_shares_the_others_network(engine, serve):
    serve("web", publish=["80"])
    door = ("web", names.ADDRESS, 80, "")
    near = ("near", "127.0.0.1", 80, "")
    ask = "import socket\ns = socket.create_connection(('127.0.0.1', 80))\ns.sendall(b'in'); s.shutdown(1)\nprint(s.recv(9))\nprint(open('/etc/hosts').read(), socket.gethostname())"
    apart = knock(engine, [door, near], network="private")
    shared = engine.run(IMAGE, script=ask, interp="python3", network="container:web")
    beside = engine.exec("web", script=ask, interp="python3")

    assert apart == {"web": str(errno.ECONNREFUSED), "near": str(errno.ECONNREFUSED)}
    assert shared.stdout == beside.stdout
    assert shared.stdout.startswith("b'IN'\n")
    assert shared.stdout.endswith(" web\n")
    assert shared.isolation.network == "container:web"
    assert [listed.command.split()[0] for listed in engine.top("web")] == ["python3"]
    with contextlib.closing(Engine(engine.session.home)) as elsewhere:
        far = elsewhere.run(
            IMAGE, script=f"{ask}\nopen('/made', 'w')\n", interp="python3", network="container:web", name="far"
        )
        again = elsewhere.exec("far", script=ask, interp="python3")
        elsewhere.rm("far")
    assert (far.stdout, again.stdout, far.changes) == (shared.stdout, shared.stdout, {"/made": "A"})
    with pytest.raises(UsageError, match="--hostname cannot be used with --network container:NAME"):
        engine.run(IMAGE, "true", network="container:web", settings=Settings(hostname="x"))
    with pytest.raises(UsageError, match="-p cannot be used with --network container:NAME"):
        engine.run(IMAGE, "true", network="container:web", publish=["80"])
    engine.stop("web", timeout=0)
    with pytest.raises(ConflictError, match="is not running"):
        engine.run(IMAGE, "true", network="container:web")


def test_an_exec_of_an_ended_container_has_its_network_and_ports_again(engine, serve):
    serve("web", publish=["80"])
    engine.stop("web", timeout=0)
    told = []
    run = engine.exec("web", script="cat /etc/resolv.conf", on_start=lambda _: told.append(engine.port("web").rows))

    assert run.stdout.startswith(f"nameserver {names.RESOLVER}\n")
    assert run.isolation.network_by in NETWORK_PROGRAMS
    assert [row[0] for row in told[0]] == ["80/tcp"]
    with pytest.raises(ConflictError, match="is not running"):
        engine.port("web")


def test_abstract_sockets_of_the_host_are_out_of_reach(engine):
    name = f"\0dockmagic-test-{os.getpid()}"
    script = f"import socket\ns = socket.socket(socket.AF_UNIX)\nprint(s.connect_ex({name!r}))"
    with socket.socket(socket.AF_UNIX) as planted:
        planted.bind(name)
        planted.listen()
        inside, control = (
            engine.run(IMAGE, script=script, interp="python3", network=network).stdout
            for network in ("private", "host")
        )

    assert control == "0\n"
    assert inside == f"{errno.ECONNREFUSED}\n"


def test_names_are_made_for_each_kind_of_network(engine):
    script = "cat /etc/resolv.conf; echo --; cat /etc/hosts; echo --; cat /etc/hostname; hostname"
    chosen = Settings(
        hostname="oven", add_hosts=(("203.0.113.5", "flour"),), dns=("203.0.113.53",), dns_search=("example.org",), dns_options=("ndots:2",)
    )  # fmt: skip
    found = {
        kind: engine.run("localhost/base", script=script, network=kind, settings=chosen).stdout.split("--\n")
        for kind in ("none", "private", "host")
    }
    plain = engine.run("localhost/base", script="cat /etc/resolv.conf", network="none").stdout

    for resolver, hosts, name in found.values():
        assert resolver == "nameserver 203.0.113.53\nsearch example.org\noptions ndots:2\n"
        assert hosts.endswith("203.0.113.5\tflour\n")
        assert name == "oven\noven\n"
    assert f"{names.ADDRESS}\toven\n" in found["private"][1]
    assert plain == ""


@pytest.mark.parametrize("network", ["none", *NETWORK_PROGRAMS])
def test_ipv6_is_the_loopbacks_alone_and_what_leads_nowhere_says_so_at_once(engine, network):
    script = """
import socket
with socket.create_server(("::1", 0), family=socket.AF_INET6) as here, socket.create_connection(here.getsockname()[:2]):
    print("loopback")
print([line.split()[0] for line in open("/proc/net/if_inet6") if line.split()[3] != "20"][1:])
print(socket.getaddrinfo("oven", 80, socket.AF_INET6)[0][4][0])
with socket.socket(socket.AF_INET6) as out:
    print(out.connect_ex(("2001:db8::1", 80)))
"""
    settings = Settings(add_hosts=(("2001:db8::7", "oven"),))
    run = engine.run(IMAGE, script=script, interp="python3", network=network, settings=settings)

    assert run.stdout.split() == ["loopback", "[]", "2001:db8::7", str(errno.ENETUNREACH)], run.stderr


def test_a_port_is_published_on_addresses_of_ipv6(engine, serve):
    serve("six", publish=["[::1]::80", "80"])
    six, four = engine.port("six")

    assert six.host == f"[::1]:{six.port}"
    assert said(("::1", six.port), b"a") == b"A"
    assert said(("127.0.0.1", four.port), b"b") == b"B"
    for place in (("127.0.0.1", six.port), ("::1", four.port)):
        if six.port != four.port:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(place, 3)


def test_a_build_has_a_private_network_and_a_dockerfile_cannot_ask_for_more(engine):
    text = "FROM localhost/base\nRUN cat /etc/resolv.conf > /resolver\n"
    built = engine.build(text)
    shared = engine.build(text, network="host", no_cache=True)

    assert [step.network for step in built.steps] == ["private"]
    assert built.notes == ()
    assert [step.network for step in shared.steps] == ["host"]
    assert shared.notes == ("RUN shares the host's network",)
    with pytest.raises(Exception, match="was not asked for --network host"):
        engine.build("FROM localhost/base\nRUN --network=host true\n")


def descendants(pid):
    """Pids of all processes below one."""
    parents = {}
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                stat = (each / "stat").read_text()
                parents[int(each.name)] = int(stat[stat.rindex(")") + 2 :].split()[1])
    found, rest = set(), {pid}
    while rest:
        rest = {child for child, parent in parents.items() if parent in rest}
        found |= rest
    return found


def held(pids):
    """Pidfds of processes, so that their end is seen and nobody else's."""
    found = []
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            found.append(os.pidfd_open(pid))
    return found


def all_ended(pidfds, seconds=PATIENCE):
    end = time.monotonic() + seconds
    return all(select.select([pidfd], [], [], max(0, end - time.monotonic()))[0] for pidfd in pidfds)


def test_the_program_and_the_relay_end_with_the_container(engine, serve, program):
    before = descendants(os.getpid())
    serve("web", network=program, publish=["80"])
    new = held(descendants(os.getpid()) - before)
    engine.stop("web", timeout=0)

    # its monitor, the script, the keeper, the program and the relay
    assert len(new) >= 5
    assert all_ended(new)


def test_they_end_with_a_kernel_that_is_killed(engine, tmp_path, program):
    script = f"""
import sys, time
from dockmagic.engine.engine import Engine
engine = Engine(sys.argv[1])
engine.run("localhost/base", ["sleep", "600"], network="{program}", publish=["80"], name="killed", background=True)
print("running", flush=True)
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(engine.session.home)], stdout=subprocess.PIPE, text=True
    ) as kernel:
        assert kernel.stdout.readline() == "running\n"
        below = held(descendants(kernel.pid))
        kernel.kill()

    assert len(below) >= 6
    assert all_ended(below)
    engine.rm("killed")


def test_nothing_is_private_without_a_program(engine, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(IsolationError, match="which is not installed") as caught:
        engine.run("localhost/base", "true", network="private")

    assert "install the package passt or slirp4netns" in str(caught.value)
    assert caught.value.errno == errno.ENOENT
