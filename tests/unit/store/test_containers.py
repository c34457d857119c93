from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from dockmagic.errors import ConflictError, NotFoundError, UsageError
from dockmagic.store import holder
from dockmagic.store.containers import Containers

IMAGE = "sha256:" + "1" * 64


@pytest.fixture
def containers(rooms):
    rooms.add_image(IMAGE)
    return Containers(rooms.layout, rooms.database)


def make(containers, digit="a", name="fish", **more):
    return containers.create(
        id=digit * 64, name=name, image_id=IMAGE, image_ref="bread:1", kernel_pid=os.getpid(), **more
    )


def test_a_container_keeps_what_it_was_made_of(containers):
    row = make(containers, command=("sh", "-c", "echo \udcff"), spec={"network": "none", "env": {"A": "b"}}, kept=True)
    assert containers.get("fish") == row
    assert (row.status, row.exit_code, row.kept) == ("created", None, True)
    assert row.command == ("sh", "-c", "echo \udcff")
    assert row.spec == {"network": "none", "env": {"A": "b"}}
    assert (row.kernel_pid, row.kernel_birth) == (os.getpid(), holder.birth_of(os.getpid()))


def test_a_name_is_taken_once(containers):
    make(containers)
    with pytest.raises(ConflictError, match="fish"):
        make(containers, "b")
    assert len(containers.list()) == 1
    containers.delete("a" * 64)
    make(containers, "b")


def test_a_container_needs_its_image(rooms, containers):
    with rooms.database.writing() as connection:
        connection.execute("DELETE FROM images")
    with pytest.raises(NotFoundError, match="bread:1"):
        make(containers)


def test_it_runs_and_ends(containers):
    row = make(containers)
    containers.started(row.id, pid=42, birth=4242)
    running = containers.get(row.id)
    assert (running.status, running.pid, running.birth, running.exit_code) == ("running", 42, 4242, None)
    containers.ended(row.id, exit_code=3, owners={"dev/x": [1, 2]})
    ended = containers.get(row.id)
    assert (ended.status, ended.pid, ended.exit_code, ended.owners) == ("exited", 0, 3, {"dev/x": [1, 2]})
    containers.started(row.id, pid=43, birth=4243)
    containers.ended(row.id, exit_code=0, owners={"dev/y": [3, 4]})
    assert containers.get(row.id).owners == {"dev/x": [1, 2], "dev/y": [3, 4]}


def test_it_is_paused_once_and_a_new_start_or_its_end_forgets_it(containers):
    row = make(containers)
    assert not containers.pause(row.id)  # it does not run
    containers.started(row.id, pid=42, birth=4242)
    assert containers.get(row.id).paused is None
    assert containers.pause(row.id)
    assert not containers.pause(row.id)
    containers.were_stopped(row.id, ((7, 77), (8, 88)))
    assert containers.get(row.id).paused == ((7, 77), (8, 88))
    containers.unpause(row.id)
    containers.were_stopped(row.id, ((7, 77),))
    assert containers.get(row.id).paused is None
    assert containers.pause(row.id)
    containers.ended(row.id, exit_code=0)
    assert containers.get(row.id).paused is None
    containers.started(row.id, pid=43, birth=4343)
    containers.pause(row.id)
    containers.started(row.id, pid=44, birth=4444)
    assert containers.get(row.id).paused is None
    containers.delete(row.id)
    containers.unpause(row.id)
    assert containers.get(row.id) is None


def test_a_container_that_was_removed_stays_removed(containers):
    row = make(containers)
    containers.delete(row.id)
    containers.ended(row.id, exit_code=0)
    assert containers.get(row.id) is None
    with pytest.raises(NotFoundError):
        containers.started(row.id, pid=1, birth=1)
    containers.delete(row.id)


def test_it_is_found_by_id_name_and_beginning(containers):
    make(containers, "a", "one")
    make(containers, "b", "a")
    assert containers.get("a" * 64).name == "one"
    assert containers.get("a").name == "a"
    assert containers.get("aa").name == "one"
    assert containers.get("b").name == "a"
    for nothing in ("", "nobody", "ab", "*", "[ab]", "a" * 65, "'"):
        assert containers.get(nothing) is None
    assert containers.get_name("b") is None
    assert containers.get_name("a").id == "b" * 64


def test_a_beginning_of_several_ids_is_refused(containers):
    containers.create(id="ab" + "0" * 62, name="x", image_id=IMAGE, image_ref="", kernel_pid=1)
    containers.create(id="ab" + "1" * 62, name="y", image_id=IMAGE, image_ref="", kernel_pid=1)
    with pytest.raises(UsageError, match="several"):
        containers.get("ab")


def test_the_newest_comes_first(containers):
    for digit in "abc":
        make(containers, digit, digit * 3)
    assert [row.name for row in containers.list()] == ["ccc", "bbb", "aaa"]


def test_a_running_container_of_a_dead_kernel_has_been_killed(rooms, containers):
    make(containers, "a", "kept", kept=True)
    make(containers, "b", "mine")
    script = """
import os, sys
from pathlib import Path
from dockmagic.store.containers import Containers
from dockmagic.store.database import Database
from dockmagic.store.layout import Layout
layout = Layout(home=Path(sys.argv[1]), scheme="range-0")
containers = Containers(layout, Database(layout.database))
containers.started("a" * 64, pid=os.getpid(), birth=1)
for digit, name in (("c", "never-started"), ("d", "started")):
    containers.create(id=digit * 64, name=name, image_id=sys.argv[2], image_ref="", kernel_pid=os.getpid())
containers.started("d" * 64, pid=os.getpid(), birth=1)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", script, rooms.layout.home, IMAGE], check=False)
    assert done.returncode == -signal.SIGKILL
    row = containers.get("kept")
    assert (row.status, row.exit_code, row.pid) == ("exited", 137, 0)
    assert [row.name for row in containers.abandoned()] == ["started", "never-started"]


@pytest.mark.parametrize("wrong", ["../../x", "", "A" * 64, "a" * 63])
def test_an_id_never_leads_a_path_elsewhere(containers, wrong):
    with pytest.raises(UsageError):
        containers.create(id=wrong, name="x", image_id=IMAGE, image_ref="", kernel_pid=1)
    with pytest.raises(UsageError):
        containers.log_path(wrong)


def test_deleting_takes_the_log_along(containers):
    row = make(containers)
    containers.log_path(row.id).write_text("hi")
    containers.delete(row.id)
    assert not containers.log_path(row.id).exists()


def test_renaming_keeps_names_unique(containers):
    make(containers, "a", "one")
    make(containers, "b", "two")
    containers.rename("a" * 64, "one")
    with pytest.raises(ConflictError):
        containers.rename("a" * 64, "two")
    containers.rename("a" * 64, "three")
    assert containers.get("three").id == "a" * 64
    containers.keep("a" * 64)
    assert containers.get("three").kept
