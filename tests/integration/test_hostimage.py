"""Images made of this machine, in the real sandbox, as every kind of user."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from dockmagic.engine.engine import Engine
from tests.users import KINDS, make_user

# The system's own Python, which a notebook may run with too: installed into /usr, without a shared library.
SYSTEM_PYTHON = Path("/usr/bin/python3")

RUN = """
import json, os, sys
from dockmagic.builder.hostimage import ensure, image, python as pythons
from dockmagic.engine.session import Session
from dockmagic.sandbox.spec import Spec

name, script, user, other = sys.argv[1:]
if other:
    image.of_this_process = lambda: pythons.Python(**json.loads(other))
session = Session()
store = session.store
record = store.images.get(ensure(store, name, epoch=session.epoch))
with store.scratch() as top:
    upper, work = f"{top}/upper", f"{top}/work"
    session.runtime.call("mkdir", {"paths": [upper, work]})
    spec = Spec(
        lowers=tuple(store.layers.snapshot(diff_id) for diff_id in reversed(record.diff_ids)),
        upper=upper,
        work=work,
        argv=("sh", "-ec", script),
        env=tuple(tuple(word.split("=", 1)) for word in record.config.config.env),
        user=user,
    )
    read, write = os.pipe()
    null = os.open(os.devnull, os.O_RDONLY)
    process = session.runtime.start(spec, stdin=null, stdout=write, stderr=write)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        output = pipe.read().decode()
    code = process.wait(30).code
    process.close()
    changed = session.runtime.call("changes", {"upper": upper, "lowers": []})["paths"]
problems = store.check()
session.close()
print(json.dumps({
    "id": record.id, "diff_ids": record.diff_ids, "code": code, "output": output, "changed": [row[0] for row in changed],
    "problems": problems,
}))
"""

# Every tool that a tutorial uses, once; what it prints is what it must print.
TOOLS = r"""
cd /tmp
id -u; id nobody; whoami; env | grep ^PATH; hostname
seq 3 | sed s/2/two/ | awk '{ print $1 "." }' | tr '\n' ' '; echo
printf 'b\na\n' | sort > lines; cat lines | head -n 1; wc -l < lines; cut -c1 lines | tail -n 1
mkdir -p d/e && cp lines d/e/copy && ln -s copy d/e/link && readlink d/e/link && realpath d/e/link
tar -cz -f d.tar.gz d && rm -r d && tar -xzf d.tar.gz && find d -type f && zcat d.tar.gz | head -c 2; echo
dd if=/dev/zero of=zeros bs=1000 count=3 status=none && stat -c %s zeros && du -b zeros | cut -f 1
printf '' | sha256sum | cut -c1-8; echo a b | xargs -n 1 echo; basename "$(mktemp)" | cut -c1-4
chown 0:0 lines; chmod 600 lines; ls -l lines | cut -c1-10; expr 2 + 3; date -d @0 -u +%F
sleep 60 & kill $!; ps -o pid= -p 1 | tr -d ' '; cmp lines lines; test -e /mnt; stat -c %a /root /tmp /var/tmp | tr '\n' ' '; echo
. /etc/os-release; echo "$ID"
LC_ALL=C.UTF-8 sh -c 'printf "\355\225\234\352\270\200" | wc -m'
"""
SAID = """\
0
uid=65534(nobody) gid=65534(nobody) groups=65534(nobody)
root
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
dockmagic
1. two. 3.
a
2
b
copy
/tmp/d/e/copy
d/e/copy
d/
3000
3000
e3b0c442
a
b
tmp.
-rw-------
5
1970-01-01
1
700 1777 1777
dockmagic
2
"""

MODULES = """
cd /usr/local/lib/python3*/lib-dynload
python -W ignore - <<'EOF'
import importlib, pathlib, sys
names = sorted({path.name.partition(".")[0] for path in pathlib.Path().glob("*.so")})
for name in names:
    importlib.import_module(name)
assert len(names) > 30, names
import asyncio, ctypes, hashlib, json, lzma, sqlite3, ssl, threading, venv
thread = threading.Thread(target=lambda: None)
thread.start()
thread.join()
print(sys.prefix, sys.base_prefix, sys.exec_prefix, json.__file__.startswith("/usr/local/"))
print([path for path in sys.path if path and not path.startswith("/usr/local/lib")])
EOF
cd /tmp
/usr/local/bin/python3 -c 'print(1)'
python3 -m venv --without-pip v && v/bin/python -c 'import sys; print(sys.prefix)'
"""
IMPORTED = "/usr/local /usr/local /usr/local True\n[]\n1\n/tmp/v\n"


@pytest.fixture(scope="module", params=KINDS)
def user(request, tmp_path_factory):
    return make_user(request.param, tmp_path_factory.mktemp("pytest-hostimage"))


def run(user, name, script, *, as_user="", python=None):
    done = user.python(RUN, name, script, as_user, json.dumps(python) if python else "")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["problems"] == []
    return found


def test_the_tools_of_the_base_work(user):
    done = run(user, "localhost/base", TOOLS)
    assert done["output"].replace(" \n", "\n") == SAID
    assert done["code"] == 0
    assert {"/tmp"} == {"/".join(path.split("/")[:2]) for path in done["changed"]}


def test_everyone_may_use_them(user):
    done = run(user, "localhost/base", "id -un; touch /tmp/mine; ls /root 2>&1 || echo closed", as_user="nobody")
    assert done["output"].splitlines()[0] == "nobody"
    # Where there is one id, it owns everything, whatever it is called.
    assert (done["output"].splitlines()[-1] == "closed") == (user.kind != "nosub")


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="this machine has no bash")
def test_bash_is_there_where_the_machine_has_it(user):
    assert run(user, "localhost/base", "bash -c 'a=(x y); echo ${a[1]}'")["output"] == "y\n"


def test_the_notebooks_python_works_with_its_whole_library_and_leaves_no_caches(user):
    done = run(user, "localhost/python", MODULES)
    assert done["output"] == IMPORTED
    assert done["code"] == 0
    assert {"/tmp"} == {"/".join(path.split("/")[:2]) for path in done["changed"]}
    assert run(user, "localhost/base", "true")["diff_ids"] == done["diff_ids"][:1]


@pytest.mark.skipif(not SYSTEM_PYTHON.exists(), reason="this machine has no Python of its own")
def test_a_python_of_the_system_works_too(tmp_path):
    ask = "import json, sys, sysconfig; print(json.dumps([sys.base_prefix, sysconfig.get_path('stdlib'), '%d.%d' % sys.version_info[:2]]))"
    told = subprocess.run([SYSTEM_PYTHON, "-I", "-c", ask], capture_output=True, check=True, timeout=60)
    prefix, library, version = json.loads(told.stdout)
    python = {"executable": os.path.realpath(SYSTEM_PYTHON), "prefix": prefix, "library": library, "version": version}
    done = run(make_user("root", tmp_path), "localhost/python", MODULES, python=python)
    assert done["output"] == IMPORTED


def test_the_image_is_the_same_for_every_kind_of_user(tmp_path_factory):
    top = tmp_path_factory.mktemp("pytest-hostimage")
    found = [run(make_user(kind, top), "localhost/python", "true")["id"] for kind in KINDS]
    assert len(set(found)) == 1


def test_it_is_pulled_without_a_registry(tmp_path):
    engine = Engine(tmp_path / "home")
    pulled = engine.pull("localhost/base")
    assert (pulled.id, pulled.names) == (engine.inspect("localhost/base").id, ("localhost/base",))
    engine.close()
