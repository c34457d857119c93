"""All rules together: order, places, texts that cannot be read, any text at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.dockerfile.lint import RULES, check
from dockmagic.errors import DockerfileError
from tests.unit.dockerfile.lint.linting import inputs, linted, told

LINES = """\
FROM a
from $b AS C
FROM --platform=$TARGETPLATFORM b
FROM --platform=linux/x/y/z b
AS
ARG b=$c
ENV d $e
ENV d=${e:?}
COPY <<E /
E
$
${x
RUN x \\
\\
CMD x
EXPOSE 1/TCP :2 a:b:c
ONBUILD
ONBUILD COPY $x /
WORKDIR d
LABEL a b
HEALTHCHECK NONE
ADD . /
# check=skip=all
# check=x
"""
ATOMS = st.sampled_from(["\n", "\t", "é\0", *LINES.splitlines()])


def test_warnings_stand_in_the_order_of_lines_then_of_rules():
    text = "from a AS Oven\nCMD x\nMAINTAINER b\n"
    assert told(text) == [
        ("StageNameCasing", 1),
        ("FromAsCasing", 1),
        ("ConsistentInstructionCasing", 1),
        ("JSONArgsRecommended", 2),
        ("MaintainerDeprecated", 3),
    ]


@pytest.mark.parametrize(
    ("text", "excerpt"),
    [
        ("FROM a AS Oven\n", "1 | FROM a AS Oven\n  |           ^^^^"),
        ("FROM a\n  COPY $xy /\n", "2 |   COPY $xy /\n  |         ^^"),
        ("FROM a\nEXPOSE 80/udp 90/TCP\n", "2 | EXPOSE 80/udp 90/TCP\n  |               ^^^^^^"),
        ("FROM a\nCMD x\n", "2 | CMD x\n  | ^^^^^"),
        ("FROM a\nCOPY x \\\n $y /\n", "2 | COPY x \\\n  | ^^^^^^^^"),
    ],
)
def test_carets_point_at_the_words(text, excerpt):
    [warning] = linted(text)
    assert warning.text == excerpt


def test_lines_are_counted_as_the_reader_does():
    [warning] = linted("FROM a\nCMD x\n", first_line=10)
    assert str(warning).startswith("line 11: JSONArgsRecommended: ")
    assert warning.text.startswith("11 | CMD x")


def test_only_what_the_target_needs_is_followed():
    text = "FROM a AS b\nCOPY $x /\nFROM a AS c\nCOPY $y /\nFROM b AS d\n"
    assert told(text, target=None) == [("UndefinedVar", 2), ("UndefinedVar", 4)]
    assert told(text, target="") == [("UndefinedVar", 2)]
    assert told(text, target="c") == [("UndefinedVar", 4)]
    assert told(text, target="none") == told(text, target=None)


def test_a_text_with_a_fault_is_judged_up_to_it():
    report = check("FROM a AS Oven\nMAINTAINER b\nCMD x\nBADCMD\nMAINTAINER c\n", inputs())
    assert [(each.rule, each.line) for each in report.warnings] == [("StageNameCasing", 1), ("MaintainerDeprecated", 2)]
    assert report.error.location.line == 4


@pytest.mark.parametrize("text", ["", "RUN x\n", "# check=x\nFROM a AS Oven\n", "FROM a\nCOPY <<E /\n", "ARG a\n"])
def test_a_text_that_is_no_dockerfile_has_an_error_and_no_warning(text):
    report = check(text, inputs())
    assert isinstance(report.error, DockerfileError)
    assert report.warnings == ()


def test_a_warning_carries_what_docker_says_of_it():
    [warning] = linted("FROM a\nCMD x\n")
    assert warning.level == 1
    assert warning.url == "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/"
    assert warning.page == "rules/json-args-recommended.md"


def test_rules_are_told_apart_by_name_and_page():
    assert len({rule.name for rule in RULES}) == len({rule.page for rule in RULES}) == len(RULES) == 22


def test_thousands_of_unset_variables_are_told_without_comparing_all_names():
    text = "FROM a\n" + "".join(f"ENV name{number}=$other{number}\n" for number in range(3000))
    assert len(linted(text)) == 3000


@given(st.lists(ATOMS, max_size=12).map("\n".join) | st.lists(ATOMS, max_size=8).map(" ".join))
def test_any_text_gives_warnings_or_an_error(text):
    report = check(text, inputs(is_name=str.isalpha, ignored=str.isalpha))
    lines = text.count("\n") + 1
    assert all(1 <= warning.line <= lines and warning.text for warning in report.warnings)
    assert report.error is None or isinstance(report.error, DockerfileError)


@given(st.text(max_size=200).map("FROM a\n{}".format))
def test_no_text_makes_the_linter_fail(text):
    check(text, inputs())
