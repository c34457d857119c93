"""Whole Dockerfiles of the kind that people write, built on a real Debian, run and built again.

What other builders make of them is compared by hand: ``benchmarks/compare_builds.py``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dockmagic.engine.engine import Engine
from tests.users import make_user

DOCKERFILES = Path(__file__).parent / "dockerfiles"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def engine(minbase, tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("real") / "home")
    made.import_(minbase, "debian:minbase")
    yield made
    assert made.session.store.check() == []
    made.close()


def built(engine, name, file="Dockerfile", **options):
    context = DOCKERFILES / name
    return engine.build((context / file).read_text(), context=context, **options)


def config(engine, build):
    return engine.session.store.images.get(build.image.id).config.config


def all_is_cached_and_stages_give_the_same_again(engine, name, first, *stages):
    again = built(engine, name)
    assert [step.cached for step in again.steps] == [True] * len(first.steps)
    assert again.image.id == first.image.id
    executed = built(engine, name, no_cache_filter=stages)
    assert {step.stage for step in executed.steps if not step.cached} == set(stages)
    assert [step.layer and step.layer.diff_id for step in executed.steps] == [
        step.layer and step.layer.diff_id for step in first.steps
    ]
    assert executed.image.id == first.image.id


def test_a_web_application_from_wheels_serves(engine):
    first = built(engine, "python-app")
    script = (
        "id -un; shelf & for n in $(seq 100); do shelf --health 2>/dev/null && break; sleep 0.1; done; kill $!\n"
        "command -v pip || echo no pip; test -w /opt/venv && stat -c '%U:%G %a' /etc/shelf/settings.ini; pwd\n"
    )
    run = engine.run(first.image, script=script)
    assert run.stdout.splitlines() == [
        "app",
        "ready",
        "bread from 1.0 at /health",
        "no pip",
        "app:app 640",
        "/home/app",
    ]
    assert config(engine, first).to_dict() == {
        "Cmd": ["--port", "8000"],
        "Entrypoint": ["shelf"],
        "Env": [
            "PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "DEBIAN_FRONTEND=noninteractive",
            "PYTHONUNBUFFERED=1",
            "SHELF_SETTINGS=/etc/shelf/settings.ini",
            "VERSION=1.0",
        ],
        "ExposedPorts": {"8000/tcp": {}, "9000/udp": {}},
        "Healthcheck": {
            "Interval": 30_000_000_000,
            "Retries": 2,
            "Test": ["CMD", "shelf", "--health"],
            "Timeout": 3_000_000_000,
        },
        "Labels": {"org.opencontainers.image.title": "shelf", "org.opencontainers.image.version": "1.0"},
        "StopSignal": "SIGINT",
        "User": "app",
        "Volumes": {"/var/lib/shelf": {}},
        "WorkingDir": "/home/app",
    }
    assert "\nOK\n" in built(engine, "python-app", target="test").log
    all_is_cached_and_stages_give_the_same_again(engine, "python-app", first, "wheels", "runtime")


def test_a_static_program_is_all_of_its_image(engine):
    first = built(engine, "c-scratch")
    run = engine.run(first.image)
    assert (run.stdout, run.exit_code) == ("4 words.txt as 65534\n", 0)
    paths = {file.entry.path: oct(file.entry.mode) for file in engine.files(first.image)}
    assert paths == {
        "bin": "0o755",
        "bin/count": "0o755",
        "bin/tally": "0o777",
        "data": "0o755",
        "data/words.txt": "0o644",
        "tmp": "0o1777",
    }
    all_is_cached_and_stages_give_the_same_again(engine, "c-scratch", first, "build", "program")


def test_a_front_end_is_bundled_by_node_and_served_without_it(engine):
    first = built(engine, "node-frontend")
    script = (
        "command -v node || echo no node; busybox httpd -p 127.0.0.1:8080 -h /srv/www\n"
        "busybox wget -qO- http://127.0.0.1:8080/ | grep -o 'app[.].*js'\n"
        "busybox wget -qO- http://127.0.0.1:8080/latest.js; echo; ls /srv/www; stat -c %a /srv/build.log\n"
    )
    lines = engine.run(first.image, script=script).stdout.splitlines()
    assert lines[0] == "no node"
    assert lines[2:5] == ["(() => {let count = 0;", "globalThis.increment = () => ++count;", "})();"]
    assert 'fetch("/api");' in lines[5]
    names = lines[7:-1]
    assert names[:4] == [lines[1], f"{lines[1]}.gz", "index.html", "latest.js"]
    assert [name.partition(".")[0] for name in names[4:]] == ["style"]
    assert lines[-1] == "444"
    all_is_cached_and_stages_give_the_same_again(engine, "node-frontend", first, "build", "site")
    other = built(engine, "node-frontend", build_args={"API_URL": "/v2"})
    assert next(step.reason for step in other.steps if not step.cached) == "build argument changed: API_URL"
    assert engine.run(other.image, argv=("grep", "-c", '"/v2"', "/srv/www/latest.js")).stdout == "1\n"


WORKBENCH = """
import json, sys
from pathlib import Path
from dockmagic.engine.engine import Engine

