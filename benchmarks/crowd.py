"""Many processes build, pull, run and prune in one store at once.

    python benchmarks/crowd.py [SECONDS] [PROCESSES]

Each process draws a verb by lot again and again, on few names, so that they meet: an image is pulled here while it is removed there, and
pruned while somebody builds on it. The registry is this process's own, on loopback. At the end the store is read whole. Exit code 0: no
process met an error, but for what is said of an image that another one has just removed, fsck finds nothing, and every layer is there once.

TMPDIR says where the store is.
"""

from __future__ import annotations

import collections
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    from dockmagic import Engine
    from dockmagic.testing import FakeRegistry

LAYERS, IMAGES, BUILDS = 6, 4, 3


def fill(registry: FakeRegistry) -> None:
    """Images of three layers each, of which the first is common and the others are shared by two."""
    from dockmagic.testing import sha256, tar_of

    tars = [
        tar_of({f"srv/{number}-{part}": random.Random(f"{number} {part}").randbytes(20_000) for part in range(10)})
        for number in range(LAYERS)
    ]
    for number in range(IMAGES):
        own = [tars[0], tars[1 + number % 5], tars[1 + (number + 1) % 5]]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [sha256(tar) for tar in own]},
        }
        registry.put_image("team/bread", str(number), [gzip.compress(tar, 1, mtime=0) for tar in own], config)


def work(home: Path, address: str, seconds: float, seed: int) -> None:
    """Draw verbs until the time is over; print how often which was done, and each error."""
    from dockmagic import Engine
    from dockmagic.errors import BuildError, ConflictError, NotFoundError, StoreError

    engine, dice = Engine(home), random.Random(seed)
    done: collections.Counter[str] = collections.Counter()
    errors: list[str] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        verb = dice.choice(("build", "build", "pull", "pull", "run", "rmi", "prune", "save", "df"))
        try:
            act(engine, verb, dice, address)
            done[verb] += 1
        except (NotFoundError, ConflictError):
            done[f"{verb}: gone or used"] += 1
        except BuildError as error:
            if "image not found" in error.message:  # another has removed its base
                done[f"{verb}: gone or used"] += 1
            else:
                errors.append(f"{verb}: {error}")
        except StoreError as error:
            if "removed meanwhile" in error.hint:
                done[f"{verb}: removed meanwhile"] += 1
            else:
                errors.append(f"{verb}: {error} {error.detail}")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what this looks for
            errors.append(f"{verb}: {type(error).__name__} {error}")
    engine.close()
    print(json.dumps({"done": done, "errors": errors}))


def act(engine: Engine, verb: str, dice: random.Random, address: str) -> None:
    """Do one verb."""
    name, own = f"{address}/team/bread:{dice.randrange(IMAGES)}", f"own:{dice.randrange(BUILDS)}"
    match verb:
        case "build":
            text = f"FROM {dice.choice((name, 'localhost/base'))}\nCOPY <<EOF /copied\n{own}\nEOF\nWORKDIR /new/{own[-1]}\n"
            built = engine.build(text, tags=(own,), no_cache=dice.random() < 0.3)
            if built.error is not None:
                raise built.error.__cause__ or built.error
        case "pull":
            engine.pull(name)
        case "run":
            assert engine.run("localhost/base", script="echo x > /x; cat /x\n").stdout == "x\n"
        case "rmi":
            engine.rmi(dice.choice((own, name)), force=True)
        case "prune":
            engine.prune()
        case "save":
            with tempfile.NamedTemporaryFile() as file:
                engine.save(own, output=file.name)
        case _:
            assert len(engine.df()) > 2
            assert engine.images() is not None


def main() -> int:
    """Start the processes, wait for them, and look at what they left."""
    from dockmagic import Engine
    from dockmagic.testing import FakeRegistry

    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    with tempfile.TemporaryDirectory(prefix="crowd-") as directory, FakeRegistry() as registry:
        home = Path(directory) / "home"
        os.environ["DOCKMAGIC_CONFIG"] = str(Path(directory) / "config")  # the user's own may forbid to pull
        fill(registry)
        engine = Engine(home)
        engine.run("localhost/base", script="true\n")  # so that it is not made eight times over
        begin = time.monotonic()
        processes = [
            subprocess.Popen(
                [sys.executable, __file__, "work", home, registry.address, str(seconds), str(seed)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for seed in range(count)
        ]
        told = [json.loads(process.communicate()[0]) for process in processes]
        took = time.monotonic() - begin
        done = sum((collections.Counter(each["done"]) for each in told), collections.Counter())
        errors = [error for each in told for error in each["errors"]]
        engine.prune()
        damage = [f"{each.path}: {each.words}" for each in engine.fsck()]
        store = engine.session.store
        rows, trees = len(store.layers.sizes()), list((home / "roots").glob("*/snapshots/*"))
        engine.close()
    print(f"{count} processes, {took:.0f} s: {sum(done.values())} verbs, {len(errors)} errors")
    print(*(f"  {number:5} {verb}" for verb, number in sorted(done.items())), sep="\n")
    print(*(f"  error: {error}" for error in errors[:20]), sep="\n", end="\n" if errors else "")
    print(f"fsck: {damage or 'the store is whole'}; {rows} layers, {len(trees)} trees")
    return 1 if errors or damage or len(trees) > rows else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        work(Path(sys.argv[2]), sys.argv[3], float(sys.argv[4]), int(sys.argv[5]))
    else:
        sys.exit(main())
