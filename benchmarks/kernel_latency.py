"""What dockmagic costs in a real kernel: a cell of ``true`` from request to idle, ``%load_ext``, and memory.

    python benchmarks/kernel_latency.py [ROUNDS]

Every round asks for three things one after the other: a cell ``pass`` (what Jupyter itself takes), the engine's own run of the same script
in the same kernel, and the cell ``%%container run bread:1`` with ``true``. What the magic adds is the third less the first two. ``%load_ext`` is timed in
fresh kernels, by the kernel's own clock and by the client's. Memory is the kernel process's own: what no other process has too (``Private_*`` of
smaps_rollup, proc(5)), before ``%load_ext``, behind it, and after the runs; the launch server is told apart.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_kernel

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
KERNELS = 7
LOAD = "import time; begin = time.perf_counter(); get_ipython().run_line_magic('load_ext', 'dockmagic'); print(time.perf_counter() - begin)"
ENGINE = """begin = time.perf_counter()
run = dockmagic.run("bread:1", script="true\\n")
print(time.perf_counter() - begin)"""
CELL = "%%container run bread:1\ntrue"


class Kernel:
    """A kernel of this environment, and its client."""

    def __init__(self) -> None:
        self.manager, self.client = start_new_kernel(extra_arguments=["--log-level=40"])
        self.pid: int = self.manager.provisioner.pid

    def run(self, code: str) -> tuple[float, str]:
        """Seconds from request to idle, and what was printed."""
        begin = time.perf_counter()
        request = self.client.execute(code, store_history=False)
        printed = ""
        while True:
            message: dict[str, Any] = self.client.get_iopub_msg(timeout=120)
            if message["parent_header"].get("msg_id") != request:
                continue
            content = message["content"]
            if message["msg_type"] == "stream":
                printed += content["text"]
            if message["msg_type"] == "error":
                raise SystemExit("\n".join(content["traceback"]))
            if content.get("execution_state") == "idle":
                end = time.perf_counter()
                self.client.get_shell_msg(timeout=120)
                return end - begin, printed

    def private(self) -> float:
        """MB that only the kernel's process has."""
        return private(self.pid)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def private(pid: int) -> float:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_")) / 1000


def middle(values: list[float]) -> str:
    """Median and the range of the middle 80 %, in ms."""
    cuts = statistics.quantiles(values, n=10)
    return f"{1000 * statistics.median(values):.1f} ms ({1000 * cuts[0]:.1f}-{1000 * cuts[-1]:.1f})"


def loads() -> None:
    inside, outside, grown = [], [], []
    for number in range(KERNELS + 1):
        kernel = Kernel()
        nothing, _ = kernel.run("pass")
        before = kernel.private()
        seconds, printed = kernel.run(LOAD)
        if number:  # the first one writes the bytecode
            inside.append(float(printed))
            outside.append(seconds - nothing)
            grown.append(kernel.private() - before)
        kernel.close()
    sys.stdout.write(f"%load_ext, the kernel's clock         {middle(inside)}\n")
    sys.stdout.write(f"%load_ext, the client's, less a pass  {middle(outside)}\n")
    sys.stdout.write(f"memory that %load_ext adds            {statistics.median(grown):.1f} MB\n")


def cells() -> None:
    kernel = Kernel()
    kernel.run("import time, gc")
    before = kernel.private()
    kernel.run("%load_ext dockmagic\nimport dockmagic")
    kernel.run("%%container build -t bread:1\nFROM localhost/base")
    passes, engines, wholes = [], [], []
    for _ in range(ROUNDS):
        nothing, _ = kernel.run("pass")
        _, printed = kernel.run(ENGINE)
        whole, _ = kernel.run(CELL)
        passes.append(nothing)
        engines.append(float(printed))
        wholes.append(whole)
    added = [whole - own - nothing for whole, own, nothing in zip(wholes, engines, passes, strict=True)]
    sys.stdout.write(f"a cell `pass`, request to idle        {middle(passes)}\n")
    sys.stdout.write(f"engine.run of true                    {middle(engines)}\n")
    sys.stdout.write(f"the cell of true, request to idle     {middle(wholes)}\n")
    sys.stdout.write(f"what the magic and its record add     {middle(added)}\n")
    sys.stdout.write(f"memory after a build and the runs     {kernel.private() - before:.1f} MB more\n")
    children = Path(f"/proc/{kernel.pid}/task/{kernel.pid}/children").read_text().split()
    told = {pid: private(int(pid)) for pid in children}
    sys.stdout.write(
        f"memory of its launch server           {json.dumps([round(size, 1) for size in told.values()])} MB\n"
    )
    kernel.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["DOCKMAGIC_HOME"] = f"{home}/store"
        os.environ["IPYTHONDIR"] = f"{home}/ipython"
        loads()
        cells()


if __name__ == "__main__":
    main()
