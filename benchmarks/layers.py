"""Import, layer creation, extraction, save, load, pull and push beside umoci, skopeo, buildah and podman, in one run.

    python benchmarks/layers.py [ROUNDS] [ROOT.tar]

ROOT.tar is the root file system of a Debian (default: ``mmdebstrap --variant=minbase`` makes one); beside it stands a layer of 10,000 small files.
TMPDIR says where: on a disk that others write to as well, waiting for it is most of what is measured; /dev/shm has no such waits.
Every round runs each contender once, in an order that moves on; what it made is removed between, untimed. The ratios are medians over dockmagic's.

Only root can run this: the peers set owners. What is compared differs, and the table cannot say it. dockmagic works in a warm process, as in
a notebook; the others are whole processes, as a user starts them. dockmagic extracts a layer when it comes in and makes it durable (fsync, syncfs)
before it says that it is there; so do buildah and podman extract, but they do not wait for the disk; skopeo and umoci write archives and layouts
without either. umoci and skopeo compress (gzip) where they write an OCI layout, the others write what they have. *A layer of a directory* is COPY for
dockmagic, which ends with a tree to run on; *a compressed layer of a tree* is what all of them do to send a layer away: from files to a gzip blob with
both digests. Pull and push are from and to Debian's docker-registry on loopback; skopeo's pull is ``skopeo copy`` to a layout and ``umoci unpack``.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.integration import registry_server

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
TOOLS = ("dockmagic", "umoci", "skopeo", "buildah", "podman")
FILES = 10_000


@dataclass(frozen=True)
class Contender:
    """One way to do it: what is timed, and what makes room for the next time."""

    run: Callable[[], object]
    undo: Callable[[], object] = field(default=lambda: None)


Table = dict[str, dict[str, Contender]]


class Bench:
    """A directory with one input in every form, and two stores for each tool: one that holds the image, and an empty one."""

    def __init__(self, work: Path, root: Path) -> None:
        from dockmagic.engine.engine import Engine

        self.work = work
        self.full, self.engine, self.built = Engine(work / "full"), Engine(work / "empty"), Engine(work / "built")
        self.root = root
        self.tree = work / "tree"
        self.layout, self.archive = work / "layout", work / "image.tar"
        self.out = work / "out"
        self.podman_full, self.podman = self._store("podman", "pf"), self._store("podman", "pe")
        self.buildah = self._store("buildah", "pe")
        self._servers = ExitStack()
        self.pulls, self.pushes = (
            self._servers.enter_context(registry_server.running(work / name)) for name in ("pulls", "pushes")
        )
        self._prepare()

    def close(self) -> None:
        """End the engines, the registries, and the mounts that podman leaves on its stores."""
        self._servers.close()
        self.full.close()
        self.engine.close()
        self.built.close()
        for store in (self.work / "pf" / "overlay", self.work / "pe" / "overlay"):
            if store.is_mount():
                run(["umount", store])

    def _store(self, tool: str, name: str) -> list[str]:
        return [
            tool,
            "--root",
            f"{self.work}/{name}",
            "--runroot",
            f"{self.work}/{name}-run",
            "--storage-driver",
            "overlay",
        ]

    def _storage(self, name: str, image: str) -> str:
        return f"containers-storage:[overlay@{self.work}/{name}+{self.work}/{name}-run]{image}"

    def _prepare(self) -> None:
        self.tree.mkdir()
        # a device is no part of a context
        run(["tar", "-C", self.tree, "--exclude=./dev/*", "-xpf", self.root])
        self.full.import_(self.root, "localhost/new:1")
        self.full.save("localhost/new:1", output=self.archive)
        run(["skopeo", "copy", "-q", f"docker-archive:{self.archive}", f"oci:{self.layout}:1"])
        run([*self.podman_full, "load", "-q", "-i", self.archive])
        run(
            [
                "skopeo",
                "copy",
                "-q",
                "--dest-tls-verify=false",
                f"oci:{self.layout}:1",
                f"docker://{self.pulls.address}/new:1",
            ]
        )
        self.full.tag("localhost/new:1", f"{self.pushes.address}/new:1")
        self.built.build("FROM scratch\nCOPY . /\n", context=self.tree, tags=("localhost/new:1",))

    def contenders(self) -> Table:
        """By what is done, then by tool."""
        return {
            "import a root's tar": self._import(),
            "a layer of a directory": self._create(),
            "a compressed layer of a tree": self._compress(),
            "take in a compressed layout": self._extract(),
            "save an OCI archive": self._save(),
            "load a docker archive": self._load(),
            "pull": self._pull(),
            "push": self._push(),
        }

    def _import(self) -> dict[str, Contender]:
        return {
            "dockmagic": Contender(lambda: self.engine.import_(self.root, "localhost/new:1"), self._forget),
            "buildah": Contender(lambda: self._buildah_add(self.root), self._remove),
            "podman": Contender(
                lambda: run([*self.podman, "import", "-q", self.root, "localhost/new:1"]), self._remove
            ),
        }

    def _create(self) -> dict[str, Contender]:
        fresh = self.work / "fresh"

        def umoci() -> None:
            run(["umoci", "init", "--layout", fresh])
            run(["umoci", "new", "--image", f"{fresh}:1"])
            run(["umoci", "insert", "--image", f"{fresh}:1", self.tree, "/"])

        def dockmagic() -> None:
            text = "FROM scratch\nCOPY . /\n"
            built = self.engine.build(text, context=self.tree, tags=("localhost/new:1",), no_cache=True)
            if built.error is not None:
                raise built.error

        return {
            "dockmagic": Contender(dockmagic, self._forget),
            "umoci": Contender(umoci, lambda: shutil.rmtree(fresh)),
            "buildah": Contender(lambda: self._buildah_add(self.tree), self._remove),
        }

    def _compress(self) -> dict[str, Contender]:
        fresh, layers = self.work / "fresh-tree", self.built.session.store.layers
        (layer,) = self.built.inspect("localhost/new:1").layers

        def again() -> None:
            self.built.rmi("localhost/new:1", force=True)
            self.built.prune()
            self.built.build("FROM scratch\nCOPY . /\n", context=self.tree, tags=("localhost/new:1",))

        def umoci() -> None:
            run(["umoci", "insert", "--image", f"{fresh}:1", self.tree, "/"])

        def forget() -> None:
            shutil.rmtree(fresh, ignore_errors=True)
            run(["umoci", "init", "--layout", fresh])
            run(["umoci", "new", "--image", f"{fresh}:1"])

        def buildah() -> None:
            run([*self.buildah, "commit", "-q", self.holder, f"oci:{self.work / 'committed'}:1"])

        self.holder = run([*self.buildah, "from", "scratch"]).strip()
        run([*self.buildah, "add", "-q", self.holder, self.tree, "/"])
        forget()
        return {
            "dockmagic": Contender(lambda: layers.compressed(layer.diff_id), again),
            "umoci": Contender(umoci, forget),
            "buildah": Contender(buildah, lambda: shutil.rmtree(self.work / "committed")),
        }

    def _pull(self) -> dict[str, Contender]:
        name, copied, bundle = f"{self.pulls.address}/new:1", self.work / "copied", self.work / "bundle"

        def skopeo() -> None:
            run(["skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{name}", f"oci:{copied}:1"])
            run(["umoci", "unpack", "--image", f"{copied}:1", bundle])

        def forget() -> None:
            shutil.rmtree(copied)
            shutil.rmtree(bundle)

        return {
            "dockmagic": Contender(lambda: self.engine.pull(name), self._forget),
            "skopeo": Contender(skopeo, forget),
            "podman": Contender(
                lambda: run([*self.podman, "pull", "-q", "--tls-verify=false", name]),
                lambda: run([*self.podman, "rmi", "-f", name]),
            ),
        }

    def _push(self) -> dict[str, Contender]:
        name = f"{self.pushes.address}/new:1"
        copy: list[str | Path] = ["skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{self.layout}:1"]
        podman: list[str | Path] = [*self.podman_full, "push", "-q", "--tls-verify=false", "localhost/new:1", name]

        def forget() -> None:
            shutil.rmtree(self.pushes.data)

        self.full.push(name)  # compresses the layer, which is kept
        forget()
        return {
            "dockmagic": Contender(lambda: self.full.push(name), forget),
            "skopeo": Contender(lambda: run([*copy, f"docker://{name}"]), forget),
            "podman": Contender(lambda: run(podman), forget),
        }

    def _extract(self) -> dict[str, Contender]:
        bundle = self.work / "bundle"
        return {
            "dockmagic": Contender(lambda: self.engine.load(self.layout), self._forget),
            "umoci": Contender(
                lambda: run(["umoci", "unpack", "--image", f"{self.layout}:1", bundle]), lambda: shutil.rmtree(bundle)
            ),
            "skopeo": Contender(
                lambda: run(["skopeo", "copy", "-q", f"oci:{self.layout}:1", self._storage("pe", "localhost/new:1")]),
                self._remove,
            ),
        }

    def _save(self) -> dict[str, Contender]:
        name, out = "localhost/new:1", self.out
        podman: list[str | Path] = [*self.podman_full, "save", "-q", "--format", "oci-archive", "-o", out, name]
        skopeo: list[str | Path] = ["skopeo", "copy", "-q", self._storage("pf", name), f"oci-archive:{out}:1"]
        return {
            "dockmagic": Contender(lambda: self.full.save(name, output=out, format="oci-archive"), out.unlink),
            "skopeo": Contender(lambda: run(skopeo), out.unlink),
            "podman": Contender(lambda: run(podman), out.unlink),
        }

    def _load(self) -> dict[str, Contender]:
        return {
            "dockmagic": Contender(lambda: self.engine.load(self.archive), self._forget),
            "podman": Contender(lambda: run([*self.podman, "load", "-q", "-i", self.archive]), self._remove),
        }

    def _buildah_add(self, source: Path) -> None:
        name = run([*self.buildah, "from", "scratch"]).strip()
        run([*self.buildah, "add", "-q", name, source, "/"])
        run([*self.buildah, "commit", "-q", "--rm", name, "localhost/new:1"])

    def _remove(self) -> None:
        run([*self.podman, "rmi", "-f", "localhost/new:1"])

    def _forget(self) -> None:
        self.engine.rmi(*(image.id for image in self.engine.images()), force=True)
        self.engine.prune()


def run(words: list[str | Path]) -> str:
    """A whole process; its failure ends the benchmark."""
    done = subprocess.run(list(map(str, words)), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, words))}: {done.stderr[-2000:]}")
    return done.stdout


def small_files(path: Path) -> Path:
    """A tar of 10,000 files of 0 to 2,000 bytes in 100 directories."""
    source = path.with_suffix("")
    for number in range(FILES):
        file = source / f"{number % 100:02}" / f"file-{number}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes([number % 256]) * (number * 7 % 2001))
    with tarfile.open(path, "w") as tar:
        tar.add(source, ".")
    return path


def debian(path: Path) -> Path:
    """A minimal Debian from this machine's mirror."""
    run(["mmdebstrap", "--quiet", "--variant=minbase", "bookworm", path])
    return path


