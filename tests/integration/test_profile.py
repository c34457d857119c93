"""What a container may do beyond the default, and less; ``test_sandbox_users`` runs it as other users."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from dockmagic.sandbox import seccomp_profile
from dockmagic.sandbox.spec import DEFAULT_CAPABILITIES, Bind, Limits, Mount
from dockmagic.syscalls.privileges import CAPABILITIES, mask
from tests.integration.box import BUSYBOX, Box

pytestmark = pytest.mark.skipif(not Path(BUSYBOX).exists(), reason="needs busybox-static")

MiB = 1 << 20
STATUS = "grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status"


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    found = Box(tmp_path_factory.mktemp("profile") / "store")
    yield found
    found.close()


def status(done):
    return {key: value.strip() for key, _, value in (line.partition(":") for line in done.output.splitlines())}


def compiled(profile, capabilities=DEFAULT_CAPABILITIES):
    machine = os.uname()
    return seccomp_profile.compiled(
        json.dumps(profile), machine=machine.machine, release=machine.release, capabilities=capabilities
    )


def refuse(*names, **rule):
    entry = {"names": list(names), "action": "SCMP_ACT_ERRNO", **rule}
    return compiled({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [entry]})


@pytest.mark.parametrize(
    "capabilities", [(), ("CHOWN",), (*DEFAULT_CAPABILITIES, "NET_RAW", "SYS_PTRACE"), CAPABILITIES], ids=len
)
def test_the_capabilities_are_those_of_the_spec(box, capabilities):
    found = status(box.sh(STATUS, capabilities=tuple(capabilities)))
    for kind in ("CapBnd", "CapPrm", "CapEff"):
        assert int(found[kind], 16) == mask(tuple(capabilities)), kind
    assert {found["CapInh"], found["CapAmb"]} == {"0" * 16}
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")


def test_all_capabilities_reach_nothing_of_the_host(box):
    script = "hostname other; mount -t tmpfs x /mnt 2>&1 || mount -t tmpfs x /tmp; echo 1 > /proc/sys/kernel/core_pattern; date -s 2000-01-01 2>&1"
    host = Path("/proc/sys/kernel/core_pattern").read_text()
    done = box.sh(script, capabilities=CAPABILITIES)
    assert "denied" in done.output or "permitted" in done.output or "Read-only" in done.output
    assert Path("/proc/sys/kernel/core_pattern").read_text() == host
    assert os.uname().nodename != "other"
    assert time.gmtime().tm_year > 2000


def test_a_read_only_root_keeps_memory_and_volumes_writable(box, tmp_path):
    mounts = (Mount(kind="tmpfs", target="/scratch", read_only=False, size=2 * MiB, early=True),)
    tmp_path.chmod(0o777)
    script = """
for where in / /tmp /etc /bin; do touch $where/x 2>/dev/null && echo wrote $where; done
for where in /scratch /dev/shm /data; do touch $where/x && echo $where; done
"""
    volume = (Bind(source=str(tmp_path), target="/data"),)
    done = box.sh(script, read_only=True, mounts=mounts, binds=volume, cwd="/made/here")
    assert done.output.split() == ["/scratch", "/dev/shm", "/data"]
    assert not list(box.upper().rglob("x"))


def test_an_exec_meets_the_same_read_only_root(box):
    process, pipe = box.begin("echo ready; sleep 6000", read_only=True)
    pipe.readline()
    assert box.join(process, "sh", "-c", "touch /x || echo refused", read_only=True).output.endswith("refused\n")
    process.kill()
    process.wait()
    process.close()
    pipe.close()


def test_file_systems_in_memory_have_their_size_and_flags(box):
    early = {"kind": "tmpfs", "read_only": False, "early": True}
    mounts = (
        Mount(target="/tmp", size=MiB, mode=0o700, noexec=True, **early),
        Mount(target="/run", size=2 * MiB, **early),
        Mount(target="/deep/er", size=MiB, **early),
    )
    script = """
grep -E ' (/tmp|/run|/deep/er) ' /proc/self/mounts | cut -d' ' -f2-4
stat -c %a /tmp; cp /bin/busybox /tmp/b 2>/dev/null; head -c 3000000 /dev/zero > /run/big 2>/dev/null || echo full
ls /run/dockmagic/x
"""
    done = box.sh(script, mounts=mounts, files=(("x", b"", 0o644),))
    lines = done.output.splitlines()
    kinds = {line.split()[0]: line.split()[2].split(",") for line in lines[:3]}
    assert {"rw", "nosuid", "nodev"} <= set(kinds["/run"])
    assert "noexec" in kinds["/tmp"]
    assert "noexec" not in kinds["/run"]
    assert lines[3:] == ["700", "full", "/run/dockmagic/x"]
    assert not (box.upper() / "deep").exists()


def test_files_without_a_byte_do_not_fill_the_machines_memory(box):
    mounts = (Mount(kind="tmpfs", target="/tmp", read_only=False, early=True, size=2 * MiB),)
    script = """
for where in /tmp /dev/shm; do
    i=0
    while true 2>/dev/null > $where/$i; do i=$((i + 1)); done
    echo $i
