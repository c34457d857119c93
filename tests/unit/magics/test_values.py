from __future__ import annotations

import pytest

from dockmagic.magics import values


@pytest.mark.parametrize(
    ("text", "expected"),
    [("20s", 20), ("1m30s", 90), ("500ms", 0.5), ("2", 2), ("1.5", 1.5), ("1h", 3600), (".5s", 0.5)],
)
def test_a_duration_is_read_as_go_and_podman_write_it(text, expected):
    assert values.seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "s", "20x", "-1s", "0", "0s", "1 s", "s20", "twenty", "1..2s"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match=r"duration|more than nothing"):
        values.seconds(text)


def test_variables_of_files_come_before_words_and_a_later_one_wins():
    environ = {"FROM_ENV": "from env"}
    files = ["A=file\nFROM_ENV\nUNSET\n# comment\n\n  B=b\r\n", "C='quoted'"]
    assert values.environment(files, ["A=word", "UNSET", "FROM_ENV"], environ) == {
        "A": "word",
        "FROM_ENV": "from env",
        "B": "b",
        "C": "'quoted'",
    }


@pytest.mark.parametrize("text", ["=a", "=", ""])
def test_a_variable_needs_a_name(text):
    with pytest.raises(ValueError, match="invalid environment variable"):
        values.named(text)


@pytest.mark.parametrize("text", ["a b=c", "=c"])
def test_a_bad_line_of_a_file_is_named(text):
    with pytest.raises(ValueError, match="line 2"):
        values.environment_file(f"A=b\n{text}\n", {})


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("1", True), ("F", False), ("False", False)])
def test_a_flag_takes_dockers_spellings(text, expected):
    assert values.truth(text) is expected


def test_a_variable_is_an_identifier():
    assert values.variable("out") == "out"
    with pytest.raises(ValueError, match="variable"):
        values.variable("my-out")
