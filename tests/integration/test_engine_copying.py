"""``cp`` into and out of containers, with every trick of links that a hostile one can play."""

from __future__ import annotations

import os
import stat
import sys
import time

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.errors import NotFoundError, UsageError
from tests.users import KINDS, make_user

WAIT = "echo ready\nwhile :; do sleep 0.05; done\n"


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("engine") / "home")
    made.build("FROM localhost/base\n", tags=("base:1",))
    yield made
    assert made.session.store.check() == []
    made.close()


@pytest.fixture(params=["ended", "living"])
def container(engine, request):
    name = f"box-{request.param}"
    script = "mkdir -p /d/e && echo a > /d/e/a && chmod 4755 /d/e/a && ln -s e /d/l && ln -s /etc /d/abs\n"
    if request.param == "living":
        run = engine.run("base:1", name=name, script=script + WAIT, background=True)
        while "ready" not in run.container.logs():
            time.sleep(0.01)
    else:
        engine.run("base:1", name=name, script=script)
    yield name
    engine.rm(name, force=True)


def tree(top):
    return {
        str(path.relative_to(top)): str(path.readlink())
        if path.is_symlink()
        else path.read_text()
        if path.is_file()
        else "/"
        for path in sorted(top.rglob("*"))
    }


def test_a_file_and_a_tree_go_in_and_belong_to_root(engine, container, tmp_path):
    source = tmp_path / "src"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "x").write_text("x\n")
    (source / "deep" / "x").chmod(0o750)
    (source / "link").symlink_to("deep/x")
    os.mkfifo(source / "pipe")

    copied = engine.cp(str(source), f"{container}:/new")
    assert (copied.entries, copied.left_out) == (4, ("pipe",))
    engine.cp(str(source / "deep" / "x"), f"{container}:/new/renamed")
    engine.cp(f"{source}/.", f"{container}:/d/e")
    engine.cp(str(source), f"{container}:/d")
    script = (
        "cat /new/link /new/renamed /d/e/deep/x /d/src/link; stat -c '%u:%g %a' /new/deep/x /new/renamed; cat /d/e/a\n"
    )
    assert engine.exec(container, script=script).stdout == "x\n" * 4 + "0:0 750\n0:0 750\na\n"
    assert engine.inspect(container).changes["/new/deep/x"] == "A"


def test_a_file_and_a_tree_come_out_without_rights(engine, container, tmp_path):
    engine.cp(f"{container}:/d", str(tmp_path / "out"))
    assert tree(tmp_path / "out") == {"abs": "/etc", "e": "/", "e/a": "a\n", "l": "e"}
    found = (tmp_path / "out/e/a").stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (os.getuid(), 0o755)
    engine.cp(f"{container}:d/e/a", str(tmp_path))
    assert (tmp_path / "a").read_text() == "a\n"
    (tmp_path / "there").mkdir()
    engine.cp(f"{container}:/d/e/.", str(tmp_path / "there"))
    engine.cp(f"{container}:/d/e", str(tmp_path / "there"))
    assert tree(tmp_path / "there") == {"a": "a\n", "e": "/", "e/a": "a\n"}


def test_links_inside_lead_nowhere_else(engine, container, tmp_path):
    """A link of the container to / or /etc is one of its own root, at both ends and on the way."""
    canary = tmp_path / "canary"
    canary.write_text("mine\n")
    (tmp_path / "payload").write_text("theirs\n")
    script = f"ln -s / /root-link; mkdir -p {tmp_path}; echo inside > {canary}; ln -s {canary} /leak; ln -s {tmp_path} /way\n"
    engine.exec(container, script=script)

    engine.cp(str(tmp_path / "payload"), f"{container}:/way/canary")
    assert canary.read_text() == "mine\n"
    assert engine.exec(container, script=f"cat {canary}\n").stdout == "theirs\n"
    engine.cp(str(tmp_path / "payload"), f"{container}:/root-link/../../../../..{tmp_path}/payload2")
    assert not (tmp_path / "payload2").exists()
    engine.cp(f"{container}:/way/canary", str(tmp_path / "back"))
    assert (tmp_path / "back").read_text() == "theirs\n"
    engine.cp(f"{container}:/leak", str(tmp_path / "leak"))
    assert (tmp_path / "leak").is_symlink()