done
df -i /dev | tail -n 1 | awk '{print $2}'
"""
    counts = box.sh(f"set +e\n{script}", mounts=mounts, limits=Limits(shm=2 * MiB)).output.split()
    assert [int(count) <= 1024 for count in counts[-3:-1]] == [True, True], counts
    assert int(counts[-1]) == 32768


def test_a_volume_may_lie_in_memory(box, tmp_path):
    (tmp_path / "here").write_text("volume\n")
    mounts = (Mount(kind="tmpfs", target="/srv", read_only=False, early=True),)
    binds = (Bind(source=str(tmp_path), target="/srv/a/b", read_only=True),)
    assert box.sh("cat /srv/a/b/here", mounts=mounts, binds=binds).output == "volume\n"


def test_memory_in_files_counts_wherever_it_is(box):
    mounts = (Mount(kind="tmpfs", target="/scratch", read_only=False, size=256 * MiB, early=True),)
    done = box.sh("cat /dev/zero > /scratch/x; sleep 20", mounts=mounts, limits=Limits(memory=32 * MiB))
    assert done.end.stopped == "memory limit"


def test_a_seccomp_profile_takes_calls_away_and_gives_none(box):
    assert box.sh("mkdir /a && echo made", seccomp=refuse("mkdir", "mkdirat")).output.endswith(
        "Operation not permitted\n"
    )
    ours = compiled({"defaultAction": "SCMP_ACT_ALLOW"})
    assert "permitted" in box.sh("unshare -m true 2>&1", seccomp=ours).output
    killed = box.sh("mkdir /a", seccomp=refuse("mkdir", "mkdirat", action="SCMP_ACT_KILL_PROCESS"))
    assert killed.end.code in {128 + signal.SIGSYS, 1}


def test_a_seccomp_profile_looks_at_arguments(box):
    rule = refuse("socket", args=[{"index": 0, "value": 10, "op": "SCMP_CMP_EQ"}])
    done = box.sh(
        "nc -l -p 9 ::1 & sleep 0.2; ping -6 -c1 ::1 2>&1; ping -c 1 -W 1 127.0.0.1 >/dev/null; echo $?", seccomp=rule
    )
    assert "permitted" in done.output


def test_an_exec_meets_the_same_profile(box):
    rule = refuse("mkdir", "mkdirat")
    process, pipe = box.begin("echo ready; sleep 6000", seccomp=rule)
    pipe.readline()
    assert "permitted" in box.join(process, "sh", "-c", "mkdir /a 2>&1", seccomp=rule).output
    process.kill()
    process.wait()
    process.close()
    pipe.close()


def test_new_privileges_may_be_had_when_asked_for(box):
    found = status(box.sh(STATUS, no_new_privileges=False))
    assert (found["NoNewPrivs"], found["Seccomp"], int(found["CapBnd"], 16)) == ("0", "2", mask(DEFAULT_CAPABILITIES))
    bob = status(box.sh(STATUS, no_new_privileges=False, user="bob"))
    assert (bob["NoNewPrivs"], bob["Seccomp"], int(bob["CapEff"], 16)) == ("0", "2", 0)


def test_init_reaps_orphans_passes_signals_on_and_hides_itself(box):
    script = """
(sleep 0.1 & exec true); sleep 0.4
echo zombies $(ps -o stat | grep -c '^Z')
echo me $$ parent $PPID
tr -d '\\0' < /proc/1/cmdline; cat /proc/1/comm
cat /proc/1/environ 2>/dev/null; readlink /proc/1/exe; ls /proc/1/fd 2>/dev/null
cat /proc/1/maps 2>/dev/null | head -n 1
exit 7
"""
    done = box.sh(script, init=True)
    lines = done.output.splitlines()
    assert done.end.code == 7
    assert lines[0] == "zombies 0"
    assert re.fullmatch(r"me [2-9]\d* parent 1", lines[1])
    # Below a user namespace whose root is the container's root, that one may count its descriptors: all are /dev/null.
    nested = Path("/proc/self/uid_map").read_text().split()[1] != "0" and os.geteuid() == 0
    assert lines[2:] == (["init", "0", "1", "2"] if nested else ["init"])


def test_signals_to_init_reach_the_program(box):
    process, pipe = box.begin("trap 'echo told; exit 5' TERM; echo ready; while :; do sleep 0.1; done", init=True)
    pipe.readline()
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(10).code == 5
    assert pipe.read() == "told\n"
    process.close()
    pipe.close()


def test_an_interrupt_reaches_a_program_below_init_once(box):
    process, pipe = box.begin("trap 'echo told; exit 6' INT; echo ready; while :; do sleep 0.1; done", init=True)
    pipe.readline()
    process.interrupt()
    assert process.wait(10).code == 6
    assert pipe.read().count("told") == 1
    process.close()
    pipe.close()


def test_what_is_not_there_is_told_through_init_too(box):
    done = box.run("/no/such", init=True)
    assert (done.end.code, done.end.not_started) == (127, True)


def test_name_servers_and_hosts(box):
    done = box.sh(
        "cat /etc/resolv.conf; cat /etc/hosts; hostname",
        dns=("9.9.9.9", "::1"),
        add_hosts=(("10.0.0.1", "db"),),
        hostname="box1",
    )
    assert done.output.startswith("nameserver 9.9.9.9\nnameserver ::1\n")
    assert "10.0.0.1\tdb\n" in done.output
    assert done.output.endswith("box1\n")
