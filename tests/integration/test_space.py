"""df, prune and fsck on what real builds and runs leave, alone and beside another kernel."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.errors import NotFoundError

CACHING = "FROM localhost/base\nRUN --mount=type=cache,target=/c head -c 5000 /dev/zero > /c/x; echo layer > /made\n"

BUILDING = """
import sys
from dockmagic import Engine
engine = Engine(sys.argv[1])
built = engine.build("FROM localhost/base\\nCOPY <<EOF /note\\nbuilt elsewhere\\nEOF\\n")
print(built.image.id, flush=True)
sys.stdin.readline()
print(engine.run(built.image, script="cat /note; echo x > /y\\n", name="theirs").stdout, end="", flush=True)
sys.stdin.readline()
print(engine.exec("theirs", script="cat /y\\n").stdout, end="", flush=True)
engine.close()
"""


@pytest.fixture
def engine(tmp_path):
    made = Engine(tmp_path / "home")
    yield made
    assert list(made.fsck()) == []
    made.close()


def rows(table):
    return {value.kind: value for value in table}


def test_df_tells_what_there_is_and_prune_frees_what_it_said(engine):
    engine.build(CACHING, tags=("bread:1",))
    engine.build("FROM localhost/base\nRUN head -c 70000 /dev/zero > /zero\n")
    engine.run("bread:1", name="fish1", script="head -c 3000 /dev/zero > /mine\n")
    before = rows(engine.df())
    assert (before["images"].total, before["images"].in_use) == (3, 2)
    assert (before["containers"].total, before["containers"].size, before["containers"].reclaimable) == (1, 3000, 3000)
    assert (before["RUN caches"].total, before["RUN caches"].reclaimable) == (1, 5000)
    assert before["build cache"].total == 2
    assert before["images"].reclaimable == 70_000
    would = engine.prune(dry_run=True)
    assert (would.columns[0], would.title) == ("WOULD GO", "78.0 kB would be freed")
    assert rows(engine.df()) == before
    gone = engine.prune()
    assert list(gone) == list(would)
    assert gone.title == "78.0 kB freed"
    assert {value.kind: value.size for value in gone} == {
        "container": 3000, "image": 70_000, "build cache": 0, "RUN cache": 5000,
    }  # fmt: skip
    after = rows(engine.df())
    assert (after["images"].total, after["containers"].total, after["build cache"].total) == (2, 0, 0)
    assert sum(value.reclaimable for value in after.values()) == 0
    assert engine.run("bread:1", script="cat /made\n").stdout == "layer\n"
    assert list(engine.prune()) == []


def test_the_images_of_this_machine_go_only_when_asked(engine):
    engine.build("FROM localhost/base\nLABEL a=b\n", tags=("child:1",))
    engine.prune()
    assert len(engine.images()) == 2
    gone = engine.prune(base=True)
    assert (gone[0].kind, gone[0].name) == ("name", "localhost/base:latest")
    assert [image.tags for image in engine.images()] == [("child:1",)]
    assert engine.run("child:1", script="echo on\n").stdout == "on\n"
    engine.rmi("child:1")
    assert engine.run("localhost/base", script="echo again\n").stdout == "again\n"


def test_a_running_container_stays(engine, tmp_path):
    (tmp_path / "box").mkdir()
    script = f"""
import sys
from dockmagic import Engine
engine = Engine(sys.argv[1])
engine.run("localhost/base", name="runs", volumes=("{tmp_path}/box:/box",),
           script="echo > /box/on; while [ ! -e /box/off ]; do sleep 0.05; done; echo done > /end\\n")
print(engine.exec("runs", script="cat /end\\n").stdout, end="")
engine.close()
"""
    process = subprocess.Popen([sys.executable, "-c", script, engine.session.home], stdout=subprocess.PIPE, text=True)
    while not (tmp_path / "box" / "on").exists():
        assert process.poll() is None
    assert [value.kind for value in engine.prune(base=True)] == ["name"]
    (tmp_path / "box" / "off").write_text("")
    assert process.communicate(timeout=60)[0] == "done\n"
    assert engine.prune()[0].name == "runs"


def test_another_kernels_image_stays_between_its_build_and_its_run(engine):
    process = subprocess.Popen(
        [sys.executable, "-c", BUILDING, engine.session.home], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    image_id = process.stdout.readline().strip()
    assert "image" not in {value.kind for value in engine.prune()}
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "built elsewhere\n"
    assert engine.inspect(image_id).id == image_id
    process.communicate("\n", timeout=60)
    assert process.returncode == 0
    assert {value.name for value in engine.prune()} == {"theirs", image_id}
    with pytest.raises(NotFoundError):
        engine.inspect(image_id)


def test_fsck_names_whose_the_damage_is_and_repairs_what_it_can(tmp_path):
    engine = Engine(tmp_path / "home")
    engine.build("FROM localhost/base\nRUN echo good > /made\n", tags=("bread:1",))
    assert str(engine.fsck()) == "the store is whole"
    base, made = engine.inspect("bread:1").layers
    root = engine.session.home / "roots" / engine.session.runtime.scheme / "snapshots"
    (root / base.diff_id[7:] / "bin").rename(root / base.diff_id[7:] / "bun")
    (root / made.diff_id[7:] / "made").write_text("evil!")
    (found, other) = sorted(engine.fsck(), key=lambda damage: len(damage.images))
    assert (found.images, found.repaired) == (("bread:1",), False)
    assert set(other.images) == {"bread:1", "localhost/base:latest"}
    repaired = {damage.path: damage.repaired for damage in engine.fsck(repair=True)}
    assert repaired == {f"snapshots/{base.diff_id[7:]}": True, f"snapshots/{made.diff_id[7:]}": False}
    engine.rmi("bread:1")
    engine.fsck(repair=True)
    assert str(engine.fsck()) == "the store is whole"
    assert engine.build("FROM localhost/base\nRUN echo good > /made\n", tags=("bread:1",)).exit_code == 0
    assert engine.run("bread:1", script="cat /made\n").stdout == "good\n"
    engine.close()