def test_a_link_that_comes_out_is_never_followed(engine, container, tmp_path):
    """Where a tree of links meets one that is there: nothing outside of the destination changes."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "d").symlink_to(outside)
    with pytest.raises(UsageError, match="no directory"):
        engine.cp(f"{container}:/d", str(tmp_path / "out"))
    (tmp_path / "out" / "d").unlink()
    (tmp_path / "out" / "d").mkdir()
    (tmp_path / "out" / "d" / "e").symlink_to(outside)
    with pytest.raises(UsageError):
        engine.cp(f"{container}:/d", str(tmp_path / "out"))
    assert list(outside.iterdir()) == []


def test_what_is_in_the_way_or_missing_is_told(engine, container, tmp_path):
    (tmp_path / "f").write_text("f")
    (tmp_path / "d").mkdir()
    for source, target, error in (
        (f"{container}:/nowhere", str(tmp_path), NotFoundError),
        (str(tmp_path / "nowhere"), f"{container}:/", NotFoundError),
        (str(tmp_path / "f"), f"{container}:/nowhere/deep", NotFoundError),
        (str(tmp_path / "d"), f"{container}:/d/e/a", UsageError),
        (f"{container}:/d", str(tmp_path / "f"), UsageError),
        (f"{container}:/dev/null", str(tmp_path / "null"), UsageError),
        (str(tmp_path / "f"), str(tmp_path / "g"), UsageError),
        (f"{container}:/a", f"{container}:/b", UsageError),
        ("no-such:/a", str(tmp_path), NotFoundError),
    ):
        with pytest.raises(error):
            engine.cp(source, target)
    assert not (tmp_path / "null").exists()


def test_names_that_are_no_text_and_large_files(engine, container, tmp_path):
    odd = os.fsencode(tmp_path) + b"/\xff\n"
    with open(odd, "wb") as file:  # noqa: PTH123 - a name of bytes
        file.write(b"z" * 3_000_000)
    engine.cp(os.fsdecode(odd), f"{container}:/odd")
    engine.cp(f"{container}:/odd", str(tmp_path / "back"))
    assert (tmp_path / "back").stat().st_size == 3_000_000
    engine.exec(container, script="truncate -s 5G /huge\n")
    with pytest.raises(UsageError, match="4 GiB"):
        engine.cp(f"{container}:/huge", str(tmp_path / "huge"))


def test_an_ended_container_keeps_its_state(engine, tmp_path):
    engine.run("base:1", name="kept", script="exit 3\n")
    (tmp_path / "f").write_text("f")
    engine.cp(str(tmp_path / "f"), "kept:/f")
    found = engine.inspect("kept")
    assert (found.status, found.exit_code, found.changes) == ("exited", 3, {"/f": "A"})
    engine.rm("kept")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_user_copies(kind, tmp_path_factory):
    user = make_user(kind, tmp_path_factory.mktemp("pytest-copy"))
    script = """
import os
from pathlib import Path
from dockmagic.engine.engine import Engine
engine = Engine()
engine.build("FROM localhost/base", tags=("base:1",))
engine.run("base:1", name="box", script="mkdir /d; echo in > /d/f; chown 33:34 /d/f", user="")
home = Path(os.environ["HOME"])
engine.cp("box:/d", str(home / "out"))
(home / "out" / "g").write_text("g")
engine.cp(str(home / "out"), "box:/back")
print((home / "out" / "f").read_text().strip(), (home / "out" / "f").stat().st_uid == os.getuid())
print(engine.exec("box", script="cat /back/f /back/g; stat -c %u:%g /back/g").stdout.split())
engine.cp(str(home / "out" / "g"), "box:/late")
print(engine.exec("box", script="cat /late", user="65534").changes)
owners = {file.path: (file.entry.uid, file.entry.gid) for file in engine.files(engine.commit("box", "copied:1"))}
print(owners["/late"], owners["/d/f"])
print(engine.session.store.check())
engine.close()
"""
    done = user.run(sys.executable, "-c", script)
    assert done.stdout == "in True\n['in', 'g0:0']\n{}\n(0, 0) (33, 34)\n[]\n", done.stderr
