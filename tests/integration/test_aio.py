"""The asynchronous twin, and the verbs as functions, on real containers."""

from __future__ import annotations

import asyncio

import pytest

import dockmagic
from dockmagic import aio
from dockmagic.errors import BuildError, RunError, UsageError


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = dockmagic.Engine(tmp_path_factory.mktemp("aio") / "home")
    made.build("FROM localhost/base\n", tags=("box:1",))
    yield made
    assert made.ps(all=True).items == ()
    assert made.session.store.check() == []
    made.close()


def test_runs_go_on_at_the_same_time(engine):
    twin = aio.Engine(engine)

    async def both():
        # Each waits for a file that the other one makes: one after the other would never end.
        wait = "touch /shared/$1; while [ ! -e /shared/$2 ]; do sleep 0.01; done; echo $1"
        mount = (f"{engine.session.home.parent}:/shared",)
        return await asyncio.wait_for(
            asyncio.gather(
                twin.run("box:1", ["a", "b"], script=wait, volumes=mount),
                twin.run("box:1", ["b", "a"], script=wait, volumes=mount),
            ),
            60,
        )

    assert [run.stdout for run in asyncio.run(both())] == ["a\n", "b\n"]


def test_cancelling_a_run_ends_it_and_its_container(engine):
    twin = aio.Engine(engine)
    told = []

    async def cancelled():
        heard = asyncio.Event()
        loop = asyncio.get_running_loop()

        def listen(stream, data):
            told.append(data)
            loop.call_soon_threadsafe(heard.set)

        task = asyncio.ensure_future(twin.run("box:1", script="echo on\nsleep 600\n", on_output=listen))
        await asyncio.wait_for(heard.wait(), 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await twin.ps(all=True)

    assert asyncio.run(asyncio.wait_for(cancelled(), 60)).items == ()
    assert told == [b"on\n"]


def test_other_verbs_and_their_errors(engine):
    twin = aio.Engine(engine)

    async def work():
        with pytest.raises(BuildError):
            await twin.build("FROM box:1\nRUN exit 3\n")
        run = await twin.run("box:1", ["touch", "/x"], name="kept")
        changed = await twin.diff("kept")
        await twin.rm("kept")
        for container in await twin.ps(all=True):
            await twin.rm(container.name)
        return run, changed

    run, changed = asyncio.run(work())
    assert (run.exit_code, changed.changes) == (0, {"/x": "A"})


def test_the_default_engines_verbs_are_functions(monkeypatch, tmp_path):
    from dockmagic.engine import engine as engines  # noqa: PLC0415 - its default is what is replaced

    own = dockmagic.Engine(tmp_path / "own")
    monkeypatch.setattr(engines, "default", lambda: own)
    try:
        dockmagic.build("FROM localhost/base\nRUN echo red bean > /filling\n", tags="bread:1")
        assert dockmagic.run("bread:1", ["cat", "/filling"]).stdout == "red bean\n"
        assert dockmagic.run("bread:1", "sh -c 'echo \"a b\"'").stdout == "a b\n"
        with pytest.raises(UsageError, match="a quote is not closed"):
            dockmagic.run("bread:1", "sh -c '")
        failed = dockmagic.run("bread:1", ["sh", "-c", "exit 3"], name="kept")
        with pytest.raises(RunError):
            failed.check_returncode()
        assert dockmagic.exec("kept", ["echo", "hi"]).stdout == "hi\n"
        assert dockmagic.inspect("kept").name == "kept"
        assert dockmagic.rm("kept") == ("kept",)

        @dockmagic.container("localhost/python")
        def primes(limit):
            return [n for n in range(2, limit) if all(n % d for d in range(2, n))]

        dockmagic.build("FROM localhost/python\n")
        assert primes(12) == [2, 3, 5, 7, 11]
    finally:
        own.close()
