"""Hosts on which nothing runs: what only works on trees goes on, and what would run something is refused at its line."""

from __future__ import annotations

import textwrap

import pytest

from tests.integration import denied_host
from tests.users import make_user

HEAD = """
import json, os
from pathlib import Path
from dockmagic.engine.engine import Engine
from dockmagic.errors import DockmagicError
from dockmagic.testing import FakeRegistry
engine, result = Engine(), {}
home = Path(os.environ["HOME"])
def refused(action):
    try:
        action()
    except DockmagicError as error:
        return [type(error).__name__, error.message, error.detail]
TEXT = "FROM localhost/base\\nCOPY --chown=7:8 <<E /f\\nhi\\nE\\nWORKDIR /x/y\\nENV A=b\\nCMD cat /f\\n"
"""


@pytest.fixture(params=["root", "nosub"])
def user(request, tmp_path):
    return make_user(request.param, tmp_path)


def on_denied_host(user, script, *denied, isolation=""):
    return denied_host.told(user, denied, HEAD + textwrap.dedent(script), isolation=isolation)


def test_what_works_on_trees_works_and_gives_the_digests_of_other_hosts(user):
    script = """
        result["id"] = engine.build(TEXT, tags="a:1").image.id
        """
    assert on_denied_host(user, script, "user-namespaces", "ptrace") == on_denied_host(user, script)


def test_images_are_made_sent_kept_and_compared_where_nothing_runs(user):
    found = on_denied_host(
        user,
        """
        built = engine.build(TEXT, tags="a:1")
        result["changes"] = [dict(layer.changes) for layer in built.image.layers[1:]]
        result["again"] = [step.cached for step in engine.build(TEXT).steps]
        result["stages"] = len(engine.build("FROM a:1 AS s\\nFROM scratch\\nCOPY --from=s /f /g\\n").image.layers)
        result["diff"] = dict(engine.diff("localhost/base", "a:1").changes)
        archive = home / "a.tar"
        engine.save("a:1", output=archive)
        engine.rmi("a:1", force=True)
        engine.load(archive)
        result["loaded"] = engine.inspect("a:1").id == built.image.id
        with FakeRegistry() as registry:
            engine.tag("a:1", f"{registry.address}/a:1")
            digest = engine.push(f"{registry.address}/a:1")
            other = Engine(home / "other")
            result["pulled"] = other.pull(f"{registry.address}/a@{digest}").id == built.image.id
            other.close()
        engine.export("a:1", output=home / "root.tar")
        result["imported"] = len(engine.import_(home / "root.tar", "b:1").layers)
        result["check"] = len(engine.check("FROM localhost/base\\nMAINTAINER me\\n"))
        """,
        "user-namespaces",
        "mounts",
        "seccomp",
        "ptrace",
    )
    assert found == {
        "changes": [{"/f": "A"}, {"/x": "A", "/x/y": "A"}],
        "again": [True, True],
        "stages": 1,
        "diff": {"/f": "A", "/x": "A", "/x/y": "A"},
        "loaded": True,
        "pulled": True,
        "imported": 1,
        "check": 1,
    }


def test_what_would_run_something_is_refused_with_the_reason_and_a_run_step_at_its_line(user):
    found = on_denied_host(
        user,
        """
        engine.build(TEXT, tags="a:1")
        result["run"] = refused(lambda: engine.run("a:1"))
        result["step"] = refused(lambda: engine.build("FROM a:1\\nCOPY <<E /g\\nE\\nRUN true\\n"))
        result["boxes"] = len(engine.ps(all=True))
        """,
        "user-namespaces",
        "ptrace",
    )
    assert found["boxes"] == 0
    for name in ("run", "step"):
        assert found[name][0] == "IsolationError"
        assert "a wall of the container cannot be built: user namespace" in found[name][1]
    assert "4 | RUN true" in found["step"][2]


def test_a_store_that_was_opened_there_runs_without_walls_once_that_is_asked_for(user):
    found = on_denied_host(
        user,
        """
        engine.build(TEXT, tags="a:1")
        engine.session.allow_weak()
        result["run"] = engine.run("a:1").stdout
        """,
        "user-namespaces",
    )
    assert found == {"run": "hi\n"}
