"""The tests of networks again, as a user with subordinate ids and as one without; and what they are told where there is no device."""

from __future__ import annotations

import json
import re
import sys

import pytest

from tests.users import PATIENCE, REPOSITORY, make_user

BUILD = """
import json, sys
from dockmagic.engine.engine import Engine
from dockmagic.errors import IsolationError
engine = Engine(sys.argv[1])
found = {}
try:
    engine.run("localhost/base", "true", publish=["80"])
except IsolationError as error:
    found["refusal"] = [str(error), error.operation, error.errno]
built = engine.build("FROM localhost/base\\nRUN true\\n")
found["build"] = [[step.network for step in built.steps], list(built.notes)]
found["doctor"] = [[f.ok, f.call, f.errno] for f in engine.doctor() if f.name == "private network"]
print(json.dumps(found))
engine.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["stud", "nosub"])
def test_everything_holds_for_ordinary_users(tmp_path_factory, kind):
    user = make_user(kind, tmp_path_factory.mktemp("pytest-network"), tun=True)
    done = user.run(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={user.home}/tmp",
        f"--rootdir={REPOSITORY}", "-c", f"{REPOSITORY}/pyproject.toml", f"{REPOSITORY}/tests/integration/test_network.py",
        PYTHONDONTWRITEBYTECODE="1", timeout=2 * PATIENCE,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-6000:]
    assert re.search(r"\d+ passed", done.stdout)


@pytest.mark.parametrize("kind", ["stud", "nosub"])
def test_who_may_not_open_the_device_is_told_and_builds_share_the_hosts_network(tmp_path_factory, kind):
    user = make_user(kind, tmp_path_factory.mktemp("pytest-network"), tun=False)
    done = user.python(BUILD, str(user.home / "store"))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    assert found["refusal"] == [
        (
            "the network of the container cannot be made: open(/dev/net/tun): Permission denied\n"
            "ask for read and write permission on /dev/net/tun; --network none and --network host need no such thing"
        ),
        "open(/dev/net/tun)",
        13,
    ]
    assert found["build"] == [["host"], ["RUN shares the host's network"]]
    assert found["doctor"] == [[False, "open(/dev/net/tun)", 13]]
