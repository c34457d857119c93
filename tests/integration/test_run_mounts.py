"""RUN --mount in real builds, as each kind of user."""

from __future__ import annotations

import json
import sqlite3
import threading

import pytest

from dockmagic.builder.request import Secret
from dockmagic.engine.engine import Engine
from dockmagic.errors import BuildError, DockerfileError
from tests.users import KINDS, make_user


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("mounts") / "home")
    yield made
    assert made.session.store.check() == []
    made.close()


def built(engine, *lines, **options):
    return engine.build("\n".join(["FROM localhost/base", *lines, ""]), **options)


def changes(build):
    return dict(build.steps[-1].layer.changes) if build.steps[-1].layer else {}


def test_a_bind_of_the_context_is_there_and_leaves_nothing(engine, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a").write_text("1")
    text = (
        "RUN --mount=type=bind,source=src,target=/in/src cat /in/src/a > /out; echo x > /in/src/b || echo refused > /r"
    )
    build = built(engine, text, context=tmp_path)
    assert changes(build) == {"/out": "A", "/r": "A"}
    assert [step.cached for step in built(engine, text, context=tmp_path).steps] == [True]
    (tmp_path / "src/a").write_text("2")
    again = built(engine, text, context=tmp_path)
    assert [(step.cached, step.reason) for step in again.steps] == [(False, "--mount changed")]


def test_what_is_written_to_a_bind_is_thrown_away(engine, tmp_path):
    (tmp_path / "f").write_text("given")
    build = built(engine, "RUN --mount=target=/w,rw echo more >> /w/f && cat /w/f > /out", context=tmp_path)
    assert engine.run(build.image, argv=("cat", "/out")).stdout == "givenmore\n"
    assert (tmp_path / "f").read_text() == "given"


def test_a_bind_of_a_stage_or_an_image_shows_its_files(engine):
    text = (
        "FROM localhost/base AS tool\nRUN mkdir /t && echo tool > /t/f && chown 7:8 /t/f && ln -s / /up\n"
        "FROM localhost/base\nRUN --mount=from=tool,source=/t,target=/m cat /m/f > /a; stat -c %u /m/f >> /a\n"
        "RUN --mount=from=localhost/base,target=/b,rw touch /b/x && rm -r /b/etc && test -e /etc/passwd\n"
        "RUN --mount=from=tool,source=/up/t/f,target=/one cat /one >> /a\n"
    )
    image = engine.build(text).image
    assert engine.run(image, argv=("cat", "/a")).stdout == "tool\n7\ntool\n"
    with pytest.raises(BuildError, match=r"line 2: .*source"):
        built(engine, "RUN --mount=from=localhost/base,source=/nothing,target=/m true")


def test_a_link_in_a_mounts_source_stays_in_its_root(engine, tmp_path):
    canary = tmp_path / "canary"
    canary.write_text("host")
    text = f"FROM localhost/base AS a\nRUN ln -s {tmp_path} /r\nFROM localhost/base\nRUN --mount=from=a,source=/r,target=/e,rw touch /e/x\n"
    with pytest.raises(BuildError):
        engine.build(text)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["canary"]


def test_a_mount_point_that_the_step_replaces_harms_nothing_outside(engine, tmp_path):
    canary = tmp_path / "canary"
    canary.mkdir()
    text = f"RUN --mount=type=tmpfs,target=/x/y umount /x/y 2>/dev/null; mv /x /z; ln -s {canary.parent} /x; true"
    built(engine, text)
    assert canary.is_dir()


def test_a_cache_stays_from_build_to_build_and_is_no_part_of_the_image(engine):
    line = "RUN --mount=type=cache,target=/c echo x >> /c/n && wc -l < /c/n | tr -d ' ' > /count"
    for count in "123":
        build = built(engine, line, no_cache=True)
        assert engine.run(build.image, argv=("cat", "/count")).stdout == f"{count}\n"
    assert changes(build) == {"/count": "A"}
    other = built(engine, line.replace("target=/c", "target=/c,id=other"))
    assert engine.run(other.image, argv=("cat", "/count")).stdout == "1\n"


def test_a_cache_has_owner_mode_and_first_content_as_asked(engine):
    line = "RUN --mount=type=cache,target=/c,id=owned,uid=7,gid=8,mode=700,from=localhost/base,source=/etc stat -c '%u %g %a' /c > /s; ls /c >> /s"
    out = engine.run(built(engine, line).image, argv=("cat", "/s")).stdout
    assert out.splitlines()[0] == "7 8 700"
    assert "passwd" in out


def test_memory_on_dev_shm_is_the_containers_own_of_that_size(engine):
    line = "RUN --mount=type=tmpfs,target=/dev/shm,size=128m grep ' /dev/shm ' /proc/mounts > /m && touch /dev/shm/x"
    build = built(engine, line)
    assert "size=131072k" in engine.run(build.image, argv=("cat", "/m")).stdout
    assert changes(build) == {"/m": "A"}


def test_a_cache_with_another_first_content_is_another_cache(engine):
    def text(word):
        return f"FROM localhost/base AS s\nRUN echo {word} > /first\nFROM localhost/base\nRUN --mount=type=cache,from=s,target=/c cp /c/first /f\n"

    for word in ("one", "two"):
        assert engine.run(engine.build(text(word)).image, argv=("cat", "/f")).stdout == f"{word}\n"


def test_a_locked_cache_is_used_by_one_build_at_a_time_and_a_private_one_by_each(engine):
    def run(sharing, number):
        line = (
            f"RUN --mount=type=cache,target=/c,id={sharing},sharing={sharing} test ! -e /c/busy && touch /c/busy && "
            f"sleep 0.5 && rm /c/busy && echo {number}"
        )
        try:
            built(engine, line)
        except BuildError as error:
            failures.append(error)

    for sharing in ("locked", "private"):
        failures: list[BuildError] = []
        threads = [threading.Thread(target=run, args=(sharing, n)) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []


def test_a_tmpfs_is_empty_and_limited(engine):
    line = "RUN --mount=type=tmpfs,target=/mnt,size=1m ls -A /mnt; ! head -c 3000000 /dev/zero > /mnt/big 2>/dev/null; touch /done"
    assert changes(built(engine, line)) == {"/done": "A"}


def test_a_secret_reaches_the_step_and_nothing_else(engine, tmp_path, monkeypatch):
    (tmp_path / "token").write_text("CANARY-1")
    monkeypatch.setenv("TOKEN", "CANARY-2")
    secrets = {"file": Secret(source=tmp_path / "token"), "var": Secret(variable="TOKEN")}
    lines = [
        "RUN --mount=type=secret,id=file test $(cat /run/secrets/file) = CAN''ARY-1 && stat -c '%a %u' /run/secrets/file > /a",
        "RUN --mount=type=secret,id=var,env=V --mount=type=secret,id=file,target=/k,mode=0444 test $V-$(cat /k) = CAN''ARY-2-CAN''ARY-1",
        "RUN --mount=type=secret,id=nothing test ! -e /run/secrets/nothing",
    ]
    build = built(engine, *lines, secrets=secrets)
    assert engine.run(build.image, argv=("cat", "/a")).stdout == "400 0\n"
    home = engine.session.home
    stored = [path for path in home.rglob("*") if path.is_file()]
    assert stored
    assert not any(b"CANARY" in path.read_bytes() for path in stored)
    assert "CANARY" not in repr(build) + build.log
    with sqlite3.connect(home / "db.sqlite") as database:
        assert "CANARY" not in "\n".join(database.iterdump())
    (tmp_path / "token").write_text("other")
    assert [step.cached for step in built(engine, *lines, secrets=secrets).steps] == [True] * 3


def test_a_required_secret_that_is_missing_is_told(engine, tmp_path):
    line = "RUN --mount=type=secret,id=key,required true"
    with pytest.raises(BuildError, match=r"line 2: .*secret key") as caught:
        built(engine, line)
    assert "--secret id=key" in caught.value.hint
    with pytest.raises(BuildError, match="cannot be read"):
        built(engine, line, secrets={"key": Secret(source=tmp_path / "nowhere")})


@pytest.mark.parametrize(
    "mount",
    ["type=cache", "type=tmpfs,target=/", "type=bind", "type=nonsense,target=/x", "type=bind,from=0,target=/x"],
)
def test_a_mount_that_cannot_be_is_told_at_its_line(engine, mount):
    with pytest.raises(DockerfileError, match="line 2"):
        built(engine, f"RUN --mount={mount} true")


AGENT = """
import json, os, socket, sys, threading
from dockmagic.engine.engine import Engine
path = os.environ["HOME"] + "/agent.sock"
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
def serve():
    while True:
        connection, _ = listener.accept()
        data = connection.recv(100)
        if data:
            connection.sendall(b"agent:" + data)
        connection.close()
threading.Thread(target=serve, daemon=True).start()
ASK = "import os,socket; s=socket.socket(socket.AF_UNIX); s.connect(os.environ['SSH_AUTH_SOCK']); s.sendall(b'hi'); print(s.recv(99).decode())"
engine = Engine()
text = f'''FROM localhost/python
RUN --mount=type=ssh python3 -c "{ASK}" > /said
RUN --mount=type=cache,target=/c --mount=type=bind,from=localhost/base,target=/b --mount=type=tmpfs,target=/t touch /c/x /t/y
RUN test ! -e /run/buildkit/ssh_agent.0
'''
from pathlib import Path
build = engine.build(text, agents={"default": Path(path)})
print(json.dumps([engine.run(build.image, argv=("cat", "/said")).stdout, dict(build.image.layers[-1].changes), engine.session.store.check()]))
engine.close()
"""


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_user_mounts_agents_caches_binds_and_memory(kind, tmp_path):
    user = make_user(kind, tmp_path)
    done = user.python(f"import os; os.chdir(os.environ['HOME'])\n{AGENT}")
    assert done.returncode == 0, done.stderr[-3000:]
    said, layer, problems = json.loads(done.stdout.splitlines()[-1])
    assert said == "agent:hi\n"
    assert layer == {"/said": "A"}
    assert problems == []
