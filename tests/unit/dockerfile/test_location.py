from __future__ import annotations

import pytest

from dockmagic.dockerfile.instructions.expansion import expand
from dockmagic.dockerfile.location import WIDTH, excerpt, excerpts, fault, located, reason_of
from dockmagic.dockerfile.stages import parse_stages
from dockmagic.errors import DockerfileError, Location

TEXT = "FROM a\n\tCOPY --chwon=b c d\nRUN x\n"


def test_caret_stands_below_the_span_and_keeps_tabs():
    location = Location(line=2, end_line=2, column=7, end_column=14)
    assert excerpt(TEXT, location) == "2 | \tCOPY --chwon=b c d\n  | \t     ^^^^^^^"


def test_a_span_without_end_reaches_to_the_end_of_the_line():
    assert excerpt(TEXT, Location(line=3, end_line=3)) == "3 | RUN x\n  | ^^^^^"


def test_a_span_of_several_lines_is_marked_on_its_first():
    assert excerpt(TEXT, Location(line=1, end_line=3, end_column=2)) == "1 | FROM a\n  | ^^^^^^"


def test_numbers_follow_the_readers_lines():
    assert excerpt(TEXT, Location(line=12, end_line=12), first_line=10) == "12 | RUN x\n   | ^^^^^"


def test_a_long_line_is_cut_around_the_span():
    text = "RUN " + "a" * 300 + "FAULT" + "b" * 300
    shown, carets = excerpt(text, Location(line=1, end_line=1, column=305, end_column=310)).split("\n")
    assert len(shown) <= WIDTH + len("1 | ......")
    assert shown[carets.index("^") : carets.rindex("^") + 1] == "FAULT"


def test_what_does_not_print_is_shown_as_a_question_mark():
    assert excerpt("RUN \x1b[31m\0", Location(line=1, end_line=1)).startswith("1 | RUN ?[31m?\n")


@pytest.mark.parametrize("line", [0, 5, 99])
def test_no_excerpt_of_a_line_that_is_not_there(line):
    assert excerpt(TEXT, Location(line=line, end_line=line)) == ""


def test_the_caret_of_an_empty_line_is_one_character_wide():
    assert excerpt("\n", Location(line=1, end_line=1)) == "1 | \n  | ^"


def test_fault_names_the_line_and_reason_of_takes_it_away():
    error = fault("no such thing", Location(line=7, end_line=7))
    assert str(error) == "line 7: no such thing"
    assert reason_of(error) == "no such thing"


def test_an_endless_reason_is_cut():
    assert len(str(fault("x" * 10_000))) < 500


def test_located_gives_a_place_only_to_errors_that_have_none():
    outer, inner = Location(line=1, end_line=1), Location(line=2, end_line=2)
    with pytest.raises(DockerfileError, match="line 1: a") as caught, located(outer):
        raise DockerfileError("a")
    assert caught.value.location == outer
    with pytest.raises(DockerfileError, match="line 2: b"), located(outer):
        raise fault("b", inner)


def test_excerpts_are_detail_never_text():
    with pytest.raises(DockerfileError) as caught, excerpts(TEXT):
        raise fault("bad", Location(line=3, end_line=3))
    assert str(caught.value) == "line 3: bad"
    assert caught.value.detail == "3 | RUN x\n  | ^^^^^"


def expanded(text):
    with excerpts(text):
        return [expand(instruction, {}) for instruction in parse_stages(text).stages[0].instructions]


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("COPY \\\n  --chwon=a b c\n", "  --chwon=a b c\n  ^^^^^^^"),
        ("ENV A=1 \\\n    B=2 \\\n    C\n", "    C\n    ^"),
        ("ENV C=1 \\\n    C\n", "    C\n    ^"),
        ("LABEL a=b \\\n# c\n   c=${D?bad}\n", "   c=${D?bad}\n     ^^^"),
        (
            "RUN --mount=type=bind,target=/x \\\n  --mount=type=nope true\n",
            "  --mount=type=nope true\n               ^^^^",
        ),
        ("HEALTHCHECK --interval=1s \\\n  --timeout=x CMD true\n", "  --timeout=x CMD true\n            ^"),
        ("COPY <<EOF /a\nx $B ${C?bad}\nEOF\n", "x $B ${C?bad}\n     ^^^"),
        ("WORKDIR /a\\\n/${X:^}\n", "/${X:^}\n    ^^"),
        ("SHELL \\\n x\n", "SHELL \\\n^^^^^^^"),
    ],
)
def test_the_caret_stands_below_the_words_that_the_error_names(text, marked):
    with pytest.raises(DockerfileError) as caught:
        expanded(f"FROM scratch\n{text}")
    gutter = f"{caught.value.location.line} | "
    shown, caret = caught.value.detail.split("\n")
    assert f"{shown.removeprefix(gutter)}\n{caret[len(gutter) :]}" == marked
    assert str(caught.value).startswith(f"line {caught.value.location.line}: ")
