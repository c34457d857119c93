"""What the probe finds on this host, as each kind of user, and on hosts that refuse things."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path

import pytest

from dockmagic.sandbox import probe
from tests.integration import denied_host
from tests.users import KINDS, make_user

SCRIPT = """
import dataclasses, json, pathlib, sys
from dockmagic.sandbox import probe
found = probe.probe(pathlib.Path(sys.argv[1]))
print(json.dumps([[dataclasses.asdict(f) for f in found], probe.tier(found)]))
"""
NEEDED_BY_ALL = ["user namespace", "mount", "overlay on disk", "overlay on tmpfs", "new /proc", "pivot_root"]
NEEDED_BY_ALL += ["seccomp filter", "user notification", "ptrace"]


def found_by(user, *denied):
    argv = [sys.executable, "-c", SCRIPT, str(user.home)]
    done = user.run(*(denied_host.command(denied, argv) if denied else argv))
    assert done.returncode == 0, done.stderr
    findings, tier = json.loads(done.stdout)
    assert list(user.home.iterdir()) == []
    return {finding["name"]: finding for finding in findings}, tier


@pytest.fixture
def user(tmp_path_factory):
    return lambda kind: make_user(kind, tmp_path_factory.mktemp("pytest-probe"))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_user_has_its_tier(user, kind):
    found, tier = found_by(user(kind))

    assert [name for name in NEEDED_BY_ALL if not found[name]["ok"]] == []
    assert list(found) == list(probe.NAMES)
    assert tier == ("T1" if kind == "nosub" else "T0")
    if kind == "nosub":
        assert found["id range"]["errno"] == errno.ENOENT
        assert found["id range"]["detail"] == "no range in /etc/subuid"
        assert "/etc/subuid" in found["id range"]["fix"]
    else:
        assert found["id range"]["detail"] == ("written by root" if kind == "root" else "by newuidmap")


@pytest.mark.parametrize("kind", KINDS)
def test_a_host_without_user_namespaces_is_named_with_call_errno_and_fix(user, kind):
    found, tier = found_by(user(kind), "user-namespaces")

    assert tier == "T2"
    for name in ("user namespace", "id range", "mount", "overlay on disk", "new /proc", "pivot_root"):
        assert (found[name]["ok"], found[name]["call"]) == (False, "unshare(CLONE_NEWUSER)")
        assert found[name]["errno"] == errno.EPERM
        assert found[name]["fix"]
    assert found["seccomp filter"]["ok"]


@pytest.mark.parametrize(
    ("host", "tier", "refused", "call", "number"),
    [
        ("mounts", "T2", "mount", "mount(MS_PRIVATE)", errno.EACCES),
        ("new-mount-calls", "T2", "mount", "fsopen()", errno.ENOSYS),
        ("seccomp", "T2", "seccomp filter", "seccomp(SECCOMP_SET_MODE_FILTER)", errno.EINVAL),
        ("ptrace", "T1", "ptrace", "ptrace(PTRACE_TRACEME)", errno.EPERM),
        ("pivot-root", "T2", "pivot_root", "pivot_root()", errno.EPERM),
        ("unshare=EPERM", "T2", "user namespace", "unshare(CLONE_NEWUSER)", errno.EPERM),
        ("prctl=EPERM", "T2", "user namespace", "prctl(PR_CAPBSET_DROP)", errno.EPERM),
    ],
)
def test_a_refused_call_is_found_by_making_it(user, host, tier, refused, call, number):
    found, reached = found_by(user("nosub"), host)

    assert reached == tier
    assert (found[refused]["ok"], found[refused]["call"], found[refused]["errno"]) == (False, call, number)


def test_a_host_name_that_cannot_be_set_costs_no_wall(user):
    found, tier = found_by(user("nosub"), "sethostname=EPERM")

    assert tier == "T1"
    assert found["user namespace"]["ok"]
    assert found["user namespace"]["detail"] == "sethostname(): EPERM, so containers have the outer host name"


def test_nothing_runs_where_namespaces_and_tracing_are_refused(user):
    _, tier = found_by(user("nosub"), "user-namespaces", "ptrace")

    assert tier == "T3"


def test_without_new_privileges_newuidmap_gives_no_range(user):
    """no_new_privs, which the filter's loader sets, is what a pod has."""
    found, tier = found_by(user("stud"), "keyctl=EPERM")

    assert tier == "T1"
    assert (found["id range"]["ok"], found["id range"]["call"]) == (False, "newuidmap")
    assert found["id range"]["detail"]


def test_a_store_on_an_overlay_is_told_from_one_on_a_disk(user):
    stud = user("nosub")
    script = f"""
import os, subprocess
from dockmagic.syscalls.call import call
call("unshare", 0x10020000)
base = {str(stud.home)!r}
for name in "luwm":
    os.mkdir(f"{{base}}/{{name}}")
options = "lowerdir={{0}}/l,upperdir={{0}}/u,workdir={{0}}/w,userxattr".format(base)
call("mount", b"overlay", f"{{base}}/m".encode(), b"overlay", 0, options.encode())
import pathlib
from dockmagic.sandbox import probe
found = probe.probe(pathlib.Path(base, "m"), ["overlay on disk", "overlay on tmpfs"])
print([(f.ok, f.call, f.errno) for f in found])
"""
    wrapped = stud.run("unshare", "-Ur", sys.executable, "-c", script.replace("0x10020000", "0x20000"))

    assert wrapped.stdout == f"[(False, 'mount(\"overlay\")', {errno.EINVAL}), (True, 'unlink(overlay)', 0)]\n", (
        wrapped.stderr
    )


def test_only_what_is_asked_is_tried(tmp_path):
    found = probe.probe(tmp_path, ["ptrace", "pasta or slirp4netns"])

    assert [finding.name for finding in found] == ["ptrace", "pasta or slirp4netns"]


def test_a_directory_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(OSError, match="missing"):
        probe.probe(Path(tmp_path, "missing"), ["ptrace"])
