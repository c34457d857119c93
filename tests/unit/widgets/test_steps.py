from __future__ import annotations

from functools import reduce

from dockmagic.errors import BuildError
from dockmagic.events import (
    BuildFinished,
    LayerProgress,
    LayerPulled,
    PullStarted,
    StepFinished,
    StepOutput,
    StepStarted,
)
from dockmagic.results import Build, Row, Step
from dockmagic.widgets import steps
from dockmagic.widgets.steps import Progress


def progress(*events):
    return reduce(Progress.after, events, Progress(title="bread:1")).to_json()


def started(index: int, instruction: str = "RUN x") -> StepStarted:
    return StepStarted(index=index, total=3, stage="", instruction=instruction, line=index + 1)


def finished(index: int, *, cached: bool = False, reason: str = "") -> StepFinished:
    return StepFinished(index=index, diff_id="", cached=cached, reason=reason, seconds=1.5)


def output(index: int, data: bytes) -> StepOutput:
    return StepOutput(index=index, stream="stdout", data=data)


def test_a_build_that_goes_on_tells_its_steps_and_how_many_wait():
    told = progress(started(0), finished(0, cached=True), started(1), output(1, b"one\ntwo"))
    assert [row["state"] for row in told["rows"]] == ["cached", "running"]
    assert told["rows"][1]["log"] == {"tail": ["one", "two"], "count": 2}
    assert (told["waiting"], told["cached"], told["running"]) == (1, 1, True)


def test_a_finished_step_keeps_its_reason_and_time_and_folds_its_output():
    told = progress(
        started(0), output(0, b"x\n" * 9), finished(0, reason="content changed"), BuildFinished(image_id="", tags=())
    )
    assert told["rows"][0] | {"line": 0} == {
        "line": 0,
        "instruction": "RUN x",
        "kind": "step",
        "state": "done",
        "reason": "content changed",
        "ms": 1500,
        "log": {"tail": [], "count": 0},
    }
    assert not told["running"]


def test_only_the_last_lines_are_sent_and_a_flood_is_counted_not_kept():
    told = progress(started(0), *[output(0, b"y" * 99 + b"\n")] * 20_000)
    assert len(told["rows"][0]["log"]["tail"]) == 5
    assert told["rows"][0]["log"]["count"] == 20_000


def test_control_characters_of_output_and_instructions_are_visible():
    told = progress(started(0, "RUN \u202eevil"), output(0, b"\x1b[2Jcleared\x07\n50%\r100%\n"))
    assert told["rows"][0]["instruction"] == "RUN \\u202eevil"
    assert told["rows"][0]["log"]["tail"] == ["\\x1b[2Jcleared\\x07", "100%"]


def test_bytes_of_a_pull_are_summed_and_present_layers_cost_nothing():
    told = progress(
        PullStarted(name="alpine:3.20", digest="sha256:1", layers=(("a", 100), ("b", 50))),
        LayerProgress(digest="a", done=40, total=100),
        LayerPulled(digest="b", size=50, present=True),
    )
    assert told["transfers"] == [
        {"verb": "pull", "name": "alpine:3.20", "layers": 2, "present": 1, "done": 40, "total": 100}
    ]


def test_an_event_of_a_step_that_never_began_changes_nothing():
    assert progress(output(7, b"x"), finished(7)) == progress()


BUILD = Build(
    image=None,
    steps=(Step(instruction="RUN one", line=2, cached=True, reason="", seconds=0.1),),
    log="[1/3] FROM base\n[2/3] RUN one\n[9/9] not a header\n[3/3] RUN two\nworking\nfailed\x1b\n",
    exit_code=2,
    error=BuildError(
        "line 3: RUN failed with exit code 2", line=3, container="failed-1", exit_code=2, detail="3 | RUN two\n  | ^^^"
    ),
    rows=(
        Row(instruction="FROM base", line=1, kind="from"),
        Row(instruction="RUN one", line=2, kind="step"),
        Row(instruction="RUN two", line=3, kind="step", failed=True, done=False),
        Row(instruction="CMD x", line=4, kind="setting", done=False),
    ),
)


def test_a_build_that_is_over_tells_what_each_step_did_and_how_it_failed():
    told = steps.of_build(BUILD)
    assert [row["state"] for row in told["rows"]] == ["done", "cached", "failed", "not run"]
    assert told["rows"][2]["log"] == {"tail": ["working", "failed\\x1b"], "count": 2}
    assert told["error"]["detail"] == ["3 | RUN two", "  | ^^^"]
    assert (told["error"]["container"], told["error"]["exit_code"]) == ("failed-1", 2)


def test_the_log_is_cut_at_the_headers_that_dockmagic_wrote():
    logs = steps.step_logs(BUILD)
    assert logs == {0: [], 1: ["[9/9] not a header"], 2: ["working", "failed\\x1b"]}
    assert steps.page(["x"] * 3000)["left_out"] == 1000
