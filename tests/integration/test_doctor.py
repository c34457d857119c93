"""``doctor`` says which tier each kind of user and each kind of host gives, and starts nothing that is weaker."""

from __future__ import annotations

import errno
import json
import sys

import pytest

from dockmagic.sandbox import probe
from tests.integration import denied_host
from tests.users import KINDS, make_user

SCRIPT = """
import dataclasses, json, sys
from pathlib import Path
from dockmagic.engine.doctor import doctor
from dockmagic.engine.session import Session
from dockmagic.errors import DockmagicError
from dockmagic.sandbox import cgroups
session = Session(Path(sys.argv[1]))
table = doctor(session)
try:
    session.runtime
    runs = True
except DockmagicError:
    runs = False
session.close()
print(json.dumps({"found": [dataclasses.asdict(f) for f in table], "text": str(table), "runs": runs, "group": cgroups.parents().get("memory", ("",))[0]}))
"""


def asked(user, *denied, home=None):
    argv = [sys.executable, "-c", SCRIPT, str(home or user.home / "store")]
    done = user.run(*(denied_host.command(denied, argv) if denied else argv))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    found = {finding["name"]: finding for finding in told["found"]}
    # A run has control groups exactly where the row says so.
    assert (found["cgroup"]["ok"], found["cgroup"]["detail"]) == (bool(told["group"]), told["group"])
    return found, told["text"], told["runs"]


@pytest.fixture
def user(tmp_path_factory):
    return lambda kind: make_user(kind, tmp_path_factory.mktemp("pytest-doctor"))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_user_is_told_its_tier_and_what_blocks_the_next(user, kind):
    found, text, runs = asked(user(kind))

    assert runs
    assert list(found) == ["tier", "store", *probe.NAMES, "private network"]
    assert found["tier"]["ok"]
    assert text.startswith("T1: " if kind == "nosub" else "T0: ")
    if kind == "nosub":
        assert "one id" in text
        assert "blocked by id range: newuidmap: ENOENT: no range in /etc/subuid" in text
        assert found["tier"]["fix"] == found["id range"]["fix"]
    else:
        assert "blocked" not in text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("denied", "tier", "call", "number"),
    [
        (("user-namespaces",), "T2", "unshare(CLONE_NEWUSER)", errno.EPERM),
        (("user-namespaces", "ptrace"), "T3", "unshare(CLONE_NEWUSER)", errno.EPERM),
        (("mounts",), "T2", "mount(MS_PRIVATE)", errno.EACCES),
        (("seccomp",), "T2", "seccomp(SECCOMP_SET_MODE_FILTER)", errno.EINVAL),
        (("capset=EPERM",), "T2", "capabilities", errno.EPERM),
    ],
)
def test_a_host_that_refuses_is_told_with_call_errno_and_fix_and_nothing_runs(user, kind, denied, tier, call, number):
    found, text, runs = asked(user(kind), *denied)

    assert not runs
    assert text.startswith(f"{tier}: no walls")
    assert (found["tier"]["ok"], found["tier"]["call"], found["tier"]["errno"]) == (False, call, number)
    assert found["tier"]["fix"]
    assert errno.errorcode[number] in text


def test_a_host_that_refuses_everything_still_gets_its_table(user):
    found, text, runs = asked(user("nosub"), "user-namespaces", "mounts", "seccomp", "ptrace", "pivot-root")

    assert not runs
    assert found["tier"]["ok"] is False
    assert [name for name in probe.NAMES[:-3] if found[name]["ok"]] == []
    assert text.startswith("T3: ")


def test_a_store_that_cannot_be_made_is_told(user):
    found, text, runs = asked(user("nosub"), home="/proc/none")

    assert not runs
    assert (found["store"]["ok"], found["tier"]["ok"]) == (False, False)
    assert "blocked by store" in text
    assert "DOCKMAGIC_HOME" in found["store"]["fix"]
    assert found["user namespace"]["ok"]


def test_without_new_privileges_a_user_with_a_range_gets_one_id_and_is_told_why(user):
    """no_new_privs, which the filter's loader sets, is what a pod has: newuidmap is powerless there."""
    found, text, runs = asked(user("stud"), "keyctl=EPERM")

    assert runs
    assert found["tier"]["detail"].startswith("T1: ")
    assert "no range of ids" in text
    assert "blocked by id range: newuidmap: EPERM" in text
