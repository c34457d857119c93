"""Hosts that allow neither user namespaces nor mounts: nothing runs there unless weak isolation is asked for; then PRoot does."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import textwrap

import pytest

from tests.integration import denied_host
from tests.users import REPOSITORY, make_user

pytestmark = pytest.mark.skipif(shutil.which("proot") is None, reason="proot is not installed")

HEAD = """
import json, os, sys
from dockmagic.engine.engine import Engine
from dockmagic.engine.settings import Settings
from dockmagic.errors import DockmagicError
from dockmagic.sandbox.spec import Limits
engine, result = Engine(), {}
def told(run):
    return [run.exit_code, run.stopped, run.stdout, dict(run.changes)]
def refused(action):
    try:
        action()
    except DockmagicError as error:
        return [type(error).__name__, error.message]
"""


@pytest.fixture(params=["root", "nosub"])
def user(request, tmp_path):
    return make_user(request.param, tmp_path)


def on_denied_host(user, script, *, isolation="weak", denied=("user-namespaces", "mounts")):
    return denied_host.told(user, denied, HEAD + textwrap.dedent(script), isolation=isolation)


def test_cells_run_without_walls_when_that_is_asked_for(user):
    mine = user.home / "mine"
    mine.mkdir()
    (mine / "in").write_text("given\n")
    if os.geteuid() == 0 and user.kind != "root":
        os.chown(mine, 1002, 1002)
    found = on_denied_host(
        user,
        """
        text = "FROM localhost/base\\nRUN echo hi > /f && rmdir /mnt && mkdir -p /d/e\\nCOPY <<E /g\\nx\\nE\\nCMD cat /f\\n"
        built = engine.build(text, tags="a:1")
        result["layers"] = [dict(layer.changes) for layer in built.image.layers[1:]]
        result["again"] = engine.build(text).image.id == built.image.id
        result["cmd"] = told(engine.run("a:1"))
        result["script"] = told(engine.run("a:1", script="cat /g; pwd; echo $1; echo n > new; rm /f\\n", argv=("w",), workdir="/d"))
        result["stat"] = told(engine.run("a:1", script="stat -c %n /g /d; ls -d /d/e\\n"))
        result["exit"] = told(engine.run("a:1", script="exit 7\\n"))
        result["signal"] = told(engine.run("a:1", script="kill -TERM $$\\n"))
        result["nothing"] = told(engine.run("a:1", ("nothing",)))
        result["directory"] = told(engine.run("a:1", ("/etc",)))
        result["user"] = told(engine.run("a:1", script="id -u\\n", user="65534"))
        result["in"] = engine.run("a:1", script="cat /run/dockmagic/in/x* > /o.json\\n", given={"x": {"a": 1}}, get=("/o.json",)).value("/o.json")
        engine.run("a:1", script="echo 1 > /kept\\n", name="box")
        result["exec"] = told(engine.exec("box", script="cat /kept; echo 2 >> /kept; echo 3 > /more\\n"))
        result["diff"] = dict(engine.diff("box").changes)
        result["commit"] = told(engine.run(engine.commit("box"), script="cat /kept /more\\n"))
        result["volume"] = told(engine.run("a:1", script="echo v > /v/x; cat /v/x\\n", volumes=("store:/v",)))
        home = os.environ["HOME"]
        result["bind"] = told(engine.run("a:1", script="cat /h/in; echo out > /h/out\\n", volumes=(f"{home}/mine:/h",)))
        mounts = "--mount=type=cache,target=/c --mount=type=tmpfs,target=/t --mount=type=bind,from=a:1,source=/g,target=/gg"
        result["mounts"] = engine.build(f"FROM a:1\\nRUN {mounts} cat /gg; touch /c/x /t/y; ls /c /t\\n").log.splitlines()[-6:]
        engine.run("a:1", ("sleep", "600"), name="living", background=True)
        result["joined"] = told(engine.exec("living", script="echo in\\n"))
        result["top"] = [process.command.split("/")[-1] for process in engine.top("living")]
        engine.rm("living", force=True)
        found = engine.run("a:1", script="true\\n").isolation
        result["isolation"] = [found.tier, found.ids, list(found.notes)]
        result["doctor"] = [engine.doctor()[0].ok, engine.doctor().title.splitlines()[0]]
        """,
    )
    assert found["layers"] == [{"/d": "A", "/d/e": "A", "/f": "A", "/mnt": "D"}, {"/g": "A"}]
    assert found["again"]
    assert found["cmd"] == [0, "", "hi\n", {}]
    assert found["script"] == [0, "", "x\n/d\nw\n", {"/d/new": "A", "/f": "D"}]
    assert found["stat"] == [0, "", "/g\n/d\n/d/e\n", {}]
    assert [found[name][0] for name in ("exit", "nothing", "directory")] == [7, 127, 126]
    assert found["user"] == [0, "", "65534\n", {}]
    assert found["in"] == {"a": 1}
    assert found["exec"] == [0, "", "1\n", {"/kept": "C", "/more": "A"}]
    assert found["diff"] == {"/kept": "A", "/more": "A"}
    assert found["commit"] == [0, "", "1\n2\n3\n", {}]
    assert found["volume"] == [0, "", "v\n", {}]
    assert found["bind"] == [0, "", "given\n", {}]
    assert (mine / "out").read_text() == "out\n"
    assert found["mounts"] == ["x", "/c:", "x", "", "/t:", "y"]
    assert found["joined"][2] == "in\n"
    assert found["top"] == ["sleep 600"]
    assert found["isolation"][:2] == ["T2", "single"]
    assert any(note.startswith("no walls") for note in found["isolation"][2])
    assert any("the network is the host's" in note for note in found["isolation"][2])
    assert found["doctor"] == [True, "T2: containers run without walls, as asked for"]


def test_deletions_are_kept_where_no_device_can_stand_for_them(user):
    """As on an overlay."""
    found = on_denied_host(
        user,
        """
        built = engine.build("FROM localhost/base\\nCOPY <<E /f\\nE\\nRUN rm /f /etc/os-release\\n", tags="a:1")
        result["layer"] = dict(built.image.layers[-1].changes)
        result["script"] = told(engine.run("a:1", script="! ls /f; rm -r /mnt; echo n > /n\\n", name="box"))[3]
        result["exec"] = told(engine.exec("box", script="ls -d /mnt /f /n || true\\n"))[2]
        archive = os.environ["HOME"] + "/a.tar"
        engine.save("a:1", output=archive)
        other = Engine(os.environ["HOME"] + "/other")
        result["loaded"] = dict(other.load(archive)[0].layers[-1].changes)
        other.close()
        """,
        denied=("user-namespaces", "mounts", "mknod=EPERM", "mknodat=EPERM"),
    )
    gone = {"/etc/os-release": "D", "/f": "D"}
    assert found == {"layer": gone, "script": {"/mnt": "D", "/n": "A"}, "exec": "/n\n", "loaded": gone}


def test_limits_hold_and_nothing_is_left(user):
    before = processes()
    found = on_denied_host(
        user,
        """
        engine.build("FROM localhost/base\\n", tags="a:1")
        bomb = "b() { b | b & }; b; sleep 600\\n"
        hog = "awk 'BEGIN { s = \\"x\\"; while (1) s = s s }'\\n"
        result["bomb"] = told(engine.run("a:1", script=bomb, limits=Limits(pids=40)))[:2]
        result["hog"] = told(engine.run("a:1", script=hog, limits=Limits(memory=64 << 20)))[:2]
        result["disk"] = told(engine.run("a:1", script="cat /dev/zero > /f\\n", limits=Limits(disk=20 << 20)))[:2]
        result["sleeper"] = told(engine.run("a:1", script="sleep 600 & sleep 601\\n", timeout=0.5))[:2]
        few = Limits(ulimits=(("nofile", 10, 10),))
        result["few"] = told(engine.run("a:1", ["sh", "-c", "ulimit -n"], limits=few))[:3]
        result["daemon"] = told(engine.run("a:1", script="(setsid sleep 602 &); echo done\\n"))[:3]
        """,
    )
    assert found == {
        "bomb": [137, "pids limit"],
        "hog": [137, "memory limit"],
        "disk": [137, "disk limit"],
        "sleeper": [137, "timeout"],
        "few": [0, "", "10\n"],
        "daemon": [0, "", "done\n"],
    }
    assert [line for line in processes() - before if "sleep 60" in line] == []


def test_a_detached_container_has_a_supervisor_that_does_without_walls_too(user):
    found = on_denied_host(
        user,
        """
        import time
        from dockmagic.store import holder
        engine.build("FROM localhost/base\\n", tags="a:1")
        run = engine.run("a:1", script="echo x > /made; echo ready; sleep 600\\n", name="pond", detach=True)
        row = engine.session.store.containers.get("pond")
        result["begun"] = [run.isolation.tier, run.container.detached, row.kernel_pid != os.getpid()]
        while "ready" not in engine.logs("pond"):
            time.sleep(0.01)
        result["joined"] = told(engine.exec("pond", script="cat /made\\n"))[2]
        result["top"] = len(engine.top("pond"))
        result["stopped"] = [engine.stop("pond"), engine.wait("pond"), engine.inspect("pond").detached]
        engine.rm("pond")
        while holder.birth_of(row.kernel_pid) == row.kernel_birth:
            time.sleep(0.01)
        """,
    )
    assert found["begun"] == ["T2", True, True]
    assert found["joined"] == "x\n"
    assert found["top"] >= 1
    assert found["stopped"] == [["pond"], 137, False]


def test_what_the_host_keeps_in_memory_is_not_the_cells(user):
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        os.posix_fallocate(file.fileno(), 0, 80 << 20)
        found = on_denied_host(
            user,
            """
            engine.build("FROM localhost/base\\n", tags="a:1")
            result["ran"] = told(engine.run("a:1", script="sleep 0.3\\n", limits=Limits(memory=64 << 20)))[:2]
            """,
        )
    assert found["ran"] == [0, ""]


def test_what_needs_a_wall_is_refused(user):
    found = on_denied_host(
        user,
        """
        engine.build("FROM localhost/base\\n", tags="a:1")
        home = os.environ["HOME"]
        result["untrusted"] = refused(lambda: engine.run("a:1", script="true\\n", settings=Settings(untrusted=True)))
        result["read_only"] = refused(lambda: engine.run("a:1", script="true\\n", volumes=(f"{home}:/h:ro",)))
        for name, wanted in (("groups", "50"), ("sysctls", "net.ipv4.ip_forward=1")):
            settings = Settings(**{name: (wanted,)})
            result[name] = refused(lambda: engine.run("a:1", script="true\\n", settings=settings))
        """,
    )
    assert found["untrusted"] == ["IsolationError", "--untrusted needs walls, and this machine builds none"]
    assert found["read_only"][0] == "UsageError"
    assert "cannot be read-only" in found["read_only"][1]
    assert found["groups"] == [
        "UsageError",
        "--group-add is not available without walls: the process has its user's groups",
    ]
    assert found["sysctls"] == ["UsageError", "--sysctl is not available without walls: every setting is the host's"]


def test_a_root_of_the_host_gives_up_what_would_act_on_the_host(user):
    found = on_denied_host(
        user,
        """
        script = "grep -E 'Cap(Inh|Prm|Eff|Amb)|NoNewPrivs' /proc/self/status; mount -t tmpfs none /mnt; hostname mine; mknod /n c 1 3\\n"
        ran = engine.run("localhost/base", script=script, settings=Settings())
        result["ran"] = [ran.stdout, ran.exit_code]
        """,
    )
    words, _ = found["ran"]
    assert [line.split()[1] for line in words.splitlines()] == ["0" * 16] * 4 + ["1"]


def test_nothing_runs_unless_it_is_asked_for_nor_where_nothing_can_be_traced(user):
    script = """
        result["run"] = refused(lambda: engine.build("FROM localhost/base\\nRUN true\\n"))
        """
    assert on_denied_host(user, script, isolation="")["run"][0] == "IsolationError"
    denied = ("user-namespaces", "mounts", "ptrace")
    assert on_denied_host(user, script, denied=denied)["run"][0] == "IsolationError"


def test_a_session_asks_for_it(user):
    found = on_denied_host(
        user,
        """
        result["before"] = refused(lambda: engine.session.runtime)
        engine.session.allow_weak()
        result["tier"] = engine.session.runtime.isolation.tier
        """,
        isolation="",
    )
    assert (found["before"][0], found["tier"]) == ("IsolationError", "T2")


def processes():
    done = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    return set(done.stdout.splitlines())


def test_what_is_paused_stands_still_goes_on_and_can_be_ended(user):
    found = on_denied_host(
        user,
        """
        import time
        from pathlib import Path
        engine.build("FROM localhost/base\\n", tags="a:1")
        script = "(i=0; while :; do i=$((i+1)); echo $i > /count; done) &\\ni=0; echo ready\\nwhile :; do i=$((i+1)); done\\n"
        def begin(name):
            engine.run("a:1", script=script, name=name, background=True)
            while "ready" not in engine.logs(name):
                time.sleep(0.01)
            row = engine.session.store.containers.get(name)
            return engine.session.home / "roots" / engine.session.runtime.scheme / "containers" / row.id / "merged/count"
        def counted(path):
            return int(path.read_text() or 0) if path.exists() else 0
        def goes_on(path):
            was = counted(path)
            while counted(path) in {was, 0}:
                time.sleep(0.01)
            return True
        pond = begin("pond")
        goes_on(pond)
        result["paused"] = engine.pause("pond")
        was = counted(pond)
        time.sleep(0.3)
        result["still"] = counted(pond) == was
        result["states"] = sorted({process.state.lower() for process in engine.top("pond")})
        result["told"] = engine.inspect("pond").paused
        result["exec"] = refused(lambda: engine.exec("pond", script="true\\n"))[0]
        engine.unpause("pond")
        result["on"] = goes_on(pond)
        engine.pause("pond")
        result["stopped"] = [engine.stop("pond", timeout=0), engine.inspect("pond").exit_code]
        begin("mill")
        engine.pause("mill")
        engine.rm("mill", force=True)
        begin("left")
        engine.pause("left")
        """,
    )
    assert found == {
        "paused": ["pond"],
        "still": True,
        "states": ["t"],
        "told": True,
        "exec": "ConflictError",
        "on": True,
        "stopped": [["pond"], 137],
    }
    assert [line for line in processes() if "proot" in line and str(user.home) in line] == []


@pytest.mark.parametrize("paused", [True, False])
def test_nothing_goes_on_and_nothing_stands_still_for_ever_when_a_tracer_is_killed(user, paused):
    found = on_denied_host(
        user,
        f"""
        import select, signal, time
        from dockmagic.sandbox import identity, traced_holding
        engine.build("FROM localhost/base\\n", tags="a:1")
        engine.run("a:1", script="(sleep 100000 &)\\nsleep 100001 &\\necho ready; wait\\n", name="pond", background=True)
        while "ready" not in engine.logs("pond"):
            time.sleep(0.01)
        first = engine.session.store.containers.get("pond").pid
        proot = traced_holding.tracer_of(first)
        left = [os.pidfd_open(pid) for pid in (proot, *traced_holding.traced(proot))]
        if {paused}:
            engine.pause("pond")
        os.kill(identity.parent(proot), signal.SIGKILL)
        for pidfd in left:
            select.select([pidfd], [], [])
        result["ended"] = [len(left) >= 4, engine.wait("pond"), engine.inspect("pond").paused]
        engine.rm("pond")
        result["again"] = engine.run("a:1", script="echo again\\n").stdout
        """,
    )
    assert found == {"ended": [True, 137, False], "again": "again\n"}
    assert [line for line in processes() if "proot" in line and str(user.home) in line] == []


def test_files_are_copied_into_and_out_of_a_container_and_no_link_leads_out(user):
    found = on_denied_host(
        user,
        """
        from pathlib import Path
        home = Path(os.environ["HOME"])
        text = "FROM localhost/base\\nRUN mkdir -p /d/e && echo x > /d/e/f && ln -s /d/e /l && ln -s / /d/root"
        engine.build(f"{text} && ln -s {home}/canary /d/p\\n", tags="a:1")
        (home / "canary").write_text("alive")
        (home / "tree/in").mkdir(parents=True)
        (home / "tree/in/file").write_text("mine\\n")
        (home / "one").write_text("one\\n")
        engine.run("a:1", script="echo kept > /kept\\n", name="ended")
        engine.run("a:1", script="echo ready; while ! test -e /go; do sleep 0.05; done; cat /go /tree/in/file > /seen\\n", name="living", background=True)
        for name in ("ended", "living"):
            engine.cp(str(home / "tree"), f"{name}:/")
            engine.cp(f"{home}/tree/.", f"{name}:/l")
            engine.cp(str(home / "one"), f"{name}:/d/p")
            engine.cp(f"{name}:/d", str(home / f"{name}.d"))
            engine.cp(f"{name}:/l/", str(home / f"{name}.l"))
            result[name] = sorted(path.relative_to(home / f"{name}.d").as_posix() for path in (home / f"{name}.d").rglob("*"))
            result[name + ".l"] = sorted(path.name for path in (home / f"{name}.l").rglob("*"))
            result[name + ".p"] = (home / f"{name}.d/p").read_text()
        result["none"] = refused(lambda: engine.cp("ended:/none", str(home)))
        result["up"] = refused(lambda: engine.cp("ended:/d/root/../../../../.." + str(home / "one"), str(home / "two")))[0]
        engine.cp(str(home / "one"), "living:/go")
        result["code"] = engine.wait("living")
        result["seen"] = engine.exec("living", script="cat /seen\\n").stdout
        result["exec"] = engine.exec("ended", script="cat /kept /tree/in/file; ls /d/e\\n").stdout
        result["changes"] = dict(engine.diff("ended").changes)
        engine.run("a:1", script="true\\n", name="volume", volumes=("store:/v",))
        result["volume"] = [refused(lambda: engine.cp(str(home / "one"), "volume:/v/x")), refused(lambda: engine.cp("volume:/v/", str(home / "three")))]
        """,
    )
    assert (user.home / "canary").read_text() == "alive"
    assert found["up"] == "NotFoundError"
    assert found["none"][0] == "NotFoundError"
    for name in ("ended", "living"):
        assert found[name] == ["e", "e/f", "e/in", "e/in/file", "p", "root"]
        assert found[f"{name}.l"] == ["f", "file", "in"]
        assert found[f"{name}.p"] == "one\n"
    assert (found["code"], found["seen"]) == (0, "one\nmine\n")
    assert found["exec"] == "kept\nmine\nf\nin\n"
    assert set(found["changes"]) == {"/kept", "/tree", "/tree/in", "/tree/in/file", "/d/e/in", "/d/e/in/file", "/d/p"}
    assert [kind for kind, _ in found["volume"]] == ["UsageError"] * 2
    assert all("volume" in words for _, words in found["volume"])


def test_what_needs_a_network_of_its_own_says_so(user):
    found = on_denied_host(
        user,
        """
        engine.build("FROM localhost/base\\n", tags="a:1")
        result["port"] = refused(lambda: engine.run("a:1", script="true\\n", publish=["80"]))
        result["left"] = [container.name for container in engine.ps(all=True).items]
        """,
    )
    assert found == {
        "port": ["UsageError", "-p is not available without walls: the network is the host's"],
        "left": [],
    }
