"""Tier T1: what the usual tools record where there is one id, a pod that masks /proc, a store on an overlay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration import denied_host
from tests.users import PATIENCE, make_user

BOX = "import sys; from tests.integration.box import main; main(*sys.argv[1:])"


@pytest.fixture
def user(tmp_path_factory):
    return make_user("nosub", tmp_path_factory.mktemp("pytest-sandbox"))


TOOLS = """
from dockmagic.sandbox.spec import Bind
def fill(top):
    for name in ('lib', 'lib64', 'sbin'):
        (top / name).symlink_to('usr/' + name)
    (top / 'old').write_text('below')
    (top / 'etc').mkdir()
    (top / 'etc/shadow').write_text('root:*:1::::::' + chr(10))
    (top / 'etc/gshadow').write_text('root:*::' + chr(10))
lower = box.layer('tools', fill)
done = box.sh(SCRIPT, lowers=(lower, 'snapshots/base'), env=(('PATH', '/usr/sbin:/usr/bin:/bin'),),
              binds=(Bind(source='/usr', target='/usr', read_only=True),))
def owner(path):
    found = box.upper() / path
    aside = done.end.owners.get(str(os.lstat(found).st_ino))
    return ':'.join(map(str, aside)) if aside else os.getxattr(found, 'user.dockmagic.owner').decode()
result['output'] = done.output
result['owners'] = {path: owner(path) for path in PATHS} if done.end.code == 0 else {}
"""

SEQUENCES = [
    ("echo x > f; install -o 33 -g 34 -m 600 f a; install -d -o 5 -g 6 d", {"a": "33:34", "d": "5:6"}),
    ("echo x > f; chown 33:34 f; cp -a f copied; mv f moved", {"copied": "33:34", "moved": "33:34"}),
    (
        "mkdir -p t/s; echo x > t/s/f; ln -s f t/s/l; chown -R 7:8 t",
        dict.fromkeys(["t", "t/s", "t/s/f", "t/s/l"], "7:8"),
    ),
    ("chown 9:10 old; mv old new; mkdir d; mv new d/old", {"d/old": "9:10"}),
    ("chown 9:10 old; echo more >> old; chmod 600 old; ln old again; rm old", {"again": "9:10"}),
    ("ln -s x s; chown -h 3:4 s; ln s hard; mv s t; rm hard", {"t": "3:4"}),
    (
        "mkdir i; echo x > i/a; ln -s a i/l; tar --owner=13 --group=14 -cf a.tar i; rm -r i; tar -xf a.tar",
        dict.fromkeys(["i", "i/a", "i/l"], "13:14"),
    ),
    ("mkdir i; cd i; chown 15:16 .; cd ..; mv i j", {"j": "15:16"}),
    (
        "useradd -m -u 1001 -U eve; echo x > f; install -o eve -g eve f /home/eve/f; su eve -c true && exit 9; true",
        {"home/eve": "1001:1001", "home/eve/f": "1001:1001"},
    ),
]


@pytest.mark.parametrize(("script", "expected"), SEQUENCES, ids=[script[:30] for script, _ in SEQUENCES])
def test_the_usual_tools_record_owners_where_there_is_one_id(user, script, expected):
    told = TOOLS.replace("SCRIPT", repr(f"set -e; {script}")).replace("PATHS", repr(list(expected)))
    done = user.python(BOX, str(user.home / "store"), told)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    assert found["owners"] == expected, found["output"]


# What containerd and CRI-O do to a pod's /proc: for the kernel a reason to refuse a new one inside.
MASKED_PROC = "mount -t tmpfs -o ro tmpfs /proc/acpi\nmount --bind /dev/null /proc/keys\n"

IN_A_POD = r"""
us = os.getpid()
result['tier'], result['notes'] = box.runtime.isolation.tier, box.runtime.isolation.notes
script = f'''
cat /proc/{us}/environ /proc/{us}/mem 2>&1 | tr '\\0' '\\n'
for n in fd/0 root cwd exe; do readlink /proc/{us}/$n; done
kill -0 {us} 2>/dev/null && echo REACHED
for f in oom_score_adj clear_refs autogroup coredump_filter; do (echo 5 > /proc/{us}/$f) 2>/dev/null && echo WRITTEN $f; done
(echo x > /proc/sys/kernel/hostname) 2>/dev/null && echo WRITTEN
cat /proc/keys 2>/dev/null; ls /proc/acpi | wc -l; echo out > /dev/stdout; id -u; test -d /proc/{us} && echo VISIBLE
'''
for user in ('', 'bob'):
    result[user] = box.sh(script, user=user).output.splitlines()
