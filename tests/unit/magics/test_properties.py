from __future__ import annotations

import contextlib
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.errors import UsageError
from dockmagic.magics import cell, grammar
from dockmagic.magics.braces import fill

LINES = st.lists(
    st.sampled_from(
        [
            "FROM a",
            "COPY <<EOF /x",
            "EOF",
            "---",
            "--- ",
            "# dockmagic: -q",
            "# syntax=x",
            "#!/bin/sh",
            "RUN a \\",
            "",
            "\t---",
            "RUN <<-A",
            "A",
        ]
    ),
    max_size=12,
).map("\n".join)


@given(st.text())
def test_doubled_braces_give_the_text_back(text):
    assert fill(text.replace("{", "{{").replace("}", "}}"), {}) == text


@given(st.text(alphabet="{}ab!:'\"[]. ", max_size=12))
def test_a_word_is_filled_or_refused(text):
    with contextlib.suppress(UsageError):
        assert isinstance(fill(text, {"a": 1}), str)


@given(LINES)
def test_taking_options_out_moves_no_line_below_the_comments(body):
    taken = cell.without_options(body)
    before, after = body.split("\n"), taken.text.split("\n")
    assert len(before) == len(after)
    top = next((i for i, line in enumerate(before) if not line.startswith("#")), len(before))
    assert before[top:] == after[top:]


@given(LINES)
def test_cutting_loses_nothing(body):
    parts = cell.split(body)
    if parts.script is None:
        assert parts.dockerfile == body
    else:
        line = body.split("\n")[parts.line - 1]
        assert line.rstrip() == "---"
        assert f"{parts.dockerfile}{line}\n{parts.script}" in {body, f"{body}\n"}
        assert cell.split(parts.dockerfile).script is None


@given(st.lists(st.text(max_size=8), max_size=4))
def test_quoted_words_reach_the_script_as_they_are(words):
    quoted = " ".join(map(shlex.quote, words))
    command = grammar.parse(f"run image -- {quoted}", fill=str, cell=True)
    assert command.arguments == tuple(words)


@given(st.text(max_size=40))
def test_any_line_is_a_command_or_a_usage_error(line):
    for form in (True, False):
        with contextlib.suppress(UsageError):
            grammar.parse(line, fill=str, cell=form)


@pytest.mark.parametrize(
    ("line", "operands", "arguments"),
    [
        ("run image --", ("image",), ()),
        ("run -- image x", ("image",), ("x",)),
        ("run - x", ("-",), ("x",)),
        ("--", (), ()),
    ],
)
def test_dashes_alone(line, operands, arguments):
    command = grammar.parse(line, fill=str, cell=True)
    assert (command.operands, command.arguments) == (operands, arguments)