def measure(title: str, table: Table) -> None:
    """Print medians in ms of dockmagic, and ratios to them."""
    print(f"| {title} | {' | '.join(TOOLS)} |\n|---|{'---:|' * len(TOOLS)}")
    for what, contenders in table.items():
        times: dict[str, list[float]] = {name: [] for name in contenders}
        order = list(contenders)
        for round_ in range(ROUNDS + 1):
            for name in order:
                begin = time.perf_counter()
                contenders[name].run()
                if round_:  # the first one warms the caches
                    times[name].append((time.perf_counter() - begin) * 1000)
                contenders[name].undo()
            order.append(order.pop(0))
        base = statistics.median(times["dockmagic"])
        cells = [f"{base:.0f} ms"]
        cells += [f"{statistics.median(times[n]) / base:.1f}" if n in times else "" for n in TOOLS[1:]]
        print(f"| {what} | {' | '.join(cells)} |", flush=True)
    print()


def main() -> None:
    if os.geteuid() != 0:
        raise SystemExit("the peers set owners: run this as root")
    work = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        given = Path(sys.argv[2]) if len(sys.argv) > 2 else debian(work / "debian.tar")
        print(f"{os.cpu_count()} cores, Linux {os.uname().release}, Python {sys.version.split()[0]}, {ROUNDS} rounds\n")
        for title, root in (("Debian minbase", given), (f"{FILES:,} files", small_files(work / "small.tar"))):
            place = work / title.split()[0].replace(",", "")
            place.mkdir()
            bench = Bench(place, root)
            measure(f"{title}, {root.stat().st_size / 1e6:.0f} MB", bench.contenders())
            bench.close()
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
