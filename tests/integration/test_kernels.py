"""Kernels inside images, by the real KernelManager: what a front end does with a kernel, and that nothing of it stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from dockmagic.cli import main
from dockmagic.engine.engine import Engine
from dockmagic.errors import NotFoundError, UsageError
from dockmagic.kernels import verbs
from tests.integration import kernel_image
from tests.users import make_user

SILENT = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with a store that has ``bread:1``, and kernelspecs and runtime files of Jupyter's own."""
    made = tmp_path_factory.mktemp("kernels")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATA", "CONFIG", "RUNTIME"):
            patch.setenv(f"JUPYTER_{name}_DIR", str(made / name.lower()))
        engine = Engine(made / "home")
        context = kernel_image.write_context(made / "context")
        engine.build(kernel_image.DOCKERFILE, context=context, tags=("bread:1",))
        (made / "shared").mkdir()
        (made / "shared" / "menu").write_text("soup\n")
        verbs.install(engine, "bread:1", name="fish", env={"WHO": "Min-ji"}, volumes=[f"{made}/shared:/shared"])
        engine.close()
        yield made


class Front:
    """A front end with one kernel."""

    def __init__(self, name="fish"):
        self.manager = KernelManager(kernel_name=name)
        self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    @property
    def info(self):
        return {"pid": self.manager.provisioner._pid, "directory": Path(self.manager.provisioner._directory)}

    def run(self, code, interrupt_at=None):
        """What a cell prints, and the name of its error; it is interrupted once a file is there."""
        request = self.client.execute(code)
        if interrupt_at is not None:
            ended(interrupt_at.exists)
            self.manager.interrupt_kernel()
        text, error = "", ""
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != request:
                continue
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    text += content["text"]
                case "error":
                    error += content["ename"]
                case "status" if content["execution_state"] == "idle":
                    return text, error

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def front(place):
    made = Front()
    yield made
    made.close()


def containers(place):
    engine = Engine(place / "home")
    try:
        return list(engine.ps(all=True))
    finally:
        engine.close()


def ended(test, patience=60):
    """Wait for what must come to pass."""
    end = time.monotonic() + patience
    while not test():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_gone(pid):
    """It has ended; a zombie of ours has too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_cell_runs_in_the_image_with_its_options_and_without_a_network(front, place):
    code = """import os, json
