"""The sandbox's tests again, as a user with subordinate ids, as one without, and as root of a user namespace."""

from __future__ import annotations

import json
import re
import sys

import pytest

from tests.users import NESTED, REPOSITORY, make_user


@pytest.fixture(params=["stud", "nosub", NESTED])
def user(request, tmp_path_factory):
    return make_user(request.param, tmp_path_factory.mktemp("pytest-sandbox"))


@pytest.mark.parametrize(
    "module",
    [
        "test_sandbox.py",
        "test_sandbox_hostile.py",
        "test_limits.py",
        "test_profile.py",
        "test_volumes.py",
        "test_pause.py",
    ],
)
def test_everything_holds_for_ordinary_users(user, module):
    done = user.run(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={user.home}/tmp",
        f"--rootdir={REPOSITORY}", "-c", f"{REPOSITORY}/pyproject.toml", f"{REPOSITORY}/tests/integration/{module}",
        PYTHONDONTWRITEBYTECODE="1",
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-6000:]
    assert re.search(r"\d+ passed", done.stdout)


def test_the_scheme_and_tier_are_the_users(user):
    script = "import sys; from tests.integration.box import main; main(*sys.argv[1:])"
    told = "result |= {'scheme': box.runtime.scheme, 'tier': box.runtime.isolation.tier, 'map': box.run('cat', '/proc/self/uid_map').output.split()}"
    done = user.python(script, str(user.home / "store"), told)
    found = json.loads(done.stdout)

    assert (
        found
        == {
            "stud": {"scheme": "range-1001-200000", "tier": "T0", "map": ["0", "0", "1", "1", "1", "65535"]},
            "nosub": {"scheme": "single-1002", "tier": "T1", "map": ["0", "0", "1"]},
            NESTED: {"scheme": "range-0-1", "tier": "T0", "map": ["0", "0", "1", "1", "1", "65535"]},
        }[user.kind]
    )


def test_owners_are_recorded_where_there_is_one_id(tmp_path_factory):
    user = make_user("nosub", tmp_path_factory.mktemp("pytest-sandbox"))
    script = "import sys; from tests.integration.box import main; main(*sys.argv[1:])"
    told = """
done = box.sh("echo x > /a; chown 33:34 /a; ln -s x /s; chown -h 5:6 /s; mknod /c c 1 3; id -u; stat -c %u /a")
result['output'] = done.output
result['owner'] = os.getxattr(box.upper() / 'a', 'user.dockmagic.owner').decode()
result['link'] = done.end.owners.get(str(os.lstat(box.upper() / 's').st_ino))
bob = box.sh("touch /tmp/mine; id -u; cat /proc/self/uid_map", user="bob")
result['bob'] = bob.output.split()
"""
    found = json.loads(user.python(script, str(user.home / "store"), told).stdout)

    assert found["owner"] == "33:34"
    assert found["link"] == [5, 6]
    assert found["bob"][:2] == ["1000", "1000"]
    assert "not permitted" in found["output"]


def test_the_interpreter_of_a_user_who_owns_it_cannot_be_written_from_inside(tmp_path_factory):
    user = make_user("nosub", tmp_path_factory.mktemp("pytest-sandbox"))
    own = user.home / "python" / "bin" / "python"
    made = user.run(sys.executable, "-m", "venv", "--copies", "--without-pip", str(user.home / "python"))
    assert made.returncode == 0, made.stderr
    script = "import sys; from tests.integration.box import main; main(*sys.argv[1:])"
    told = """
def fill(top):
    (top / 'self').write_text('#!/proc/self/exe\\n')
    (top / 'self').chmod(0o755)
lower = box.layer('self', fill)
from dockmagic.sandbox import sealed
result['needed'] = sealed.is_needed()
import subprocess
server = box.runtime._server._process.pid
result['exe'] = os.readlink(f'/proc/{server}/exe')
result['read_only'] = bool(os.statvfs(f'/proc/{server}/exe').f_flag & os.ST_RDONLY)
process, pipe = box.begin('echo ready; sleep 6000')
pipe.readline()
result['joined'] = box.join(process, 'sh', '-c', 'id -u').output
process.kill()
process.wait()
result['end'] = box.run('/self', lowers=(lower, 'snapshots/base')).end.code
"""
    done = user.run(str(own), "-c", script, str(user.home / "store"), told)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    assert found["needed"]
    assert found["exe"].startswith(str(user.home))
    assert found["read_only"]
    assert found["joined"] == "0\n"
