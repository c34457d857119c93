from __future__ import annotations

import json

import pytest

from dockmagic.engine import sysctls
from dockmagic.engine.settings import Settings, fields, prepared
from dockmagic.errors import UsageError
from dockmagic.sandbox.spec import CAPABILITIES, DEFAULT_CAPABILITIES
from dockmagic.syscalls import privileges


def made(tmp_path, **options):
    return json.loads(json.dumps(prepared(Settings(**options), cwd=tmp_path)))


def capabilities(tmp_path, **options):
    return set(made(tmp_path, **options)["capabilities"])


def test_the_names_of_capabilities_are_the_kernels():
    assert CAPABILITIES == privileges.CAPABILITIES


def test_by_default_it_is_the_specs_own_profile(tmp_path):
    found = fields(made(tmp_path))
    assert set(found["capabilities"]) == set(DEFAULT_CAPABILITIES)
    assert (found["no_new_privileges"], found["seccomp"], found["read_only"], found["mounts"]) == (True, b"", False, ())


def test_capabilities_are_added_and_dropped_as_docker_does(tmp_path):
    default = set(DEFAULT_CAPABILITIES)
    assert capabilities(tmp_path, cap_add=("net_raw", "CAP_SYS_PTRACE")) == default | {"NET_RAW", "SYS_PTRACE"}
    assert capabilities(tmp_path, cap_drop=("CHOWN",)) == default - {"CHOWN"}
    assert capabilities(tmp_path, cap_drop=("all",)) == set()
    assert capabilities(tmp_path, cap_drop=("ALL",), cap_add=("KILL",)) == {"KILL"}
    assert capabilities(tmp_path, cap_add=("ALL",)) == set(CAPABILITIES)
    assert capabilities(tmp_path, cap_add=("ALL",), cap_drop=("SYS_ADMIN",)) == set(CAPABILITIES) - {"SYS_ADMIN"}
    assert capabilities(tmp_path, untrusted=True) == set()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"cap_add": ("FLY",)}, "no capability FLY"),
        ({"cap_drop": ("fly",)}, "no capability FLY"),
        ({"cap_add": ("ALL",), "cap_drop": ("ALL",)}, "exclude"),
        ({"untrusted": True, "cap_add": ("KILL",)}, "--untrusted"),
        ({"untrusted": True, "security_opts": ("no-new-privileges=false",)}, "--untrusted"),
        ({"security_opts": ("seccomp=unconfined",)}, "not switched off"),
        ({"security_opts": ("seccomp=nowhere.json",)}, "nowhere.json cannot be read"),
        ({"security_opts": ("apparmor=unconfined",)}, "apparmor=unconfined"),
        ({"security_opts": ("no-new-privileges=perhaps",)}, "no-new-privileges=perhaps"),
        ({"tmpfs": ("run",)}, "absolute"),
        ({"tmpfs": ("/",)}, "absolute"),
        ({"tmpfs": ("/dev/shm:size=1g",)}, "--shm-size"),
        ({"tmpfs": ("/run/dockmagic/in",)}, "not below"),
        ({"tmpfs": ("/a/../proc",)}, "not below"),
        ({"tmpfs": ("/x:size=0",)}, "size=0"),
        ({"tmpfs": ("/x:mode=rwx",)}, "mode=rwx"),
        ({"tmpfs": ("/x:uid=5",)}, "uid=5"),
        ({"hostname": "a b"}, "host name"),
        ({"hostname": "a" * 65}, "host name"),
        ({"hostname": "-a"}, "host name"),
        ({"dns": ("example.org",)}, "IP address"),
        ({"sysctls": ("kernel.core_pattern=|/x",)}, "setting of the machine"),
        ({"sysctls": ("kernel.shmmax_=1",)}, "setting of the machine"),
        ({"sysctls": ("vm.swappiness=1",)}, "setting of the machine"),
        ({"sysctls": ("net.ipv4.ip_forward",)}, "NAME=VALUE"),
        ({"sysctls": ("net.ipv4/../../kernel.core_pattern=x",)}, "NAME=VALUE"),
        ({"sysctls": ("net...kernel=1",)}, "NAME=VALUE"),
        ({"sysctls": ("net.ipv4.ip_forward=1\n",)}, "NAME=VALUE"),
    ],
)
def test_what_cannot_be_had_is_refused(tmp_path, options, says):
    with pytest.raises(UsageError) as caught:
        prepared(Settings(**options), cwd=tmp_path)
    assert says in f"{caught.value} {caught.value.hint}"


def test_memory_has_dockers_flags_and_a_size(tmp_path):
    first, second = fields(made(tmp_path, tmpfs=("/tmp:exec,size=1m,mode=700", "/run")))["mounts"]
    assert (first.target, first.size, first.mode, first.noexec, first.read_only) == (
        "/run",
        64 << 20,
        0o1777,
        True,
        False,
    )
    assert (second.target, second.size, second.mode, second.noexec) == ("/tmp", 1 << 20, 0o700, False)
    assert first.early


def test_a_seccomp_file_is_taken_from_the_working_directory_and_kept_by_content(tmp_path):
    (tmp_path / "p.json").write_text('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}')
    found = made(tmp_path, security_opts=("seccomp=p.json",))
    (tmp_path / "p.json").unlink()
    assert found["seccomp"] == "default and p.json"
    assert fields(found)["seccomp"]
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(UsageError, match="no seccomp profile"):
        made(tmp_path, security_opts=("seccomp=bad.json",))


def test_a_file_without_end_is_not_read_to_its_end(tmp_path):
    with pytest.raises(UsageError, match="longer than 1 MiB"):
        prepared(Settings(security_opts=("seccomp=/dev/zero",)), cwd=tmp_path)


def test_the_last_setting_of_a_name_counts_and_may_be_of_several_words(tmp_path):
    texts = ("kernel.sem=1 2 3 4", "net.core.somaxconn=1", "fs.mqueue.msg_max=20", "net.core.somaxconn=2")
    assert fields(made(tmp_path, sysctls=texts))["sysctls"] == (
        ("kernel.sem", "1 2 3 4"), ("net.core.somaxconn", "2"), ("fs.mqueue.msg_max", "20"),
    )  # fmt: skip


@pytest.mark.parametrize("network", ["host", "container:db"])
def test_a_network_of_another_has_its_settings_from_there(network):
    sysctls.require_network({"kernel.shmmax": "1"}, network)
    with pytest.raises(UsageError, match=f"net.core.somaxconn cannot be used with --network {network}"):
        sysctls.require_network({"net.core.somaxconn": "1"}, network)