interfaces = [line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line]
inherited = [name for name in os.environ if name.startswith("JPY")]
menu = open("/shared/menu").read()
"""
    told, _ = front.run(
        f"{code}print(json.dumps([os.path.exists({str(place)!r}), os.environ['WHO'], menu, interfaces, inherited]))"
    )
    assert json.loads(told) == [False, "Min-ji", "soup\n", ["lo"], []]


def test_it_talks_over_private_sockets_alone(front):
    info = front.manager.get_connection_info()
    directory = front.info["directory"]
    assert (info["transport"], info["ip"]) == ("ipc", f"{directory}/s/k")
    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / "s" / "connection.json").stat().st_mode & 0o777 == 0o600
    assert Path(front.manager.connection_file).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "code", ["time.sleep(100)", "subprocess.run(['sleep', '100'])", "get_ipython().system('sleep 100')"]
)
def test_an_interrupt_ends_the_cell_and_not_the_kernel(front, place, code):
    mark = place / "shared" / "mark"
    mark.unlink(missing_ok=True)
    cell = f"import subprocess, time\nopen('/shared/mark', 'w').close()\nx = 1\n{code}"
    text, error = front.run(cell, interrupt_at=mark)
    assert error == "KeyboardInterrupt" or "^C" in text, text
    assert front.run("print(x)") == ("1\n", "")


def test_a_restart_gives_a_fresh_kernel_in_a_fresh_container(front, place):
    front.run("x = 1; open('/left', 'w').close()")
    front.manager.restart_kernel()
    front.client.wait_for_ready(timeout=60)
    assert front.run("import os; print(os.path.exists('/left')); x") == ("False\n", "NameError")
    assert len(containers(place)) == 1


@pytest.mark.parametrize("now", [False, True])
def test_nothing_is_left_of_a_kernel_that_was_shut_down(place, now):
    front = Front()
    info = front.info
    assert [c.status for c in containers(place)] == ["running"]
    front.client.stop_channels()
    front.manager.shutdown_kernel(now=now)
    assert not front.manager.is_alive()
    assert is_gone(info["pid"])
    assert not info["directory"].exists()
    assert containers(place) == []


def test_a_kernel_that_heeds_nothing_is_killed(place):
    front = Front()
    front.run(
        "import signal, os\nfor n in (2, 15): signal.signal(n, signal.SIG_IGN)\nopen('/shared/deaf', 'w').close()"
    )
    front.client.execute("import time\nwhile True:\n    try: time.sleep(1000)\n    except BaseException: pass")
    front.client.stop_channels()
    front.manager.shutdown_wait_time = 1.0
    front.manager.shutdown_kernel()
    assert containers(place) == []


def test_a_kernel_that_dies_leaves_nothing_and_can_be_started_again(front, place):
    front.client.execute("import os; os._exit(7)")
    ended(lambda: not front.manager.is_alive())
    assert front.manager.provisioner._process.poll() == 7
    assert containers(place) == []
    front.manager.restart_kernel(now=True)
    front.client.wait_for_ready(timeout=60)
    assert front.run("print(1)") == ("1\n", "")


def test_nothing_is_left_when_jupyter_is_killed(place):
    script = (
        "import json, sys, time\nfrom jupyter_client.manager import KernelManager\n"
        "m = KernelManager(kernel_name='fish'); m.start_kernel()\n"
        "print(json.dumps([m.provisioner._pid, m.provisioner._directory]), flush=True); time.sleep(1000)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        pid, directory = json.loads(server.stdout.readline())
        assert Path(directory).is_dir()
        server.kill()
    ended(lambda: is_gone(pid))
    assert not Path(directory).exists()
    assert containers(place) == []


def test_the_kernel_ends_with_its_supervisor(front, place):
    (container,) = containers(place)
    os.kill(front.info["pid"], signal.SIGKILL)
    ended(lambda: not front.manager.is_alive())
    row = Engine(place / "home").session.store.containers.get(container.id)
    ended(lambda: row is None or is_gone(row.pid))
    assert containers(place) == []


def test_a_kernel_may_have_no_capability_and_publish_ports(place):
    engine = Engine(place / "home")
    verbs.install(engine, "bread:1", name="shut", network="private", publish=["8000"], untrusted=True)
    with pytest.raises(UsageError, match="is no port"):
        verbs.install(engine, "bread:1", name="shut", publish=["soup"])
    front = Front("shut")
    try:
        told = front.run("print([line for line in open('/proc/self/status') if line.startswith('CapEff')])")[0]
        assert "CapEff:\\t0000000000000000" in told
        (container,) = engine.ps()
        (port,) = engine.port(container)
        assert (port.container, port.address) == (8000, "127.0.0.1")
    finally:
        front.close()
        engine.close()


def test_an_image_without_ipykernel_is_refused_with_the_line_that_adds_it(place):
    engine = Engine(place / "home")
    with pytest.raises(
        NotFoundError, match=r"the image localhost/python has no ipykernel\n.*RUN pip install ipykernel"
    ):
        verbs.install(engine, "localhost/python")
    with pytest.raises(NotFoundError, match=r"the image localhost/base has no Python\n.*RUN pip install ipykernel"):
        verbs.install(engine, "localhost/base")
    with pytest.raises(NotFoundError, match="localhost/nowhere:1"):
        verbs.install(engine, "localhost/nowhere:1")
    engine.close()


def test_what_went_wrong_since_it_was_installed_is_told_when_it_starts(place):
    engine = Engine(place / "home")
    engine.tag("bread:1", "localhost/gone:1")
    verbs.install(engine, "localhost/gone:1", name="gone")
    engine.tag("localhost/python", "bare:1")
    verbs.install(engine, "bread:1", name="bare")
    engine.rmi("localhost/gone:1")
    engine.close()
    manager = KernelManager(kernel_name="gone")
    with pytest.raises(RuntimeError, match="gone:1"):
        manager.start_kernel()
    spec = json.loads((place / "data" / "kernels" / "bare" / "kernel.json").read_text())
    spec["metadata"]["kernel_provisioner"]["config"]["image"] = "bare:1"
    (place / "data" / "kernels" / "bare" / "kernel.json").write_text(json.dumps(spec))
    manager = KernelManager(kernel_name="bare")
    with pytest.raises(RuntimeError, match="RUN pip install ipykernel"):
        manager.start_kernel()
    assert containers(place) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["stud", "nosub"])
def test_every_kind_of_user_has_such_a_kernel(tmp_path, kind):
    someone = make_user(kind, tmp_path)
    script = """
