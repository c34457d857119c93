"""``# check=``: what it leaves out, what it adds, what it refuses."""

from __future__ import annotations

import pytest

from dockmagic.dockerfile.lint import Options, lint, parse_options, refusal
from dockmagic.dockerfile.stages import parse_stages
from dockmagic.errors import DockerfileError
from tests.unit.dockerfile.lint.linting import inputs, told

BODY = "FROM a AS Oven\nCMD x\n"
BOTH = ["StageNameCasing", "JSONArgsRecommended"]


def rules(text, **given):
    return [rule for rule, _ in told(text, **given)]


@pytest.mark.parametrize(
    ("directive", "left"),
    [
        ("", BOTH),
        ("# check=skip=StageNameCasing", BOTH[1:]),
        ("#Check = skip=StageNameCasing,JSONArgsRecommended", []),
        ("# check=skip=all", []),
        ("# check=skip=none", BOTH),
        ("# check=skip=stagenamecasing", BOTH),
        ("# check=error=true;skip=all", []),
        ("# syntax=docker/dockerfile:1\n# check=skip=all", []),
        ("#!/usr/bin/env -S docker build -f\n# check=skip=all", []),
        ("# a remark\n# check=skip=all", BOTH[1:]),
        ("\n# check=skip=all", BOTH[1:]),
    ],
)
def test_the_directive_leaves_rules_out(directive, left):
    # One that stands too low is a comment above FROM, and so counts for FROM.
    assert rules(f"{directive}\n{BODY}" if directive else BODY) == left


def test_the_build_argument_stands_in_place_of_the_directive():
    given = {"BUILDKIT_DOCKERFILE_CHECK": "skip=JSONArgsRecommended"}
    assert rules(f"# check=skip=all\n{BODY}", build_args=given) == ["StageNameCasing"]
    assert rules(f"# check=skip=all\n{BODY}", build_args={"BUILDKIT_DOCKERFILE_CHECK": ""}) == BOTH


@pytest.mark.parametrize(
    "comment", ["check=skip=JSONArgsRecommended", "check=skip=all // why", "why\n# CHECK = skip=all"]
)
def test_a_comment_counts_for_its_instruction_alone(comment):
    text = f"FROM a\n# {comment}\nCMD x\nFROM a\nCMD y\n"
    assert told(text) == [("JSONArgsRecommended", text.count("\n"))]


def test_a_comment_with_bad_options_is_a_comment():
    assert rules("FROM a\n# check=skipp=all\nCMD x\n") == ["JSONArgsRecommended"]


def test_a_comment_may_switch_an_experimental_rule_on():
    text = "# check=experimental=all\n# hot\nFROM a AS oven\n"
    assert rules(f"FROM a\n{text}") == ["InvalidDefinitionDescription"]


def test_experimental_rules_go_before_skip():
    text = "# check=skip=all;experimental=InvalidDefinitionDescription\n# hot\nFROM a AS Oven\n"
    assert rules(text) == ["InvalidDefinitionDescription"]


def test_options_may_stand_in_any_order_with_blanks():
    parsed = parse_options(" error = 1 ; experimental=a, b ;skip=c ")
    assert parsed == Options(skip=frozenset({"c"}), experimental=frozenset({"a", "b"}), error=True)
    assert parse_options("  ") == Options()
    # As in docker a fourth part belongs to the third.
    assert parse_options("skip=a;error=true;experimental=b;c=d").experimental == {"b;c=d"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("skip", 'invalid check option "skip"'),
        ("spik=all", 'invalid check option "spik"'),
        ("error=yes", 'failed to parse check option "error=yes"'),
    ],
)
def test_malformed_options_are_refused(text, reason):
    with pytest.raises(DockerfileError, match=reason):
        parse_options(text)


def test_a_malformed_directive_is_an_error_at_its_line():
    stages = parse_stages(f"# syntax=x\n# check=skip\n{BODY}", first_line=5)
    with pytest.raises(DockerfileError, match=r"line 6: .*invalid check option") as caught:
        lint(stages, inputs())
    assert caught.value.location.line == 6


def test_error_true_makes_an_error_of_the_first_warning():
    stages = parse_stages(f"# check=error=true\n{BODY}")
    found = lint(stages, inputs())
    error = refusal(stages, inputs(), found)
    assert str(error).startswith("line 2: lint violation found for rules: JSONArgsRecommended, StageNameCasing")
    assert "2 | FROM a AS Oven" in error.detail
    assert refusal(stages, inputs(), ()) is None
    assert refusal(parse_stages(BODY), inputs(), found) is None
