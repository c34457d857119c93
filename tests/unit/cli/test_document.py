from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dockmagic.cli.document import document
from dockmagic.cli.printing import notes, printed
from dockmagic.errors import RunError
from dockmagic.magics.lines import Log
from dockmagic.results import Build, Container, Diff, HistoryEntry, Image, Isolation, Layer, Run
from dockmagic.table import Table

LAYER = Layer(diff_id="sha256:d", digest="sha256:b", size=3, files=1, instruction="COPY a /a", changes={"/a": "A"})
IMAGE = Image(
    id="sha256:" + "1" * 64,
    tags=("bread:1",),
    layers=(LAYER,),
    config={"config": {"Cmd": ["cat"]}},
    digest="sha256:m",
    entries=(HistoryEntry(created_by="COPY", instruction="COPY a /a", layer=LAYER),),
)
CONTAINER = Container(id="c" * 64, name="fish1", status="exited", image_id=IMAGE.id, image="bread:1", exit_code=0)


def test_an_image_has_the_names_of_its_attributes():
    found = document(IMAGE)
    assert (found["short_id"], found["size"], found["tags"]) == (IMAGE.short_id, 3, ["bread:1"])
    assert found["layers"][0]["changes"] == {"/a": "A"}
    assert found["entries"][0]["size"] == 3


def test_a_failed_run_tells_its_error_and_output():
    error = RunError("it failed", returncode=3, hint="look")
    run = Run(exit_code=3, stopped="", error=error, stdout="o", container=CONTAINER, files={"/x": b"\xff"})
    found = json.loads(printed("run", run, as_json=True))
    assert found["error"] == {"type": "RunError", "message": "it failed", "hint": "look"}
    assert (found["stdout"], found["container"]["name"]) == ("o", "fish1")
    assert "files" not in found


@pytest.mark.parametrize(
    ("verb", "value", "text"),
    [
        ("run", Run(exit_code=0, stopped=""), ""),
        ("build", Build(image=IMAGE, steps=(), log="", exit_code=0), f"{IMAGE.id}\n"),
        ("build", Build(image=None, steps=(), log="", exit_code=1), ""),
        ("commit", IMAGE, f"{IMAGE.id}\n"),
        ("tag", IMAGE, ""),
        ("pull", IMAGE, "bread:1\n"),
        ("rm", Table(columns=("REMOVED",), items=("a", "b"), rows=(("a",), ("b",))), "a\nb\n"),
        ("load", Table(columns=("IMAGE",), items=(IMAGE,), rows=(("",),)), f"Loaded image ID: {IMAGE.id}\n"),
        (
            "load",
            Table(columns=("IMAGE",), items=(replace(IMAGE, names=("a:1", "b:2")),), rows=(("",),)),
            "Loaded image: a:1\nLoaded image: b:2\n",
        ),
        ("diff", Diff(changes={"/a": "A"}), "A /a\n"),
        ("diff", Diff(changes={}), ""),
        ("logs", Log("x"), "x\n"),
        ("logs", Log("x\n"), "x\n"),
        ("export", None, ""),
    ],
)
def test_results_are_printed_as_docker_prints_them(verb, value, text):
    assert printed(verb, value, as_json=False) == text


def test_inspect_prints_a_list_as_docker_does():
    assert json.loads(printed("inspect", CONTAINER, as_json=False))[0]["name"] == "fish1"


def test_notes_are_for_standard_error():
    weak = Isolation(tier="T1", ids="single", network="none", notes=("one id",))
    assert notes(Run(exit_code=0, stopped="", isolation=weak)) == ["note: one id"]
    assert notes(Build(image=None, steps=(), log="", exit_code=0, warnings=("w",), notes=("n",))) == [
        "warning: w",
        "note: n",
    ]
    assert notes(CONTAINER) == []