context = Path(sys.argv[2])
text = (context / "Dockerfile").read_text()
engine = Engine()
engine.import_(sys.argv[1], "debian:minbase")
first = engine.build(text, context=context)
again = engine.build(text, context=context)
executed = engine.build(text, context=context, no_cache_filter=("workbench",))
modes = "stat -c '%a %U:%G %n' /usr/bin/ssh-agent /work /work/db /usr/local/bin/suid ~/.config/editor.json; cat /work/lines"
ages = "find /var/cache/apt /var/lib/apt -type f | wc -l; test ! -e /context || echo /context; ls -A /var/log"
print(json.dumps({
    "run": engine.run(first.image).stdout.splitlines(),
    "modes": engine.run(first.image, script=modes).stdout.splitlines(),
    "left": engine.run(first.image, script=ages).stdout.splitlines(),
    "cached": [step.cached for step in again.steps],
    "executed": [step.instruction.split()[0] for step in executed.steps if not step.cached],
    "ids": [first.image.id, again.image.id, executed.image.id],
    "problems": engine.session.store.check(),
}))
engine.close()
"""


def test_a_workbench_of_many_packages_is_built_by_every_kind_of_user(minbase, tmp_path):
    results = {}
    for kind in ("root", "stud", "nosub"):
        user = make_user(kind, tmp_path)
        script = f"import os; os.chdir(os.environ['HOME'])\n{WORKBENCH}"
        done = user.python(script, str(minbase), str(DOCKERFILES / "apt-cache"), timeout=800)
        assert done.returncode == 0, done.stderr[-4000:]
        results[kind] = json.loads(done.stdout.splitlines()[-1])
    root = results["root"]
    assert root["run"] == ["dev", "miller", "13", "Hello, world!"]
    assert root["modes"] == [
        "2755 root:_ssh /usr/bin/ssh-agent",
        "2750 dev:_ssh /work",
        "644 root:_ssh /work/db",
        "4755 root:root /usr/local/bin/suid",
        "644 dev:dev /home/dev/.config/editor.json",
        "2",
    ]
    assert root["cached"] == [True] * 8
    assert root["executed"] == ["RUN", "COPY", "COPY", "COPY", "RUN"]
    assert len(set(root["ids"])) == 1
    assert root["problems"] == []
    assert results["stud"] == root
    # With one id, stat shows every file as the one user's: useradd, which gives its new /etc/gshadow the group that stat
    # shows of the old one, gives it another, and permissions between users keep nobody out (docs/sandbox.md).
    alone = results["nosub"]
    assert {name: alone[name] for name in ("run", "cached", "executed", "problems")} == {
        name: root[name] for name in ("run", "cached", "executed", "problems")
    }
    assert len(set(alone["ids"])) == 1


def test_here_documents_say_what_files_and_long_lines_say(engine):
    built(engine, "heredocs", "base.Dockerfile", tags="localhost/site-base")
    first = built(engine, "heredocs")
    script = 'cd /site; cat index.txt pages.txt stdin.txt two.txt three.txt one.txt bash.txt; "$@"'
    assert engine.run(first.image, script=script, argv=("serve",)).stdout.splitlines() == [
        "untitled: a.html b.html ",
        "8080 {'a.html': 6, 'b.html': 6}",
        "standard input",
        "one 8080",
        "two",
        "three",
        "$PORT stays $0",
        "3 c",
        "# made for mill",
        "listen 8080",
        "host   mill.example",
        "literal $HOST and \\",
        "tail mill",
    ]
    plain = built(engine, "heredocs", "plain/Dockerfile")
    assert engine.compare(first.image, plain.image) == ()
    assert config(engine, first) == config(engine, plain)
    all_is_cached_and_stages_give_the_same_again(engine, "heredocs", first, "site")
