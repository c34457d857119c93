"""Containers that have ended and run again, as they were made."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.errors import ConflictError, NotFoundError, RunError, UsageError
from dockmagic.sandbox.spec import Limits
from tests.integration.test_build_in_memory import ON_AN_OVERLAY
from tests.users import KINDS, make_user

LOOP = "trap 'echo told; exit 5' TERM\necho ready $A $1 $(cat /kept 2>/dev/null)\necho x >> /kept\nwhile :; do sleep 0.05; done\n"


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("engine") / "home")
    made.build('FROM localhost/base\nENV A=image\nCMD ["sh", "-c", "echo $A; exit 3"]\n', tags=("base:1",))
    yield made
    assert made.session.store.check() == []
    made.close()


def until(engine, name, words):
    while words not in engine.logs(name):
        assert engine.inspect(name).status in {"created", "running"}, engine.logs(name)


def test_a_script_runs_again_in_its_files_with_its_variables_and_words(engine):
    engine.run(
        "base:1", "word", script=LOOP, name="pond", env={"A": "own"}, limits=Limits(memory=64 << 20), detach=True
    )
    until(engine, "pond", "ready own word\n")
    assert engine.stop("pond", timeout=60) == ("pond",)
    first = engine.inspect("pond").id
    assert engine.start("pond") == ("pond",)
    until(engine, "pond", "ready own word x\n")
    found = engine.inspect("pond")
    assert (found.id, found.status, found.detached) == (first, "running", True)
    assert engine.start("pond") == ("pond",)
    assert engine.restart("pond", timeout=60) == ("pond",)
    until(engine, "pond", "ready own word x x\n")
    assert engine.logs("pond").count("told\n") == 2
    engine.rm("pond", force=True)


def test_a_container_of_a_cell_is_started_beside_it(engine):
    engine.run("base:1", name="brief")
    assert engine.inspect("brief").exit_code == 3
    assert engine.restart("brief") == ("brief",)
    assert engine.wait("brief", timeout=60) == 3
    assert engine.logs("brief") == "image\nimage\n"
    assert engine.inspect("brief").status == "exited"


def test_its_volumes_and_directory_are_those_it_was_made_with(engine):
    script = "id -u; pwd; echo x >> /v/x; cat /v/x\n"
    engine.run("base:1", script=script, name="mine", volumes=["pool:/v"], workdir="/v")
    engine.start("mine")
    engine.wait("mine", timeout=60)
    assert engine.logs("mine") == "0\n/v\nx\n0\n/v\nx\nx\n"


def test_what_cannot_be_started_says_why_and_nothing_is_done(engine):
    engine.run("base:1", "true", name="good")
    engine.run("base:1", script="true\n", name="given", given={"B": 1})
    with pytest.raises(NotFoundError):
        engine.start("good", "nobody")
    with pytest.raises(UsageError, match="container given cannot be started again: what it was given is not kept"):
        engine.restart("good", "given")
    engine.run("base:1", script=LOOP, name="held", detach=True)
    engine.pause("held")
    with pytest.raises(ConflictError, match="is paused"):
        engine.start("held")
    engine.rm("held", force=True)
    engine.run("base:1", script=LOOP, name="brittle", detach=True, remove=True)
    with pytest.raises(UsageError, match="container brittle cannot be started again: it is removed when it ends"):
        engine.restart("good", "brittle")
    assert engine.inspect("brittle").status == "running"
    engine.rm("brittle", force=True)
    assert engine.inspect("good").exit_code == 0


def test_a_time_limit_counts_again(engine):
    assert engine.run("base:1", script="sleep 600\n", name="timed", timeout=0.3).stopped == "timeout"
    engine.start("timed")
    assert engine.wait("timed", timeout=60) == 137
    assert engine.inspect("timed").stopped == "timeout"


def test_a_program_that_has_gone_is_an_error_and_the_container_stays(engine):
    engine.run("base:1", ["sh", "-c", "rm /bin/sh"], name="gone")
    with pytest.raises(RunError, match='"sh" is not in the image'):
        engine.start("gone")
    assert engine.inspect("gone").exit_code == 127


def test_what_another_process_made_can_be_started(engine):
    other = Engine(engine.session.home)
    other.run("base:1", name="theirs")
    other.close()
    assert engine.start("theirs") == ("theirs",)
    assert engine.wait("theirs", timeout=60) == 3


IN_MEMORY = """
from pathlib import Path
from dockmagic import Engine
from dockmagic.errors import ConflictError
home = Path.home() / "m/store"
engine = Engine(home)
engine.build("FROM localhost/base", tags=("b:1",))
engine.run("b:1", script="echo x >> /kept; cat /kept", name="twice")
engine.start("twice")
print(engine.wait("twice", timeout=60), repr(engine.logs("twice")), engine.inspect("twice").detached)
other = Engine(home)
try:
    other.start("twice")
except ConflictError as error:
    print(error.message)
other.close()
engine.close()
"""


def test_what_is_kept_in_memory_is_started_where_it_is(tmp_path_factory):
    user = make_user("nosub", tmp_path_factory.mktemp("pytest-again"))
    command = user.command((sys.executable, "-c", IN_MEMORY), {})
    command[-1] = ON_AN_OVERLAY.format(home=user.home) + command[-1]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    first, second = done.stdout.splitlines()
    assert first == "0 'x\\nx\\nx\\n' False", done.stderr
    assert second == "what container twice has changed is gone: it was in the memory of the process that ran it"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_user_starts_again(tmp_path_factory, kind):
    user = make_user(kind, tmp_path_factory.mktemp("pytest-again"))
    script = """
from dockmagic import Engine
engine = Engine()
engine.build("FROM localhost/base", tags=("b:1",))
engine.run("b:1", script="echo x >> /kept; cat /kept", name="twice")
engine.start("twice")
print(engine.wait("twice", timeout=60), repr(engine.logs("twice")))
engine.close()
"""
    done = user.python(script)
    assert done.stdout == "0 'x\\nx\\nx\\n'\n", done.stderr
