"""Options of a container's profile by the verbs: what runs in it, what an exec takes up, what inspect shows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.engine.settings import Settings
from dockmagic.errors import UsageError
from dockmagic.sandbox.spec import DEFAULT_CAPABILITIES
from tests.users import KINDS, make_user

CAPS = "grep -E 'Cap(Bnd|Eff)|NoNewPrivs' /proc/self/status | cut -f2\n"


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("engine") / "home")
    made.build("FROM localhost/base\n", tags=("base:1",))
    yield made
    assert made.session.store.check() == []
    made.close()


def test_untrusted_code_has_no_capability_at_all(engine):
    assert engine.run("base:1", script=CAPS, settings=Settings(untrusted=True)).stdout.split() == [
        "0" * 16,
        "0" * 16,
        "1",
    ]


def test_an_exec_takes_up_the_profile_of_its_container_and_inspect_shows_it(engine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rule = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}
    (tmp_path / "p.json").write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
    settings = Settings(
        cap_drop=("ALL",), cap_add=("KILL",), read_only=True, tmpfs=("/tmp",), init=True, hostname="inn",
        add_hosts=(("10.0.0.1", "db"),), dns=("9.9.9.9",), security_opts=("seccomp=p.json",),
    )  # fmt: skip
    script = (
        CAPS
        + "touch /x || echo ro; touch /tmp/x; mkdir /tmp/d || echo no; hostname; grep -c db /etc/hosts; cat /etc/resolv.conf; echo $PPID\n"
    )
    first = engine.run("base:1", name="narrow", script=f"set +e\n{script}", settings=settings)
    try:
        expected = ["0000000000000020", "0000000000000020", "1", "ro", "no", "inn", "1", "nameserver", "9.9.9.9", "1"]
        assert first.stdout.split() == expected
        assert engine.exec("narrow", script=f"set +e\n{script}").stdout.split() == expected
        shown = engine.inspect("narrow").config["profile"]
        assert shown["capabilities"] == ["KILL"]
        assert (shown["seccomp"], shown["read_only"], shown["init"], shown["hostname"]) == (
            "default and p.json",
            True,
            True,
            "inn",
        )
        assert shown["tmpfs"][0]["target"] == "/tmp"
        assert first.changes == {}
    finally:
        engine.rm("narrow")


def test_inspect_shows_the_default_too(engine):
    engine.run("base:1", name="plain", script="true\n")
    shown = engine.inspect("plain").config
    engine.rm("plain")
    assert set(shown["profile"]["capabilities"]) == set(DEFAULT_CAPABILITIES)
    assert (shown["profile"]["no_new_privileges"], shown["profile"]["seccomp"]) == (True, "default")
    assert shown["limits"]["pids"] == 512


@pytest.mark.parametrize("kind", KINDS)
def test_set_user_id_programs_work_only_when_asked_for_and_where_there_are_ids(kind, tmp_path_factory):
    user = make_user(kind, tmp_path_factory.mktemp("pytest-settings"))
    script = """
from dockmagic.engine.engine import Engine
from dockmagic.engine.settings import Settings
engine = Engine()
engine.build("FROM localhost/base\\nRUN cp $(readlink -f $(command -v id)) /id && chmod 4755 /id", tags=("s:1",))
for options in ((), ("no-new-privileges=false",)):
    run = engine.run("s:1", script="/id -u", user="65534", settings=Settings(security_opts=options))
    print(run.stdout.strip(), run.stderr.strip())
engine.close()
"""
    done = user.run(sys.executable, "-c", script)
    assert done.stdout.split() == ["65534", "65534" if kind == "nosub" else "0"], done.stderr


def shared_memory_is_its_own():
    """Whether the kernel lets root of a user namespace set what its IPC namespace has (Linux 6.x on)."""
    words = ["unshare", "--user", "--map-root-user", "--ipc", "sh", "-c", "echo 123456 > /proc/sys/kernel/shmmax"]
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


def test_further_groups_and_settings_of_the_kernel_hold_for_every_exec_too(engine):
    settings = Settings(groups=("nogroup", "50"), sysctls=("net.ipv4.ip_forward=1", "net.core.somaxconn=77"))
    script = "id -G; cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/core/somaxconn\n"
    host = Path("/proc/sys/net/core/somaxconn").read_text()
    engine.build("FROM localhost/base\nRUN echo nogroup:x:65534: >> /etc/group\n", tags=("g:1",))
    try:
        expected = ["7", "50", "65534", "1", "77"]
        assert engine.run("g:1", name="groups", user="7:7", script=script, settings=settings).stdout.split() == expected
        assert engine.exec("groups", user="7:7", script=script).stdout.split() == expected
        shown = engine.inspect("groups").config["profile"]
        assert shown["groups"] == ["nogroup", "50"]
        assert shown["sysctls"] == {"net.ipv4.ip_forward": "1", "net.core.somaxconn": "77"}
        assert Path("/proc/sys/net/core/somaxconn").read_text() == host
    finally:
        engine.rm("groups")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"groups": ("nobodys",)}, 'the image has no group "nobodys"'),
        ({"groups": ("70000",)}, "gid 70000 is out of range"),
        ({"sysctls": ("net.ipv4.no_such_thing=1",)}, "no container has it for itself here"),
        ({"sysctls": ("net.ipv4.ip_default_ttl=far",)}, "Invalid argument"),
    ],
)
def test_groups_and_settings_that_are_not_there_are_refused_and_leave_nothing(engine, options, says):
    before = engine.ps(all=True).items
    with pytest.raises(UsageError, match=says):
        engine.run("base:1", script="true\n", settings=Settings(**options))
    assert engine.ps(all=True).items == before


def test_settings_of_shared_memory_are_the_containers_or_refused(engine):
    settings = Settings(sysctls=("kernel.shmmax=1000000", "fs.mqueue.msg_max=20"))
    script = "cat /proc/sys/kernel/shmmax /proc/sys/fs/mqueue/msg_max\n"
    if shared_memory_is_its_own():
        assert engine.run("base:1", script=script, settings=settings).stdout.split() == ["1000000", "20"]
    else:
        with pytest.raises(UsageError, match=r"--sysctl kernel\.shmmax=1000000: Permission denied"):
            engine.run("base:1", script=script, settings=settings)


@pytest.mark.parametrize("kind", ["stud", "nosub"])
def test_other_users_set_what_is_the_containers_and_groups_where_there_are_ids(kind, tmp_path_factory):
    user = make_user(kind, tmp_path_factory.mktemp("pytest-groups"))
    script = """
from dockmagic.engine.engine import Engine
from dockmagic.engine.settings import Settings
from dockmagic.errors import UsageError
engine = Engine()
read = "cat /proc/sys/net/ipv4/ip_forward\\n"
print(engine.run("localhost/base", script=read, settings=Settings(sysctls=("net.ipv4.ip_forward=1",))).stdout.strip())
try:
    print(engine.run("localhost/base", script="id -G\\n", settings=Settings(groups=("50",))).stdout.strip())
except UsageError as error:
    print(error)
engine.close()
"""
    done = user.run(sys.executable, "-c", script)
    refused = "--group-add: this machine gives a container one id, and no other group than the user's own"
    assert done.stdout.splitlines() == ["1", refused if kind == "nosub" else "0 50"], done.stderr
