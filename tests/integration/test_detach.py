"""Containers that go on without whoever started them: a supervisor owns each, from its beginning to its end."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from dockmagic import aio
from dockmagic.engine import detached
from dockmagic.engine.commission import Commission
from dockmagic.engine.engine import Engine
from dockmagic.engine.request import Request
from dockmagic.engine.settings import Settings
from dockmagic.errors import ConflictError, NotFoundError, RunError, UsageError
from dockmagic.exchange.given import given
from dockmagic.record.bundle import bundle
from dockmagic.sandbox import wire
from dockmagic.sandbox.spec import Limits
from dockmagic.testing import RecordingRuntime
from tests.integration.detaching import LOOP, POLITE, Starter, gone, lives, opened, row_of, starting, until
from tests.users import PATIENCE


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("detach") / "home") as made:
        yield made


@pytest.fixture
def start(engine):
    with starting(engine) as run:
        yield run


@pytest.fixture
def starter(engine):
    made = Starter(engine)
    yield made
    made.clear()


# In place of a row that is gone.
ENDED = SimpleNamespace(status="exited")


def open_files(pid):
    return {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}


def test_it_goes_on_when_whoever_started_it_is_killed_and_another_process_stops_it(engine, starter):
    process, supervisor, container = starter.begin(POLITE, "pond")
    session = os.getsid(process.pid)
    assert os.getsid(supervisor[0]) != session
    assert f"PPid:\t{process.pid}\n" not in Path(f"/proc/{supervisor[0]}/status").read_text()
    starter.end(process)
    until(lambda: "ready" in engine.logs("pond"))
    assert lives(supervisor)
    assert lives(container)
    assert engine.inspect("pond").detached
    assert "running (detached)" in str(engine.ps())
    assert engine.stop("pond", timeout=300) == ("pond",)
    found = engine.inspect("pond")
    assert (found.status, found.exit_code, found.stopped, found.detached) == ("exited", 5, "", False)
    assert found.logs() == "ready\ntold\n"
    assert gone(supervisor, container)


def test_its_supervisor_has_nothing_of_whoever_started_it(starter):
    process, (pid, _), _ = starter.begin(LOOP, "clean")
    variables = dict(item.split("=", 1) for item in Path(f"/proc/{pid}/environ").read_text().split("\0") if item)
    assert variables.keys() <= {"PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH"}
    standing = open_files(pid) - {"/dev/null", "anon_inode:[eventpoll]"}
    assert not standing & open_files(process.pid)
    starter.end(process)


def test_the_run_tells_of_its_beginning_and_its_record_says_that_it_is_detached(engine, start):
    run = start(LOOP, "told")
    assert (run.exit_code, run.error, run.kept, run.container.status) == (0, None, True, "running")
    assert run.isolation.tier == engine.session.runtime.isolation.tier
    data, metadata = bundle(run)
    document = data["application/vnd.dockmagic.run+json"]
    assert (document["background"], document["detached"], document["container"]) == (True, True, {"name": "told"})
    assert "running, detached" in data["text/plain"]
    assert next(iter(metadata.values()))["container"]["detached"] is True
    assert engine.inspect("told").config["detached"] is True
    assert engine.background("told") is None


def test_one_that_is_removed_at_its_end_tells_its_exit_code_to_who_waits(engine, start):
    for number in range(3):
        start("sleep 0.2\nexit 7\n", "brief", remove=True)
        assert engine.wait("brief", timeout=PATIENCE) == 7
        until(lambda: row_of(engine, "brief") is None)
        assert number < 3


def test_what_cannot_start_is_told_at_once(engine, start):
    missing = engine.run("base:1", "no-such-program", name="missing", detach=True)
    assert isinstance(missing.error, RunError)
    assert str(missing.error).startswith('"no-such-program" is not in the image (exit code 127)')
    assert (missing.exit_code, missing.error.returncode, missing.error.cmd) == (127, 127, ("no-such-program",))
    assert (missing.container.status, missing.container.exit_code) == ("exited", 127)
    engine.rm("missing")
    with pytest.raises(UsageError, match="nobody-here"):
        start("true\n", "nobody", user="nobody-here")
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConflictError, match="in use"):
        start("true\n", "nobody", publish=(f"{taken.getsockname()[1]}:80",))
    with pytest.raises(UsageError, match="--get cannot be used with --detach"):
        engine.run("base:1", "true", get=("/x",), detach=True)
    with pytest.raises(UsageError, match="--rm cannot be used with --keep"):
        engine.run("base:1", "true", keep=True, remove=True, detach=True)


def test_a_runtime_that_was_given_cannot_be_handed_on(tmp_path):
    engine = Engine(tmp_path / "home", runtime=RecordingRuntime(tmp_path / "home"))
    engine.build("FROM scratch\nLABEL a=b\n", tags=("empty:1",))
    with pytest.raises(UsageError, match="given"):
        engine.run("empty:1", "x", detach=True)
    engine.close()


@pytest.mark.parametrize("removed", [False, True], ids=["kept", "removed"])
def test_a_supervisor_that_is_killed_takes_its_container_with_it(engine, starter, removed):
    process, supervisor, container = starter.begin(LOOP, "orphan", *(["--rm"] if removed else []))
    starter.end(process)
    os.kill(supervisor[0], signal.SIGKILL)
    assert gone(supervisor, container)
    found = engine.inspect("orphan")
    assert (found.status, found.exit_code, found.stopped) == ("exited", 137, "killed")
    again = Engine(engine.session.home)
    assert [row.name for row in again.session.store.containers.list()] == ([] if removed else ["orphan"])
    until(lambda: again.session.store.check() == [])
    again.close()


def test_a_supervisor_that_is_asked_to_end_interrupts_the_container_and_writes_it_down(engine, start):
    """A busy machine may not leave it the two seconds that an interrupt gives; not at every try."""

    def heeded():
        start("trap 'echo int; exit 4' INT\n" + LOOP, "asked")
        row = row_of(engine, "asked")
        until(lambda: "ready" in engine.logs("asked"))
        os.kill(row.kernel_pid, signal.SIGTERM)
        assert gone((row.kernel_pid, row.kernel_birth))
        stored = row_of(engine, "asked")
        assert (stored.status, stored.exit_code, stored.spec["stopped"]) == ("exited", 130, "interrupted")
        said = engine.logs("asked")
        engine.rm("asked")
        return said == "ready\nint\n"

    assert any(heeded() for _ in range(10))


def test_whoever_is_gone_before_it_was_heard_gets_no_container(engine):
    image = engine.inspect("base:1")
    commission = Commission(
        home=engine.session.home, shared=(), weak=False, image=image.id, names=("base:1",),
        request=Request(script=LOOP, name="unheard", detach=True),
    )  # fmt: skip
    channel, theirs = wire.pair()
    detached._start(engine.session, theirs)
    wire.send(channel, commission.to_json())
    select.select([channel], [], [])
    row = row_of(engine, "unheard")
    assert row.status == "running"
    channel.close()
    assert gone((row.kernel_pid, row.kernel_birth), (row.pid, row.birth))
    assert row_of(engine, "unheard") is None


def test_a_commission_is_the_same_behind_its_json():
    request = Request(
        script="\udcff\n", argv=("a", "b"), env={"A": "1"}, stdin=b"\0\xff", timeout=1.5, entrypoint="", detach=True,
        limits=Limits(memory=5, ulimits=(("nofile", 1, 2),)), settings=Settings(add_hosts=(("10.0.0.1", "db"),), health_retries=2),
        given=given({"x": b"\1\2", "y": {"a": [1]}}), cwd=Path("/some/where"),
    )  # fmt: skip
    commission = Commission(
        home=Path("/h"), shared=(Path("/s"),), weak=True, image="sha256:1", names=("n",), request=request
    )
    assert Commission.of_json(json.loads(json.dumps(commission.to_json()))) == commission


def test_one_that_is_cancelled_while_it_begins_does_not_go_on(engine):
    async def cancelled(delay):
        work = asyncio.ensure_future(aio.Engine(engine).run("base:1", script=LOOP, name="begun", detach=True))
        await asyncio.sleep(delay)
        if not work.cancel():
            return False  # it had begun
        with pytest.raises(asyncio.CancelledError):
            await work
        return True

    for delay in (0, 0.02, 0.05, 0.1):
        if asyncio.run(cancelled(delay)):
            until(lambda: (row_of(engine, "begun") or ENDED).status == "exited")
        with suppress(NotFoundError):
            engine.rm("begun", force=True)


def test_an_interrupt_while_it_begins_leaves_none(engine):
    def interrupted(delay):
        begun = False
        signal_me = threading.Timer(delay, lambda: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it comes at any of them
            signal_me.start()
            engine.run("base:1", script=LOOP, name="unwanted", detach=True)
            begun = True
            signal_me.join()
            time.sleep(PATIENCE)
        signal_me.join()
        return not begun

    for delay in (0.02, 0.05, 0.1):
        if interrupted(delay):
            until(lambda: (row_of(engine, "unwanted") or ENDED).status == "exited")
        with suppress(NotFoundError):
            engine.rm("unwanted", force=True)
