"""From asking for a container to its end: ``true`` in dockmagic, bubblewrap, crun and rootless podman, in one run.

    python benchmarks/start_latency.py [ROUNDS]

All run the same root, busybox alone, as the same ordinary user; as root the whole is measured as a user with subordinate ids, who exists in a
mount namespace only (``tests/users.py``). Every round runs each contender once, in an order that moves on, so a machine whose speed
drifts is unfair to all alike. The ratios are medians over dockmagic's.

What is compared differs, and the table cannot say it: bubblewrap binds one directory, with no layers, no writable one, no filter and no masks of
/proc; crun has no layers either; podman does what ``engine.run`` does (a store, a new container, its log, its removal). dockmagic's launch server
is warm, as it is from a notebook's first cell on; the others start as a user starts them. ``start`` is the sandbox alone, on a writable layer
that was made before; ``engine.run`` is what a cell pays.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    from dockmagic.engine.engine import Engine

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 40
BASE = "dockmagic start"

Contender = Callable[[], object]


def main() -> None:
    """As root: become the test user first."""
    if os.geteuid() != 0:
        with work_directory() as work:
            measure(work)
        return
    from tests.users import make_user

    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        user = make_user("stud", Path(directory), tun=True)
        result = user.run(sys.executable, __file__, str(ROUNDS), timeout=1200)
        sys.stdout.write(result.stdout)
        sys.stderr.write(result.stderr)
        sys.exit(result.returncode)


@contextmanager
def work_directory() -> Iterator[Path]:
    """A directory with a short name, as podman wants it; its end needs the rights that root of a user namespace has, over overlayfs's own directories."""
    path = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        yield path
    finally:
        subprocess.run(["unshare", "--map-root-user", "rm", "-rf", str(path)], check=True)


def measure(work: Path) -> None:
    """Time all contenders round by round and print min, median, p90 and ratio."""
    rootfs = busybox_root(work / "rootfs")
    engine, own = dockmagic_contenders(work, rootfs)
    contenders = {**own, **peers(work, rootfs)}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for call in contenders.values():
        call()
    order = list(contenders)
    for _ in range(ROUNDS):
        for name in order:
            begin = time.perf_counter()
            contenders[name]()
            times[name].append((time.perf_counter() - begin) * 1000)
        order.append(order.pop(0))
    engine.close()
    report(times)


def report(times: dict[str, list[float]]) -> None:
    """The table."""
    base = statistics.median(times[BASE])
    print(f"{os.cpu_count()} cores, Linux {os.uname().release}, Python {sys.version.split()[0]}, {ROUNDS} rounds, ms")
    print(f"{'':32}{'min':>8}{'median':>8}{'p90':>8}{'ratio':>8}")
    for name, values in times.items():
        median, ninth = statistics.median(values), statistics.quantiles(values, n=10)[-1]
        print(f"{name:32}{min(values):8.1f}{median:8.1f}{ninth:8.1f}{median / base:8.2f}")


def busybox_root(rootfs: Path) -> Path:
    """A root directory for everybody."""
    for name in ("bin", "proc", "dev", "sys", "tmp"):
        (rootfs / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", rootfs / "bin/busybox")
    for name in ("true", "sh"):
        (rootfs / "bin" / name).symlink_to("busybox")
    return rootfs


def dockmagic_contenders(work: Path, rootfs: Path) -> tuple[Engine, dict[str, Contender]]:
    """A bare start of the sandbox, the same through the engine, and what a process costs at all."""
    from dockmagic.engine.engine import Engine

    engine = Engine(work / "store")
    archive = work / "rootfs.tar"
    subprocess.run(["tar", "-C", rootfs, "--owner=0", "--group=0", "-cf", archive, "."], check=True)
    engine.import_(archive, "bench")
    return engine, {
        "posix_spawn true (the floor)": command(["/bin/true"]),
        BASE: starter(engine),
        **networks(engine),
        "dockmagic engine.run": lambda: engine.run("bench", argv=("true",)),
    }


def networks(engine: Engine) -> dict[str, Contender]:
    """The sandbox alone with a private network, by each program that works here."""
    from dockmagic.errors import IsolationError

    found: dict[str, Contender] = {}
    for program in ("pasta", "slirp4netns"):
        try:
            engine.session.runtime.private_network((program,))
        except IsolationError as refusal:
            print(f"{program} is left out: {refusal.message}")
        else:
            found[f"{BASE}, {program}"] = starter(engine, program)
    return found


def starter(engine: Engine, program: str = "") -> Contender:
    """The sandbox alone: start, wait; a fresh writable layer for each round is made before."""
    from dockmagic.sandbox.spec import Spec

    store, runtime = engine.session.store, engine.session.runtime
    image = store.images.get(store.images.resolve("bench"))
    lowers = tuple(store.layers.snapshot(d) for d in reversed(image.diff_ids))
    null = os.open(os.devnull, os.O_RDWR)
    layers = [(f"tmp/bench-{program}{n}/upper", f"tmp/bench-{program}{n}/work") for n in range(ROUNDS + 1)]
    runtime.call("mkdir", {"paths": [path for pair in layers for path in pair]})
    unused = iter(layers)

    def start() -> None:
        upper, work = next(unused)
        own = {"network": "private", "programs": (program,)} if program else {}
        spec = Spec(lowers=lowers, upper=upper, work=work, argv=("true",), env=(("PATH", "/bin"),), **own)
        process = runtime.start(spec, stdin=null, stdout=null, stderr=null)
        end = process.wait()
        process.close()
        if end is None or end.code:
            raise SystemExit(f"true ended with {end}")

    return start


def peers(work: Path, rootfs: Path) -> dict[str, Contender]:
    """What is installed of bubblewrap, crun and podman."""
    runtime_dir = work / "run"
    runtime_dir.mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime_dir)
    found: dict[str, Contender] = {}
    for program, name, make in (
        ("bwrap", "bubblewrap", lambda: bubblewrap(rootfs)),
        ("crun", "crun", lambda: crun(work, rootfs, runtime_dir)),
        ("podman", "podman (rootless, no network)", lambda: podman(work, rootfs)),
        ("podman", "podman (rootless, slirp4netns)", lambda: podman(work, rootfs, "slirp4netns")),
    ):
        if shutil.which(program):
            found[name] = make()
        else:
            print(f"{program} is not installed: left out")
    return found


def bubblewrap(rootfs: Path) -> Contender:
    """Everything unshared."""
    return command(
        ["bwrap", "--bind", str(rootfs), "/", "--proc", "/proc", "--dev", "/dev", "--unshare-all", "/bin/true"]
    )


def crun(work: Path, rootfs: Path, runtime_dir: Path) -> Contender:
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


def podman(work: Path, rootfs: Path, network: str = "none") -> Contender:
    """A storage of its own; overlay, since Debian's default for users is vfs."""
    options = ["podman", "--root", f"{work}/podman", "--runroot", f"{work}/run/p", "--storage-driver", "overlay"]
    options += ["--runtime", "runc"]
    with subprocess.Popen(
        ["tar", "-C", str(rootfs), "--owner=0", "--group=0", "-c", "."], stdout=subprocess.PIPE
    ) as tar:
        subprocess.run([*options, "import", "-", "bench"], stdin=tar.stdout, check=True, capture_output=True)
    return command([*options, "run", "--rm", "--network", network, "bench", "true"])


def command(words: list[str]) -> Contender:
    """A whole process; its failure ends the benchmark."""
    return lambda: subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
