"""RUN steps that would harm the machine: they meet their limits, and nothing of them is left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.errors import BuildError, DockerfileError, UsageError
from dockmagic.sandbox.spec import Limits
from tests.integration import limit_modes

MiB = 1 << 20
HOG = "awk 'BEGIN { s = \"x\"; while (1) s = s s }'"
BOMB = "b() { b | b & }; b; sleep 600"


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("limits") / "home")
    yield made
    assert made.session.store.check() == []
    made.close()


@pytest.fixture(scope="module", params=limit_modes.modes())
def held(request, tmp_path_factory):
    """An engine for what is held by limits."""
    place = tmp_path_factory.mktemp("limits")
    with limit_modes.held_by(request.param, place):
        made = Engine(place / "home")
        yield made
        assert made.session.store.check() == []
        made.close()


def children():
    """Processes below this one, whoever they are."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    own, grown = {os.getpid()}, True
    while grown:
        grown = {pid for pid, parent in found.items() if parent in own} - own
        own |= grown
    return own


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        (BOMB, {}, "RUN was ended by the pids limit of 512 processes (exit code 137)"),
        (BOMB, {"limits": Limits(pids=40)}, "RUN was ended by the pids limit of 40 processes (exit code 137)"),
        (HOG, {"limits": Limits(memory=64 * MiB)}, "RUN was ended by the memory limit of 64m (exit code 137)"),
        (
            "cat /dev/zero > /f",
            {"limits": Limits(disk=20 * MiB)},
            "RUN was ended by the disk limit of 20m (exit code 137)",
        ),
        ("sleep 600", {"timeout": 0.5}, "RUN timed out after 0.5 s (exit code 137)"),
        ("trap '' TERM INT; sleep 600 & wait", {"timeout": 0.5}, "RUN timed out after 0.5 s (exit code 137)"),
    ],
    ids=["bomb", "small bomb", "memory", "disk", "sleeper", "deaf"],
)
def test_a_step_meets_its_limits(held, command, options, message):
    before = children()
    with pytest.raises(BuildError) as caught:
        held.build(f"FROM localhost/base\nRUN {command}\n", network="none", **options)
    assert (caught.value.message, caught.value.exit_code) == (f"line 2: {message}", 137)
    assert caught.value.result.image is None
    # the launch server is started by the first build
    assert len(children() - before) <= 2


def test_a_step_has_the_ulimits_and_the_memory_files_that_it_was_given(engine):
    limits = Limits(shm=8 * MiB, ulimits=(("nofile", 33, 44),))
    built = engine.build(
        "FROM localhost/base\nRUN ulimit -Sn; ulimit -Hn; df -k /dev/shm | tail -1 | tr -s ' ' | cut -d' ' -f2\n",
        network="none",
        limits=limits,
    )
    assert built.log.splitlines()[-3:] == ["33", "44", "8192"]


def test_a_step_that_is_cached_needs_no_limit(engine):
    text = "FROM localhost/base\nRUN echo cached > /f\n"
    first = engine.build(text, network="none")
    again = engine.build(text, network="none", limits=Limits(memory=64 * MiB), timeout=60)
    assert (again.image.id, again.steps[0].cached) == (first.image.id, True)


def test_endless_output_is_cut(engine):
    built = engine.build("FROM localhost/base\nRUN head -c 40000000 /dev/zero | tr '\\\\0' x\n", network="none")
    assert len(built.log) < 20_000_000


@pytest.mark.parametrize(
    "text",
    [
        "FROM scratch\n" + "# " + "x" * (16 << 20) + "\n",
        "FROM scratch\nENV A=" + "x" * (17 << 20) + "\n",
        "FROM scratch\n"
        + "".join(f"ENV A{n}=$A{n - 1}$A{n - 1}\n" for n in range(1, 60)).replace("ENV A1=$A0$A0", "ENV A1=x"),
        "FROM scratch AS s0\n" + "".join(f"FROM s{n} AS s{n + 1}\n" for n in range(20000)) + "COPY <<EOF /f\n",
    ],
    ids=["long comment", "long line", "expansion bomb", "stages and an open heredoc"],
)
def test_a_dockerfile_that_is_a_bomb_is_refused(engine, text):
    with pytest.raises((DockerfileError, BuildError, UsageError)):
        engine.build(text)


def test_a_dockerfile_asks_for_no_more_than_the_caller(engine):
    for line in ("RUN --security=insecure true", "RUN --device=x true", "RUN --network=host true"):
        with pytest.raises((DockerfileError, BuildError)):
            engine.build(f"FROM localhost/base\n{line}\n", network="none")
    built = engine.build("# syntax=evil.example/frontend\nFROM localhost/base\nRUN id -u\n", network="none")
    assert built.log.splitlines()[-1] == "0"
