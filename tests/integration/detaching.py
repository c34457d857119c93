"""Containers that go on without whoever started them, for tests: who starts one, and whether all of it is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dockmagic.engine.engine import Engine
from dockmagic.errors import NotFoundError
from dockmagic.results import Run
from dockmagic.sandbox import identity
from dockmagic.store.containers import ContainerRow
from tests.users import PATIENCE, REPOSITORY

LOOP = "echo ready\nwhile :; do sleep 0.05; done\n"
POLITE = "trap 'echo told; exit 5' TERM\n" + LOOP
# Another process that starts one and stays until it is ended; it tells the supervisor's pid and the container's.
_STARTER = """
import sys, time
from dockmagic.engine.engine import Engine
engine = Engine(sys.argv[1])
run = engine.run("base:1", script=sys.argv[2], name=sys.argv[3], detach=True, remove=len(sys.argv) > 4)
row = engine.session.store.containers.get(run.container.id)
print(row.kernel_pid, row.pid, flush=True)
time.sleep(100_000)
"""
# A process: pid and birth.
Who = tuple[int, int]


@contextmanager
def opened(home: Path) -> Iterator[Engine]:
    """An engine with the image ``base:1``; in the end no container is there, and the store is whole."""
    made = Engine(home)
    made.build("FROM localhost/base\n", tags=("base:1",))
    yield made
    left = [found.name for found in made.ps(all=True)]
    made.rm(*left, force=True)
    assert left == []
    until(lambda: made.session.store.check() == [])
    made.close()


@contextmanager
def starting(engine: Engine) -> Iterator[Callable[..., Run]]:
    """What starts a container from a script and a name; all are removed in the end."""
    names = []

    def run(script: str, name: str, **options: object) -> Run:
        names.append(name)
        return engine.run("base:1", script=script, name=name, detach=True, **options)

    yield run
    for name in names:
        with suppress(NotFoundError):
            engine.rm(name, force=True)


class Starter:
    """Starts containers from processes of their own, which have a secret in their environment."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._names: list[str] = []

    def begin(self, script: str, name: str, *words: str) -> tuple[subprocess.Popen[str], Who, Who]:
        """The process, the container's supervisor and its first process."""
        env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "JUPYTER_TOKEN": "sesame", "JPY_PARENT_PID": "1"}
        command = [sys.executable, "-c", _STARTER, str(self._engine.session.home), script, name, *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
        assert process.stdout is not None
        supervisor, container = map(int, process.stdout.readline().split())
        self._names.append(name)
        return process, (supervisor, identity.birth(supervisor)), (container, identity.birth(container))

    @staticmethod
    def end(process: subprocess.Popen[str]) -> None:
        """Kill such a process."""
        assert process.stdout is not None
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()

    def clear(self) -> None:
        """Remove the containers."""
        for name in self._names:
            with suppress(NotFoundError):
                self._engine.rm(name, force=True)


def lives(who: Who) -> bool:
    """That process has not ended."""
    held = identity.open_process(*who)
    if held is not None:
        os.close(held)
    return held is not None


def gone(*everyone: Who) -> bool:
    """All of them have ended, sooner or later."""
    with suppress(AssertionError):
        until(lambda: not any(lives(who) for who in everyone))
    return not any(lives(who) for who in everyone)


def row_of(engine: Engine, name: str) -> ContainerRow | None:
    """A container as the store has it."""
    return engine.session.store.containers.get(name)


def until(condition: Callable[[], bool]) -> None:
    """Wait for it."""
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()
