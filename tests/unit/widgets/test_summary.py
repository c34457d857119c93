from __future__ import annotations

import json
from dataclasses import replace

from dockmagic.changes import ChangedPath, LayerChanges
from dockmagic.results import Build, Container, HistoryEntry, Image, Isolation, Layer, Row, Run
from dockmagic.widgets import actions
from dockmagic.widgets.summary import Surroundings, summary

BASE = Layer(
    diff_id="sha256:base",
    digest="sha256:base",
    size=20_000_000,
    files=169,
    instruction="FROM localhost/base",
    host_made=True,
)
COPY = Layer(diff_id="sha256:copy", digest="sha256:blob", size=9, files=1, instruction="COPY <<EOF /filling")
IMAGE = Image(
    id="sha256:image",
    tags=("bread:1",),
    layers=(BASE, COPY),
    config={},
    digest="sha256:manifest",
    entries=(
        HistoryEntry(created_by="", instruction="FROM localhost/base", layer=BASE),
        HistoryEntry(created_by="", instruction="ENV OVEN=hot", layer=None),
        HistoryEntry(created_by="", instruction="COPY <<EOF /filling", layer=COPY),
    ),
    names=("bread:1",),
)
CONTAINER = Container(
    id="c" * 64,
    name="fish1",
    status="exited",
    image_id=IMAGE.id,
    image="bread:1",
    exit_code=0,
    changes=LayerChanges(lambda: ({}, 6)),
)
RUN = Run(
    exit_code=0,
    stopped="",
    changes={"/note": "A", "/etc/passwd": "C", "/filling": "D"},
    paths=(
        ChangedPath(path="/etc/passwd", kind="C", size=84),
        ChangedPath(path="/note", kind="A", size=6),
        ChangedPath(path="/filling", kind="D", size=9),
    ),
    isolation=Isolation(tier="T0", ids="range", network="none"),
    container=CONTAINER,
    image=IMAGE,
    kept=True,
)


def test_the_stack_is_newest_first_with_true_sizes_digests_and_settings_in_their_place():
    told = summary(RUN).to_json()
    assert [(slab["kind"], slab["layer"], slab["instruction"]) for slab in told["stack"]] == [
        ("layer", 1, "COPY <<EOF /filling"),
        ("setting", None, "ENV OVEN=hot"),
        ("layer", 0, "FROM localhost/base"),
    ]
    assert told["stack"][0]["digest"] == "sha256:blob"
    assert (told["stack"][2]["size"], told["stack"][2]["origin"]) == (20_000_000, "host")
    assert told["totals"] == {"layers": 2, "files": 170, "size": 20_000_009}


def test_a_layer_names_the_other_images_that_have_it():
    told = summary(RUN, around=Surroundings(sharing={"sha256:base": ("other:1", "more\u202e:1")}))
    assert told.stack[2].shared == ("other:1", "more\\u202e:1")
    assert told.stack[0].shared == ()


def test_the_tray_has_the_paths_of_the_run_in_the_order_of_the_record():
    tray = summary(RUN).tray
    assert tray is not None
    assert [path[1] for path in tray.paths] == ["/filling", "/note", "/etc/passwd"]
    assert (tray.counts, tray.size, tray.writable) == ({"A": 1, "C": 1, "D": 1}, 6, True)


def test_the_trees_are_the_container_the_image_and_each_layer():
    around = Surroundings(container=CONTAINER)
    assert [tree.id for tree in summary(RUN, around=around).trees] == ["rw", "merged", "1", "0"]
    assert summary(RUN, around=around).trees[0].label == "Container layer"
    assert summary(RUN).trees[0].label == "Changes"


def test_a_run_in_the_background_is_told_as_its_container_stands_now():
    living = replace(CONTAINER, status="running", exit_code=None)
    run = replace(RUN, container=living, changes={}, paths=())
    words = {
        "running in the background": summary(run, around=Surroundings(container=living)),
        "exit 0": summary(run, around=Surroundings(container=CONTAINER)),
        "ran in the background": summary(run),
    }
    assert [told.verdict["words"] for told in words.values()] == list(words)


def test_a_failed_build_bears_the_names_that_it_would_have_had():
    failed = Build(
        image=None,
        steps=(),
        log="",
        exit_code=1,
        rows=(Row(instruction="RUN x", line=1, kind="step", failed=True, done=False),),
    )
    told = summary(failed, ["bad:1"])
    assert (told.title, told.stack[0].kind, told.trees) == ("bad:1", "failed", ())


def test_every_action_has_the_line_of_code_that_does_the_same():
    found = {action.action: action for action in actions.of_result(RUN, "%%container run bread:1\necho x", CONTAINER)}
    assert found["run-again"].code == "%%container run bread:1"
    assert found["exec"].code == "%%container exec fish1\n"
    assert found["commit"].code == "%container commit fish1 fish1:committed"
    assert found["remove"].code == "%container rm fish1"


def test_a_living_container_is_removed_by_force_and_not_committed():
    living = Container(id="c", name="web", status="running", image_id="", image="")
    found = {action.action: action for action in actions.of_container(living)}
    assert found["remove"].code == "%container rm -f web"
    assert (found["commit"].enabled, bool(found["commit"].why)) == (False, True)


def test_a_container_of_any_name_is_committed_under_a_valid_one():
    assert actions.commit_name("Fish_1.2--x") == "fish-1-2-x:committed"
    assert actions.commit_name("...") == "container:committed"


def test_a_summary_is_plain_json():
    assert json.loads(json.dumps(summary(RUN, around=Surroundings(container=CONTAINER)).to_json()))["schema"] == 1
