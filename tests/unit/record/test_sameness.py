"""What may differ between machines and runs never reaches ``data``."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dockmagic.changes import ChangedPath
from dockmagic.errors import BuildError
from dockmagic.record.bundle import bundle
from dockmagic.results import Build, Container, Diff, Health, HistoryEntry, Image, Isolation, Layer, Row, Run, Step
from tests.unit.record import generated as g
from tests.unit.record.given import changed

# For each value: fields that differ between machines and runs, with what else they can be. Fields that vary only in
# some cases (a RUN layer's size) are written as such in ``vary``.
VARYING = {
    Layer: {"diff_id": g.DIGESTS, "digest": g.DIGESTS},
    HistoryEntry: {"created_by": g.TEXTS, "created": g.TEXTS, "comment": g.TEXTS},
    Image: {
        "id": g.DIGESTS,
        "digest": g.DIGESTS,
        "tags": g.tuples(g.NAMES),
        "notes": g.tuples(g.TEXTS),
        "shared": st.booleans(),
    },
    Step: {"cached": st.booleans(), "reason": g.TEXTS, "seconds": g.SECONDS, "network": st.just("private")},
    Row: {},
    Build: {
        "log": g.TEXTS,
        "notes": g.tuples(g.TEXTS),
        "seconds": g.SECONDS,
        "images": st.dictionaries(st.just("linux/arm64"), g.IMAGES, max_size=1),
    },
    Container: {
        "id": g.HEX,
        "image_id": g.DIGESTS,
        "command": g.tuples(g.TEXTS),
        "health": st.none() | st.builds(Health, status=g.TEXTS, failing_streak=g.COUNTS),
        "paused": st.booleans(),
    },
    ChangedPath: {"size": st.none() | g.COUNTS, "note": g.TEXTS},
    Isolation: {
        "tier": st.just("T1"),
        "ids": st.just("single"),
        "network": st.just("host"),
        "network_by": st.just("pasta"),
        "notes": g.tuples(g.TEXTS),
        "limits": st.just({"pids": "watchdog"}),
    },
    Run: {
        "stdout": g.TEXTS,
        "stderr": g.TEXTS,
        "output": g.TEXTS,
        "seconds": g.SECONDS,
        "files": st.dictionaries(g.NAMES, st.binary(max_size=8), max_size=2),
    },
    Diff: {},
}
# Fields that the record tells, or that say what kind of record it is.
TOLD = {
    Layer: {"size", "files", "instruction", "changes", "host_made", "volatile"},
    HistoryEntry: {"instruction", "layer"},
    Image: {"names", "layers", "config", "entries"},
    Step: {"instruction", "line", "layer", "stage"},
    Row: {"instruction", "line", "kind", "layer", "failed", "done"},
    Build: {"image", "steps", "exit_code", "error", "rows", "warnings"},
    Container: {"name", "status", "image", "changes", "exit_code", "stopped", "detached", "log_path", "config"},
    ChangedPath: {"path", "kind"},
    Isolation: set(),
    Run: {
        "exit_code", "stopped", "error", "changes", "paths", "isolation", "container", "image", "build", "verb", "kept",
    },
    Diff: {"changes", "paths"},
}  # fmt: skip


@pytest.mark.parametrize("kind", VARYING, ids=lambda kind: kind.__name__)
def test_every_field_is_either_told_or_known_to_vary(kind):
    names = {field.name for field in dataclasses.fields(kind)}
    assert names == set(VARYING[kind]) | TOLD[kind]


class Varied:
    """The same result from another machine: each layer is varied once, wherever it is named."""

    def __init__(self, data):
        self.data = data
        self.known = {}

    def __call__(self, value):
        if isinstance(value, tuple):
            return tuple(self(inner) for inner in value)
        if type(value) not in VARYING:
            return value
        if id(value) not in self.known:
            self.known[id(value)] = value, self.varied(value)
        return self.known[id(value)][1]

    def varied(self, value):
        names = [field.name for field in dataclasses.fields(value)]
        other = dataclasses.replace(value, **{name: self(getattr(value, name)) for name in names})
        drawn = {name: self.data.draw(strategy) for name, strategy in VARYING[type(value)].items()}
        return dataclasses.replace(other, **drawn, **self.sometimes(other))

    def sometimes(self, value):
        draw = self.data.draw
        match value:
            case Layer(host_made=True) | Layer(volatile=True):
                return {"size": draw(g.COUNTS), "files": draw(g.COUNTS), "changes": draw(g.CHANGES)}
            case Container():
                return {"changes": changed(value.changes, draw(g.COUNTS))}
            case Image():
                return {"config": {**value.config, "created": draw(g.TEXTS)}}
            case Run(stopped=str(stopped)) if stopped:
                return {"exit_code": draw(st.integers(0, 255))}
            case Run():
                return {"changes": dict(reversed(value.changes.items())), "paths": value.paths[::-1]}
            case Build(error=BuildError() as error):
                again = BuildError(draw(g.TEXTS), line=error.line, log=draw(g.TEXTS), container=draw(g.TEXTS))
                return {"error": again}
            case _:
                return {}


@given(g.RESULTS, st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_data_is_the_same_when_only_machines_and_runs_differ(result, data):
    other = Varied(data)(result)
    first, again = bundle(result, key="one")[0], bundle(other, key="two")[0]
    assert json.dumps(first) == json.dumps(again)


def test_names_that_only_the_store_knows_are_left_out_of_a_run():
    image = Image(id="sha256:" + "a" * 64, tags=("bread:1", "other:2"), layers=(), config={}, digest="", entries=())
    ended = Container(id="1" * 64, name="bread-1-0000", status="exited", image_id=image.id, image="bread:1")
    data, metadata = bundle(Run(exit_code=0, stopped="", container=ended, image=image))
    assert "other" not in json.dumps(data)
    assert "bread-1-0000" not in json.dumps(data)
    assert "other:2" in json.dumps(metadata)


@pytest.mark.parametrize("name", ["sha256:" + "a" * 64, "a" * 12, "aaaa"])
def test_an_id_is_no_name(name):
    ended = Container(id="1" * 64, name="kept", status="exited", image_id="sha256:" + "a" * 64, image=name, exit_code=0)
    assert "aaaa" not in json.dumps(bundle(ended)[0])


def test_names_of_a_build_are_those_of_its_cell():
    image = Image(id="sha256:" + "a" * 64, tags=("demo:1", "other:2"), layers=(), config={}, digest="", entries=())
    data, _ = bundle(Build(image=image, steps=(), log="", exit_code=0), names=("demo:1",))
    assert "demo:1" in data["text/plain"]
    assert "other" not in json.dumps(data)


def test_names_that_only_the_store_knows_are_left_out_of_an_image():
    image = Image(
        id="sha256:" + "a" * 64,
        tags=("bread:1", "other:2"),
        names=("bread:1",),
        layers=(),
        config={},
        digest="",
        entries=(),
    )
    for result in (image, Build(image=image, steps=(), log="", exit_code=0)):
        data, metadata = bundle(result)
        assert "bread:1" in data["text/plain"]
        assert "other" not in json.dumps(data)
        assert "other:2" in json.dumps(metadata)
