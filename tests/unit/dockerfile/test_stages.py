from __future__ import annotations

import pytest

from dockmagic.dockerfile import instructions
from dockmagic.dockerfile.stages import parse_stages
from dockmagic.errors import DockerfileError

TEXT = """\
# escape=`
ARG BASE=flour
ARG KIND
FROM $BASE AS Dough
ENV A=1
FROM dough AS bread
COPY --from=0 /a /b
RUN --mount=from=oven,target=/o true
FROM stone AS oven
FROM bread
"""


def names(stages):
    return [stage.title for stage in stages]


def test_stages_with_their_instructions():
    stages = parse_stages(TEXT)
    assert names(stages.stages) == ["dough", "bread", "oven", "stage-3"]
    assert [len(stage.instructions) for stage in stages.stages] == [1, 2, 0, 0]
    assert [stage.location.line for stage in stages.stages] == [4, 6, 9, 10]
    assert [arg.definitions[0].name for arg in stages.global_args] == ["BASE", "KIND"]
    assert (stages.escape, stages.directives[0].name) == ("`", "escape")


@pytest.mark.parametrize(
    ("name", "index"),
    [(None, 3), ("", 3), ("bread", 1), ("BREAD", 1), ("0", 0), ("2", 2)],
)
def test_target_by_name_number_or_the_last(name, index):
    assert parse_stages(TEXT).target(name).index == index


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bred", 'target stage "bred" could not be found (did you mean bread?)'),
        ("cake", 'target stage "cake" could not be found'),
        ("4", 'target stage "4" could not be found'),
    ],
)
def test_unknown_target(name, reason):
    with pytest.raises(DockerfileError) as caught:
        parse_stages(TEXT).target(name)
    assert str(caught.value) == reason


def test_order_holds_only_what_is_needed_and_needs_first():
    stages = parse_stages(TEXT)
    assert names(stages.order(stages.target("bread"))) == ["dough", "oven", "bread"]
    assert names(stages.order(stages.target())) == ["dough", "oven", "bread", "stage-3"]
    assert names(stages.order(stages.target("oven"))) == ["oven"]


def test_a_base_is_a_stage_only_if_it_stands_before():
    stages = parse_stages("FROM late\nFROM x AS late\nFROM late AS late\n")
    assert [len(stages.needs(stage)) for stage in stages.stages] == [0, 0, 1]


def test_the_last_of_a_name_counts():
    stages = parse_stages("FROM a AS x\nFROM b AS x\nFROM c\nCOPY --from=X / /\n")
    assert stages.needs(stages.target())[0][0].base == "b"


def test_from_names_an_image_where_no_stage_has_the_name():
    stages = parse_stages("FROM a\nCOPY --from=busybox / /\n")
    assert stages.source("busybox") is None
    assert stages.needs(stages.target()) == ()


def test_a_number_without_stage_is_an_error():
    with pytest.raises(DockerfileError, match="line 2: invalid stage index 7"):
        parse_stages("FROM a\nCOPY --from=7 / /\n")


def test_variables_in_from_are_replaced_by_the_caller():
    stages = parse_stages("ARG B=x\nFROM a AS x\nFROM $B\n")
    assert names(stages.order(stages.target())) == ["stage-1"]
    replaced = stages.with_bases([("a", ""), ("x", "linux/amd64")])
    assert names(replaced.order(replaced.target())) == ["x", "stage-1"]
    assert replaced.target().platform == "linux/amd64"
    assert stages.target().base == "$B"


def test_a_circle_that_only_variables_close():
    stages = parse_stages("FROM a AS x\nCOPY --from=y / /\nFROM $B AS y\n")
    with pytest.raises(DockerfileError, match="circular dependency detected on stage: x") as caught:
        stages.with_bases([("a", ""), ("x", "")])
    assert caught.value.detail


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("FROM a AS x\nCOPY --from=x / /", "x"),
        ("FROM a\nCOPY --from=0 / /", "stage-0"),
        ("FROM a AS x\nCOPY --from=z / /\nFROM x AS y\nFROM a AS z\nRUN --mount=from=y,target=/y ls", "x"),
    ],
)
def test_circles(text, stage):
    with pytest.raises(DockerfileError, match=f"circular dependency detected on stage: {stage}$"):
        parse_stages(text)


def test_expansion_errors_get_their_excerpt_from_the_stages():
    stages = parse_stages("FROM a\nWORKDIR ${X?}\n", first_line=3)
    with pytest.raises(DockerfileError, match=r"^line 4: ") as caught, stages.excerpts():
        instructions.expand(stages.target().instructions[0], {}, stages.escape)
    assert caught.value.detail.startswith("4 | WORKDIR ${X?}\n")


def test_the_same_stage_may_be_needed_twice():
    text = "FROM a AS x\nFROM x AS y\nCOPY --from=x / /\nFROM y\nCOPY --from=x / /\nCOPY --from=y / /"
    stages = parse_stages(text)
    assert names(stages.order(stages.target())) == ["x", "y", "stage-2"]


def test_thousands_of_stages():
    text = "FROM a AS s0\n" + "".join(f"FROM s{index} AS s{index + 1}\n" for index in range(5_000))
    stages = parse_stages(text)
    assert len(stages.order(stages.target())) == 5_001