process, pipe = box.begin('echo ready; sleep 60', user='bob')
pipe.readline()
result['joined'] = box.join(process, 'id', '-u', user='bob').output
process.kill(); process.close(); pipe.close()
"""


def test_a_pod_that_masks_proc_is_labelled_and_shows_no_more_than_names(user):
    command = user.command((sys.executable, "-c", BOX, str(user.home / "store"), IN_A_POD), {"PLANTED": "canary"})
    command[-1] = MASKED_PROC + command[-1]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    assert found["tier"] == "T1"
    assert any(note.startswith("processes visible") for note in found["notes"])
    for name, uid in (("", "0"), ("bob", "1000")):
        assert [line for line in found[name] if "Permission denied" in line], found[name]
        assert [line for line in found[name] if "Permission denied" not in line] == ["0", "out", uid, "VISIBLE"]
    assert found["joined"] == "1000\n"


PODMANS_PROFILE = "/usr/share/containers/seccomp.json"

IN_PODMAN = r"""
result['tier'], result['notes'] = box.runtime.isolation.tier, box.runtime.isolation.notes
result['ran'] = box.sh('id -u; echo kept > /new; cat /new; hostname', hostname='oven').output.split()
process, pipe = box.begin('echo ready; sleep 60')
pipe.readline()
result['joined'] = box.join(process, 'id', '-u').output
process.kill(); process.close(); pipe.close()
"""


@pytest.mark.skipif(not Path(PODMANS_PROFILE).exists(), reason="podman's profile is not installed")
def test_a_container_of_podman_with_its_own_filter_keeps_its_host_name_and_says_so(user):
    inside = denied_host.command(
        [f"profile={PODMANS_PROFILE}"], [sys.executable, "-c", BOX, str(user.home / "store"), IN_PODMAN]
    )
    command = user.command(tuple(inside), {})
    command[-1] = MASKED_PROC + command[-1]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    assert found["tier"] == "T1"
    assert "outer host name: this host does not let it be set" in found["notes"]
    assert found["ran"] == ["0", "kept", os.uname().nodename]
    assert found["joined"] == "0\n"


# A pod's own root: an overlay, on which another overlay cannot write.
ON_AN_OVERLAY = """mkdir -p {home}/l {home}/u {home}/w {home}/m
mount -t overlay -o lowerdir={home}/l,upperdir={home}/u,workdir={home}/w overlay {home}/m
chmod 777 {home}/m
"""

IN_MEMORY = r"""
result['tier'], result['notes'] = box.runtime.isolation.tier, box.runtime.isolation.notes
from dockmagic.sandbox.spec import Spec
def spec(*argv, name):
    below = f'containers/{name}'
    return Spec(lowers=('snapshots/base',), upper=f'{below}/upper', work=f'{below}/work', argv=argv, env=(('PATH', '/bin'),))
box.runtime.call('mkdir', {'paths': ['containers/a/upper', 'containers/a/work']})
first = box.finish(spec('sh', '-c', 'echo kept > /new; chown 33:34 /new; rm /etc/group; cat /new', name='a'))
again = box.finish(spec('sh', '-c', 'cat /new; ls /etc', name='a'))
result['first'], result['again'] = first.output, sorted(again.output.split())
result['on disk'] = sorted(p.name for p in (box.root / 'containers').iterdir())
from dockmagic.engine.doctor import doctor
from dockmagic.engine.session import Session
session = Session(box.home.parent / 'another')
result['doctor'] = str(doctor(session))
session.close()
"""


@pytest.mark.parametrize("kind", ["nosub", "stud"])
def test_a_store_on_an_overlay_keeps_writable_layers_in_memory_and_says_so(tmp_path_factory, kind):
    user = make_user(kind, tmp_path_factory.mktemp("pytest-sandbox"))
    command = user.command((sys.executable, "-c", BOX, str(user.home / "m/store"), IN_MEMORY), {})
    command[-1] = ON_AN_OVERLAY.format(home=user.home) + command[-1]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    assert found["tier"] == "T1"
    assert any("kept in memory" in note for note in found["notes"])
    assert (found["first"], found["again"]) == ("kept\n", ["hostname", "hosts", "kept", "passwd", "resolv.conf"])
    assert found["on disk"] == []
    assert found["doctor"].startswith("T1: ")
    assert f"blocked by {'id range' if kind == 'nosub' else 'overlay on disk'}: " in found["doctor"]