import os
for name in ("DATA", "CONFIG", "RUNTIME"):
    os.environ[f"JUPYTER_{name}_DIR"] = os.path.expanduser(f"~/{name}")
os.environ["TMPDIR"] = os.path.expanduser("~")
from pathlib import Path
from dockmagic.cli import main
from dockmagic.engine.engine import Engine
from dockmagic.kernels import verbs
from tests.integration import kernel_image
from tests.integration.test_kernels import Front
engine = Engine()
context = kernel_image.write_context(Path.home() / "context")
engine.build(kernel_image.DOCKERFILE, context=context, tags=("bread:1",))
for user in ("0", "1000:1000"):
    verbs.install(engine, "bread:1", name="fish", user=user)
    front = Front()
    print(front.run("import os; print(os.getuid(), 6 * 7)"))
    front.manager.interrupt_kernel()
    front.close()
print(list(engine.ps(all=True)), [*Path.home().glob("RUNTIME/*"), *Path.home().glob("kernel-*")])
engine.close()
"""
    done = someone.python(script, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines() == ["('0 42\\n', '')", "('1000 42\\n', '')", "[] []"]


def test_the_verbs_do_the_same_in_a_shell(place, monkeypatch, capsys):
    monkeypatch.setenv("DOCKMAGIC_HOME", str(place / "home"))
    monkeypatch.chdir(place)
    words = "--name Pond --display-name Pond! --network host -v ./shared:/s:ro -e A=b -w /tmp -u 0 -m 512m --cpus 1"
    assert main.run(["kernel", "install", "bread:1", *words.split()]) == 0
    spec = json.loads((place / "data" / "kernels" / "pond" / "kernel.json").read_text())
    assert spec["display_name"] == "Pond!"
    options = spec["metadata"]["kernel_provisioner"]["config"]["options"]
    assert options["limits"]["memory"] == 512 << 20
    assert {key: options[key] for key in ("network", "volumes", "env", "workdir", "user")} == {
        "network": "host", "volumes": [f"{place}/shared:/s:ro"], "env": {"A": "b"}, "workdir": "/tmp", "user": "0"
    }  # fmt: skip
    assert main.run(["kernel", "list"]) == 0
    assert ["pond", "Pond!", "bread:1", "host"] in [line.split() for line in capsys.readouterr().out.splitlines()]
    front = Front("pond")
    told, _ = front.run("import os; print(os.getcwd(), os.environ['A'], os.listdir('/s'))")
    front.close()
    assert told.startswith("/tmp b [")
    assert main.run(["kernel", "rm", "pond"]) == 0
    assert capsys.readouterr().out == "pond\n"
    assert main.run(["kernel", "rm", "pond"]) == 1
    assert "see dockmagic kernel ls" in capsys.readouterr().err
    assert main.run(["kernel", "instal", "bread:1"]) == 125
    assert 'unknown verb "kernel instal" (did you mean install?)' in capsys.readouterr().err
