"""Peak memory of what moves one large layer: COPY, save, load, push, pull, and the run that reads it.

    python benchmarks/memory.py [MEGABYTES]

Each verb is done by a fresh process that has imported everything and opened its store before its memory is looked at: the figure is how far
its resident memory rose above that (VmHWM, proc(5)). Beside it stands the same of the processes that work on trees for it, above the launch
server that they are forked from, by looking at them every few milliseconds; pages that they share with it do not count twice.

The layer is one file of bytes that do not compress, in a store below TMPDIR, which needs room for five times its size.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

MIB = 1 << 20
VERBS = ("COPY", "save", "load", "push", "pull", "run")


def status(pid: int | str, field: str) -> int:
    """A field of /proc/PID/status in bytes; 0 where the process has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:")), 0)


def children(pid: int) -> list[int]:
    """All descendants of a process."""
    found, pending = [], [pid]
    while pending:
        try:
            own = Path(f"/proc/{pending[-1]}/task").iterdir()
            below = [int(word) for task in own for word in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            below = []
        pending.pop()
        found += below
        pending += below
    return found


class Watch:
    """The most that any descendant of this process has had in private pages."""

    def __init__(self) -> None:
        self.most = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.005):
            for pid in children(os.getpid()):
                self.most = max(self.most, status(pid, "RssAnon"))


def act(verb: str, work: Path, address: str) -> None:
    """Do one verb in this process; print how far its memory rose."""
    from dockmagic import Engine

    home = work / ("other" if verb in {"load", "pull"} else "home")
    engine = Engine(home)
    image = f"{address}/big:1"
    verbs = {
        "COPY": lambda: engine.build("FROM localhost/base\nCOPY big /big\n", context=work / "context", tags=(image,)),
        "save": lambda: engine.save(image, output=work / "saved.tar"),
        "load": lambda: engine.load(work / "saved.tar"),
        "push": lambda: engine.push(image),
        "pull": lambda: engine.pull(image),
        "run": lambda: engine.run(image, script="cat /big > /dev/null\n"),
    }
    if verb != "run":
        engine.run("localhost/base", script="true\n")
    if verb in {"push", "pull"}:
        for name in ("fetch", "push"):
            importlib.import_module(f"dockmagic.engine.{name}")
        assert engine.session.registries is not None
    idle = max((status(pid, "RssAnon") for pid in children(os.getpid())), default=0)
    Path("/proc/self/clear_refs").write_text("5")  # begins VmHWM anew
    before = status("self", "VmRSS")
    begin = time.perf_counter()
    with Watch() as watch:
        verbs[verb]()
    seconds = time.perf_counter() - begin
    rise, jobs = status("self", "VmHWM") - before, max(0, watch.most - idle)
    engine.close()
    print(json.dumps({"rise": rise, "jobs": jobs, "seconds": seconds}))


def serve() -> None:
    """A registry that keeps blobs in memory, in a process of its own; prints its address."""
    from dockmagic.testing import FakeRegistry

    with FakeRegistry() as registry:
        print(registry.address, flush=True)
        sys.stdin.readline()


def main() -> None:
    """Each verb in its own process."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory(prefix="memory-") as directory:
        work = Path(directory)
        (work / "context").mkdir()
        with (work / "context" / "big").open("wb") as file:
            for _ in range(megabytes):
                file.write(os.urandom(1_000_000))
        server = subprocess.Popen(
            [sys.executable, __file__, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        address = server.stdout.readline().strip() if server.stdout is not None else ""
        print(f"One layer of {megabytes} MB, Python {sys.version.split()[0]}\n")
        print("| | this process | jobs on trees |\n|---|---:|---:|")
        for verb in VERBS:
            if verb == "pull":
                (work / "saved.tar").unlink()
                subprocess.run(
                    [sys.executable, "-m", "dockmagic.cli", "rmi", "-f", f"{address}/big:1"],
                    env={**os.environ, "DOCKMAGIC_HOME": str(work / "other")},
                    check=True,
                    capture_output=True,
                )
            told = json.loads(
                subprocess.run(
                    [sys.executable, __file__, "act", verb, work, address],
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                ).stdout
            )
            print(f"| {verb} | {told['rise'] / MIB:.0f} MiB | {told['jobs'] / MIB:.0f} MiB |", flush=True)
        server.communicate("")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["act", verb, work, address]:
            act(verb, Path(work), address)
        case ["serve"]:
            serve()
        case _:
            main()
