"""What a process does to a store in the fault tests; run as a script: ``store_work.py HOME VERB``.

Prints the name of the error that ended it, if one did.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import random
import sys
from pathlib import Path

from dockmagic.engine.engine import Engine
from dockmagic.errors import ConflictError, DockmagicError, NotFoundError, StoreError
from dockmagic.oci import mediatype
from dockmagic.oci.descriptor import Descriptor
from dockmagic.testing import RecordingRuntime, Scripted
from tests.integration.registry_making import engine_in
from tests.unit.store.making import add_image, adopt, config_of, docker_archive, image_of, open_store, sha256, tar_of


def kept(store):
    """What must survive everything."""
    layer = store.layers.add_tar(tar_of({"etc/x": b"x" * 3000}))
    built = adopt(store, {"a": b"built"}, [store.layers.snapshot(layer.diff_id)])
    image_of(store, [layer, built], name="kept")


def image(store):
    """A layer that comes in three forms, a built one, their image, a name, a cache row, a container; then all of it goes again."""
    tar = tar_of({"etc/y": b"y" * 70_000})
    layer = store.layers.add_tar(tar)
    for level in (9, 1):  # one takes the place of the uncompressed tar, and one stands beside it
        content = gzip.compress(tar, level, mtime=0)
        described = Descriptor(media_type=mediatype.LAYER_GZIP, digest=sha256(content), size=len(content))
        store.layers.add_tar(content, expected=described, diff_id=layer.diff_id)
    built = adopt(store, {"b/c": b"more" * 20_000, "b/d": b""}, [store.layers.snapshot(layer.diff_id)])
    store.cache.put("key", built.diff_id, {"a": 1}, lineage="RUN x")
    image_id = image_of(store, [layer, built], name="new:1")
    store.containers.delete("c" * 64)  # of a process that was killed on its way
    row = store.containers.create(
        id="c" * 64, name="fish", image_id=image_id, image_ref="new:1", kernel_pid=os.getpid()
    )
    store.containers.started(row.id, pid=os.getpid(), birth=1)
    store.containers.ended(row.id, exit_code=0)
    store.containers.delete(row.id)
    say("acknowledged")
    store.cache.clear()
    store.images.delete(image_id)
    store.leases.sweep()


def load(store):
    """An archive of two layers."""
    layers = [tar_of({"one": b"1" * 50_000}), tar_of({"two": b"2"})]
    store.archive.load(Stream(docker_archive([(config_of(layers), layers, ["loaded:1"])])))
    say("acknowledged")


def build(store):
    """Three steps on the kept image: files, a directory, and a RUN that writes."""
    engine = engine_of(store, Scripted(files={"/ran": b"r" * 9000}))
    built = engine.build("FROM kept\nCOPY <<EOF /copied\ntext\nEOF\nWORKDIR /new/dir\nRUN work\n", tags=("built:1",))
    assert built.error is None, built.error
    say("acknowledged")


def litter(store):
    """What a prune removes: an ended container, images without a name, steps of the cache, a cache of RUN."""
    engine = engine_of(store, Scripted(files={"/written": b"w" * 5000}))
    engine.run("kept", argv=("work",), name="ended")
    add_image(store, {"unnamed": b"u" * 4000}, {"more": b"m"})
    store.cache.put("key", adopt(store, {"cached": b"c" * 3000}).diff_id)
    with store.caches.use("apt", "locked", fill=lambda _: None):
        pass


def commit(store):
    """The ended container as an image."""
    engine_of(store).commit("ended", "committed:1")
    say("acknowledged")


def prune(store):
    """Everything that nothing uses."""
    engine_of(store).prune()
    assert [row.name for row in store.containers.list()] == []
    say("acknowledged")


def save(store):
    """The kept image, beside the store."""
    engine_of(store).save("kept", output=store.path.with_suffix(".tar"))
    say("acknowledged")


def pull(store, name):
    """An image of a registry."""
    engine_in(store.path.parent, home=store.path, scheme="range-0").pull(name)
    say("acknowledged")


def whole(store, name):
    """Everything that an index of a registry leads to, as often as it is asked for."""
    engine = engine_in(store.path.parent, home=store.path, scheme="range-0")
    engine.pull(name, all_platforms=True)
    say("acknowledged")
    assert store.images.index(name) is not None
    engine.rmi(name)


def push(store, name):
    """The kept image to a registry."""
    store.images.tag(name, store.images.resolve("kept"))
    engine_in(store.path.parent, home=store.path, scheme="range-0").push(name)
    say("acknowledged")


def engine_of(store, *script):
    """An engine on the store's directory whose containers only write files."""
    return Engine(store.path, runtime=RecordingRuntime(store.path, script, scheme="range-0"))


def churn(store, seed=0, rounds=25):
    """Random verbs on a few names, as several kernels do."""
    dice = random.Random(seed)
    for _ in range(rounds):
        number = dice.randrange(4)
        with contextlib.suppress(NotFoundError, ConflictError):
            match dice.randrange(8):
                case 0 | 1:
                    add_image(store, {f"f{number}": b"x" * 2000}, {"shared": b"s"}, name=f"image:{number}")
                case 2:
                    with store.leases.hold("build") as hold:
                        layer = adopt(store, {f"g{number}": b"y" * 2000})
                        hold.add(layer.diff_id)
                        store.cache.put(f"k{number}", layer.diff_id)
                        image_of(store, [layer], name=f"image:{number}")
                case 3:
                    found = store.images.resolve(f"image:{number}")
                    if found is not None:
                        store.images.delete(found)
                case 4:
                    store.leases.sweep()
                case 5:
                    found = store.images.resolve(f"image:{number}")
                    if found is not None:
                        use(store, found, dice)
                case 6:
                    store.pruning.carry_out(store.pruning.plan())
                case _:
                    store.cache.clear()


def use(store, image_id, dice):
    """A container of the image reads every file of it."""
    name = f"{dice.getrandbits(256):064x}"
    row = store.containers.create(id=name, name=name, image_id=image_id, image_ref="", kernel_pid=os.getpid())
    for diff_id in store.images.get(image_id).diff_ids:
        tree = store.path / "roots/range-0" / store.layers.snapshot(diff_id)
        for path in tree.iterdir():
            assert path.stat().st_size in {1, 2000}
    store.containers.delete(row.id)


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Stream:
    """Bytes as a stream that cannot seek."""

    def __init__(self, content):
        self._content = content

    def read(self, size, /):
        data, self._content = self._content[:size], self._content[size:]
        return data


VERBS = {
    "kept": kept, "image": image, "load": load, "churn": churn,
    "build": build, "litter": litter, "commit": commit, "prune": prune, "save": save, "pull": pull, "push": push, "whole": whole,
}  # fmt: skip


def main():
    """Open the store and do one of the verbs."""
    home, verb = Path(sys.argv[1]), sys.argv[2]
    try:
        store = open_store(home)
        VERBS[verb](store, *(map(int, sys.argv[3:]) if verb == "churn" else sys.argv[3:]))
    except DockmagicError as error:
        if isinstance(error, StoreError) and str(home) in str(error):
            raise  # a path is no part of the text, which notebooks are compared by
        say(f"{type(error).__name__} {str(error).splitlines()[0]}")
        sys.exit(3)


if __name__ == "__main__":
    main()
