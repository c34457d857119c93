"""Verbs on a store in processes that can be killed, or let down, at any system call.

A *forge* is a process that has everything imported and forks a child for each verb, which costs a tenth of a fresh interpreter.
Before a child begins, strace(1) may take hold of it: to list its calls, to kill it at one, or to make one fail.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent
ENV = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])])}
# What changes something that others see: names, what must be durable, pages of the database, requests.
CALLS = (
    "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "link", "linkat", "symlink", "symlinkat",
    "fsync", "fdatasync", "syncfs", "pwrite64", "ftruncate", "fchmod", "sendto",
)  # fmt: skip
_SET = ",".join(f"?{call}" for call in CALLS)
_CALL = re.compile(r"(\d+) +(\w+)\(")


@dataclass(frozen=True)
class Point:
    """A system call of a verb.

    Attributes:
        call: its name.
        number: which of that name in its thread, from 1.
    """

    call: str
    number: int


@dataclass(frozen=True)
class Ended:
    """How a verb ended.

    Attributes:
        status: of the process, as waitpid(2) has it.
        said: what it printed.
    """

    status: int
    said: str

    @property
    def code(self) -> int:
        """As ``subprocess`` has it."""
        return os.waitstatus_to_exitcode(self.status)


class Forge:
    """The process that forks."""

    def __init__(self) -> None:
        if shutil.which("strace") is None:
            pytest.skip("strace is not installed")
        self._process = subprocess.Popen(
            [sys.executable, __file__], env=ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        self._process.communicate()

    def run(self, home: Path, verb: str, *words: str, strace: tuple[str, ...] = ()) -> Ended:
        """Do a verb of ``store_work`` in a process of its own, with options of strace."""
        self._process.stdin.write(json.dumps([str(home), verb, words, strace]) + "\n")
        self._process.stdin.flush()
        status, said = json.loads(self._process.stdout.readline())
        if isinstance(said, list):
            pytest.skip(said[0])
        return Ended(status, said)

    def killed(self, point: Point, home: Path, verb: str, *words: str) -> Ended:
        """The same, killed when it makes that call, if it does."""
        return self.injected(f"{point.call}:signal=KILL:when={point.number}", home, verb, *words)

    def injected(self, fault: str, home: Path, verb: str, *words: str) -> Ended:
        """The same, with a fault as ``strace -e inject=`` takes it."""
        call = fault.partition(":")[0]
        return self.run(home, verb, *words, strace=("-e", f"trace=?{call}", "-e", f"inject=?{fault}"))

    def points(self, home: Path, verb: str, *words: str) -> list[Point]:
        """The calls of a verb, in their order, from a run that is let through."""
        with tempfile.NamedTemporaryFile("r") as log:
            ended = self.run(home, verb, *words, strace=("-e", f"trace={_SET}", "-o", log.name))
            assert ended.code == 0, ended
            lines = log.read().splitlines()
        counts: dict[tuple[str, str], int] = {}
        found: dict[Point, None] = {}
        for line in lines:
            made = _CALL.match(line)
            if made:
                key = (made[1], made[2])
                counts[key] = counts.get(key, 0) + 1
                found[Point(made[2], counts[key])] = None
        return list(found)


def spread(points: list[Point], most: int) -> list[Point]:
    """At most so many of them, from the first to the last."""
    if len(points) <= most:
        return points
    return [points[number * (len(points) - 1) // (most - 1)] for number in range(most)]


def serve() -> None:
    """Fork for every line of standard input; what a child prints comes back."""
    from dockmagic.engine import build, commit, fetch, pull, push, save, space  # noqa: F401, PLC0415
    from tests.integration import registry_making, store_work  # noqa: F401, PLC0415 - here the forge imports all

    for line in sys.stdin:
        home, verb, words, strace = json.loads(line)
        sys.stdout.write(json.dumps(_forked(home, verb, words, strace)) + "\n")
        sys.stdout.flush()


def _forked(home: str, verb: str, words: list[str], strace: list[str]) -> tuple[int, str | list[str]]:
    begin, go = os.pipe()
    heard, said = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(go)
        os.dup2(said, 1)
        for descriptor in (heard, said):
            os.close(descriptor)
        os.read(begin, 1)
        _work(home, verb, words)
    os.close(begin)
    os.close(said)
    tracer, refusal = _traced(child, strace) if strace else (None, "")
    os.close(go)
    with os.fdopen(heard) as file:
        printed = file.read()
    _, status = os.waitpid(child, 0)
    if tracer is not None:
        tracer.communicate()
    return status, [refusal] if refusal else printed


def _traced(child: int, options: list[str]) -> tuple[subprocess.Popen[str], str]:
    """The strace of a child, when it has taken hold, and why it has not."""
    where = [] if "-o" in options else ["-o", os.devnull]
    tracer = subprocess.Popen(
        ["strace", "-f", *where, *options, "-p", str(child)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = tracer.stderr.readline()
    return tracer, "" if "attached" in line else f"strace cannot trace here: {line.strip()}"


def _work(home: str, verb: str, words: list[str]) -> None:
    from tests.integration import store_work  # noqa: PLC0415 - imported before

    sys.argv = ["store_work.py", home, verb, *words]
    code = 1
    with contextlib.suppress(SystemExit):
        try:
            store_work.main()
            code = 0
        except SystemExit as ending:
            code = int(ending.code or 0)
        finally:
            sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    serve()
