"""Containers that go on by themselves, for every kind of user, and where writable layers are in memory."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from tests.integration.detaching import LOOP, POLITE
from tests.integration.test_build_in_memory import ON_AN_OVERLAY
from tests.users import KINDS, PATIENCE, make_user


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
print(engine.stop("aa", "bb", timeout=300), engine.wait("aa"))
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
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    gone = "what container pond has changed is gone: it was in the memory of the process that ran it"
    assert done.stdout.splitlines() == [
        "{'/made': 'A'} x",
        "given {'/in': 'A', '/made': 'A', '/more': 'A'} True",
        "[('exited', 137, {})]",
        gone,
        gone,
        "[]",
    ], done.stderr
