from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.lab.diagnostics import diagnose
from dockmagic.magics.dockerfile_part import dockerfile_part


def found(cell: str):
    return diagnose(cell, dockerfile_part(cell))


def test_an_unknown_instruction_is_an_error_at_its_place_in_the_cell():
    (told,) = found("%%container build -t x\nFROM localhost/base\nRUM true\n")
    assert (told["severity"], told["rule"]) == ("error", "parse")
    assert told["from"] == {"line": 2, "column": 0}
    assert told["to"]["line"] == 2
    assert told["to"]["column"] >= 3
    assert "RUM" in told["message"]


def test_warnings_of_the_linter_are_told_with_their_rule():
    told = found("%%container\nFROM localhost/base as x\nMAINTAINER me\n")
    assert {(each["rule"], each["severity"], each["from"]["line"]) for each in told} >= {
        ("FromAsCasing", "warning", 1),
        ("MaintainerDeprecated", "warning", 2),
    }


def test_a_kept_line_number_counts_option_lines_and_empty_lines_above():
    (told,) = found("\n%%container -t x\n# dockmagic: -p 8080:80\n\nFROM localhost/base\nRUM x")
    assert told["from"]["line"] == 5


def test_the_script_below_the_line_is_no_dockerfile():
    assert found("%%container\nFROM localhost/base\n---\nRUM true\n") == []


def test_columns_count_utf16_units():
    (word,) = found('%%container\nFROM localhost/base\nENV 🍞="x" 🍞\n')
    assert (word["from"]["column"], word["to"]["column"]) == (11, 13)
    (flag,) = found("%%container\nFROM localhost/base\nRUN --🍞=x true\n")
    assert (flag["from"]["column"], flag["to"]["column"]) == (4, 8)


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "print(1)",
        "%%bash\nRUM",
        "%%container run x\nRUM",
        "%%container exec x\nRUM",
        "%%containers\nRUM",
        "%%container",
        "%%container build\n\n",
    ],
)
def test_a_cell_without_a_dockerfile_has_no_problems(cell):
    assert found(cell) == []


@given(st.text(max_size=200))
def test_any_text_is_diagnosed_within_its_lines(text):
    cell = f"%%container\n{text}"
    lines = cell.split("\n")
    for told in found(cell):
        for end in (told["from"], told["to"]):
            assert 0 <= end["line"] < len(lines)
            assert 0 <= end["column"] <= len(lines[end["line"]].encode("utf-16-le", "surrogatepass")) // 2
        assert (told["from"]["line"], told["from"]["column"]) <= (told["to"]["line"], told["to"]["column"])
