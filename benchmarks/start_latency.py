"""From asking for a container to its end: ``true`` in dockmagic, bubblewrap, crun and rootless podman, in one run.

As root the whole is measured as an ordinary user with subordinate ids, who exists in a mount namespace only
(``tests/users.py``). The peers run in turn with dockmagic, so that a machine whose speed drifts is unfair to all alike.

    python benchmarks/start_latency.py [ROUNDS]

dockmagic's figure is of ``Runtime.start`` to the process's end with a fresh writable layer, its launch server warm (one
a kernel, started at the first cell); ``engine.run`` adds the store, the log and the removal, as a cell pays them. crun
and podman are whole processes, as a user calls them.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 25


def main() -> None:
    """As root: become the test user first."""
    if os.geteuid() != 0:
        measure(Path(os.environ["HOME"]))
        return
    from tests.users import make_user

    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        user = make_user("stud", Path(directory))
        result = user.run(sys.executable, __file__, str(ROUNDS), timeout=1200)
        sys.stdout.write(result.stdout)
        sys.stderr.write(result.stderr)
        sys.exit(result.returncode)


def measure(work: Path) -> None:
    """Time all contenders round by round and print medians, p10, p90 and ratios to dockmagic's start."""
    contenders = {**dockmagic_contenders(), **peers(work)}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for call in contenders.values():
        call()
    for _ in range(ROUNDS):
        for name, call in contenders.items():
            begin = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - begin) * 1000)
    base = statistics.median(times["dockmagic start"])
    print(f"{'':34}median ms   p10   p90   ratio")
    for name, values in times.items():
        deciles = statistics.quantiles(values, n=10)
        median = statistics.median(values)
        print(f"{name:34}{median:9.1f}{deciles[0]:6.1f}{deciles[-1]:6.1f}{median / base:8.2f}")


def dockmagic_contenders() -> dict[str, Callable[[], object]]:
    """A bare start of the sandbox, and the same through the engine."""
    from dockmagic.engine.engine import Engine

    engine = Engine()
    engine.build("FROM localhost/base\n", tags=("bench",))
    return {
        "dockmagic start": starter(engine),
        "dockmagic engine.run": lambda: engine.run("bench", argv=("true",)),
        "posix_spawn true (the floor)": lambda: subprocess.run(["/bin/true"], check=True),
    }


def starter(engine: object) -> Callable[[], object]:
    """The sandbox alone: fresh upper and work directories, start, wait."""
    from dockmagic.sandbox.spec import Spec

    session = engine.session  # type: ignore[attr-defined]
    store, runtime = session.store, session.runtime
    image = store.images.get(store.images.resolve("bench"))
    lowers = tuple(store.layers.snapshot(d) for d in reversed(image.diff_ids))
    null = os.open("/dev/null", os.O_RDWR)
    number = iter(range(1_000_000))

    def start() -> None:
        directory = f"tmp/bench-{os.getpid()}-{next(number)}"
        upper, work = f"{directory}/upper", f"{directory}/work"
        runtime.call("mkdir", {"paths": [upper, work]})
        spec = Spec(lowers=lowers, upper=upper, work=work, argv=("true",), env=(("PATH", "/bin:/usr/bin"),))
        process = runtime.start(spec, stdin=null, stdout=null, stderr=null)
        assert process.wait().code == 0
        process.close()

    return start


def peers(work: Path) -> dict[str, Callable[[], object]]:
    """What is installed of bubblewrap, crun and podman, on a root of busybox alone."""
    rootfs = work / "rootfs"
    for name in ("bin", "proc", "dev", "sys", "tmp"):
        (rootfs / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", rootfs / "bin/busybox")
    for name in ("true", "sh"):
        (rootfs / "bin" / name).symlink_to("busybox")
    runtime_dir = work / "xdg"
    runtime_dir.mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime_dir)
    found: dict[str, Callable[[], object]] = {}
    if shutil.which("bwrap"):
        found["bubblewrap"] = command(
            ["bwrap", "--bind", str(rootfs), "/", "--proc", "/proc", "--dev", "/dev", "--unshare-all", "/bin/true"]
        )
    if shutil.which("crun"):
        found["crun"] = crun(work, rootfs, runtime_dir)
    if shutil.which("podman"):
        found["podman (rootless, no network)"] = podman(rootfs)
    return found


def crun(work: Path, rootfs: Path, runtime_dir: Path) -> Callable[[], object]:
    """crun 1.8 refuses hybrid cgroup trees, so that it gets an empty one."""
    bundle = work / "bundle"
    bundle.mkdir()
    subprocess.run(["crun", "spec", "--rootless"], cwd=bundle, check=True)
    config = json.loads((bundle / "config.json").read_text())
    config["process"].update(args=["true"], terminal=False)
    config["root"]["path"] = str(rootfs)
    (bundle / "config.json").write_text(json.dumps(config))
    script = f"mount -t tmpfs t /sys/fs/cgroup; exec crun --root {runtime_dir}/crun run -b {bundle} c1"
    return command(["unshare", "-Urm", "sh", "-c", script])


def podman(rootfs: Path) -> Callable[[], object]:
    """The image is imported once; overlay, since Debian's default for users is vfs."""
    options = ["podman", "--storage-driver", "overlay", "--runtime", "runc"]
    with subprocess.Popen(["tar", "-C", str(rootfs), "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run([*options, "import", "-", "bench"], stdin=tar.stdout, check=True, capture_output=True)
    return command([*options, "run", "--rm", "--network", "none", "bench", "true"])


def command(words: list[str]) -> Callable[[], object]:
    """A whole process; its failure ends the benchmark."""
    return lambda: subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
