from __future__ import annotations

import pytest

from dockmagic.dockerfile.lexer.json_form import json_words
from dockmagic.dockerfile.parser import name_values, parse, words
from dockmagic.dockerfile.quoting import quote
from dockmagic.errors import DockerfileError, Location


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("", ()),
        ("  a  b ", ("a", "b")),
        ("a='b c' d", ("a='b c'", "d")),
        ('"a\\" b" c', ('"a\\" b"', "c")),
        ("'a\\' b", ("'a\\'", "b")),
        ("a\\ b c", ("a\\ b", "c")),
        ("a\\", ("a",)),
        ("a \\", ("a",)),
        ("a\\\\", ("a\\\\",)),
        ("'open a b", ("'open a b",)),
        ('"open\\', ('"open',)),
        ("''", ("''",)),
        ("a\u00a0b\x1cc", ("a", "b\x1cc")),
    ],
)
def test_words_keep_quotes_and_escapes(text, cut):
    assert words(text) == cut


def test_words_with_the_other_escape_character():
    assert words("a` b c\\ d", "`") == ("a` b", "c\\", "d")


def test_pairs_in_both_forms():
    assert name_values("a=1 b='2 3'", "ENV") == ("a", "1", "=", "b", "'2 3'", "=")
    assert name_values("a  1 b=2", "ENV") == ("a", "1 b=2", "")
    assert name_values("", "ENV") == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [("a", "LABEL must have two arguments"), ("a=1 b", 'can\'t find = in "b". Must be of the form: name=value')],
)
def test_what_is_no_pair(text, reason):
    with pytest.raises(DockerfileError, match=reason):
        name_values(text, "LABEL")


@pytest.mark.parametrize(
    ("text", "array"),
    [
        ('["a", "b"]', ("a", "b")),
        (" [] ", ()),
        ('["\\ud800"]', ("\ufffd",)),
        ('["a"', None),
        ("['a']", None),
        ('"a"', None),
        ("[NaN]", None),
        ("[" * 100_000, None),
        ("", None),
    ],
)
def test_json_arrays_of_strings(text, array):
    assert json_words(text) == array


@pytest.mark.parametrize("text", ["[1]", "[null]", '["a", ["b"]]', '[{"a": 1}]'])
def test_other_json_arrays_are_errors(text):
    with pytest.raises(DockerfileError, match="arrays must be comprised of strings only"):
        json_words(text)


def test_a_node_keeps_its_text_and_place():
    node = parse("FROM a\n  RUN one \\\n    --two\n").nodes[1]
    assert node.source == "RUN one \\"
    assert node.text == "  RUN one \\\n    --two"
    assert node.location == Location(line=2, end_line=3, column=3)


def test_first_line_shifts_every_line():
    dockerfile = parse("FROM a\nRUN b\\\n\nc\n", first_line=5)
    assert [node.location.line for node in dockerfile.nodes] == [5, 6]
    assert dockerfile.warnings[0].location.line == 8
    with pytest.raises(DockerfileError, match="line 6: ENV must have two arguments") as caught:
        parse("FROM a\nENV b", first_line=5)
    assert caught.value.detail == "6 | ENV b\n  | ^^^^^"


def test_an_unknown_instruction_is_a_node_all_the_same():
    node = parse("COOK a b").nodes[0]
    assert (node.known, node.args) == (False, ())


def test_an_empty_text_is_an_error():
    with pytest.raises(DockerfileError, match="file with no instructions"):
        parse("\ufeff# only a comment\n")


def test_a_line_of_onbuilds_does_not_nest():
    node = parse("FROM a\n" + "ONBUILD " * 8_000 + "RUN a").nodes[1]
    assert node.args[0] == "ONBUILD"


def test_quote_writes_as_go_does():
    assert quote('a"\\\n\t\x00\x7fé\u200b\U000e0001') == '"a\\"\\\\\\n\\t\\x00\\x7fé\\u200b\\U000e0001"'
