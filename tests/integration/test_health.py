"""Health checks of real containers."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.engine.settings import Settings

IMAGE = """FROM localhost/base
HEALTHCHECK --interval=100ms --retries=2 CMD test -f /tmp/ok || { echo "not yet"; exit 1; }
CMD ["sleep", "600"]
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("health") / "home")
    made.build(IMAGE, tags="pulse:1")
    yield made
    made.close()


@pytest.fixture
def begun(engine):
    names = []

    def begin(name, **settings):
        names.append(name)
        return engine.run("pulse:1", name=name, background=True, settings=Settings(**settings))

    yield begin
    engine.rm(*names, force=True)


def becomes(engine, name, status):
    """Stay until its health is so."""
    while (health := engine.inspect(name).health).status != status:
        time.sleep(0.05)
    return health


def mark_when_healthy(other, name):
    """Let a script that waits for it go on once it is healthy: from another kernel, as one of this engine's runs is under way."""
    with closing(other):
        while (
            not (shown := [found for found in other.ps() if found.name == name]) or shown[0].health.status != "healthy"
        ):
            time.sleep(0.05)
        other.exec(name, ["touch", "/tmp/seen"])


def test_it_becomes_what_the_check_says(engine, begun):
    begun("pulse")
    health = becomes(engine, "pulse", "unhealthy")
    assert health.failing_streak >= 2
    assert (health.log[-1].exit_code, health.log[-1].output) == (1, "not yet\n")
    assert "running (unhealthy)" in str(engine.ps())
    engine.exec("pulse", script="touch /tmp/ok\n")
    health = becomes(engine, "pulse", "healthy")
    assert (health.failing_streak, health.log[-1].exit_code) == (0, 0)
    assert "running (healthy)" in str(engine.ps())


def test_another_kernel_sees_it(engine, begun):
    begun("pulse", health_interval=60.0)
    other = Engine(engine.session.home)
    try:
        assert becomes(other, "pulse", "starting").log == ()
    finally:
        other.close()


def test_a_check_that_takes_too_long_is_ended(engine, begun):
    begun("slow", health_cmd="sleep 600", health_timeout=0.2)
    health = becomes(engine, "slow", "unhealthy")
    assert (health.log[-1].exit_code, health.log[-1].output) == (-1, "Health check exceeded timeout (0.2s)")
    assert [process.command for process in engine.top("slow") if process.command == "sleep 600"] in (
        ["sleep 600"],
        ["sleep 600", "sleep 600"],  # the next one
    )


def test_a_check_that_is_not_there_fails(engine, begun):
    engine.build('FROM pulse:1\nHEALTHCHECK --interval=100ms --retries=1 CMD ["/nothing"]\n', tags="none:1")
    engine.run("none:1", name="none", background=True)
    try:
        assert becomes(engine, "none", "unhealthy").log[-1].exit_code in {126, 127}
    finally:
        engine.rm("none", force=True)


def test_what_is_not_checked_has_no_health(engine, begun):
    begun("quiet", no_healthcheck=True)
    assert engine.inspect("quiet").health is None
    assert "(" not in str(engine.ps()).split("quiet", 1)[1].split("\n")[0]


def test_the_check_ends_with_the_container(engine, begun):
    begun("short")
    becomes(engine, "short", "unhealthy")
    engine.kill("short")
    log = engine.inspect("short").health.log
    assert engine.inspect("short").status == "exited"
    time.sleep(0.3)
    assert engine.inspect("short").health.log == log
    assert "healthy" not in str(engine.ps(all=True)).split("short", 1)[1].split("\n")[0]


def test_a_run_that_is_waited_for_is_checked_too(engine):
    script = "touch /tmp/ok; while [ ! -e /tmp/seen ]; do sleep 0.05; done\n"
    asked = threading.Thread(target=mark_when_healthy, args=(Engine(engine.session.home), "waited"))
    asked.start()
    run = engine.run("pulse:1", script=script, name="waited")
    asked.join()
    assert run.exit_code == 0
    assert engine.inspect("waited").health.status == "healthy"
    engine.rm("waited")
