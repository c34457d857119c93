from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.dockerfile import shell
from dockmagic.errors import DockerfileError

ENV = {"A": "alpha", "PATHS": "/usr/local/bin", "EMPTY": "", "GAP": " one  two ", "É": "accent"}


def word(text, **options):
    return shell.expand(text, ENV, **options).word


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$A-$A", "alpha-alpha"),
        ("$A1", ""),
        ("${A}1", "alpha1"),
        ("$É", "accent"),
        ("$", "$"),
        ("a$", "a$"),
        ("$/", "$/"),
        ("\\$A", "$A"),
        ("'$A'", "$A"),
        ('"$A"', "alpha"),
        ('"\\$A \\" \\x"', '$A " \\x'),
        ("\"'$A' it's\"", "'alpha' it's"),
        ("a\\", "a"),
        ("$12x", "x"),
        ("$$A", "A"),
        ("${NONE}", ""),
    ],
)
def test_variables_quotes_and_escapes(text, expected):
    assert word(text) == expected


@pytest.mark.parametrize(
    ("name", "minus", "colon_minus", "plus", "colon_plus"),
    [("A", "alpha", "alpha", "w", "w"), ("EMPTY", "", "w", "w", ""), ("NONE", "w", "w", "", "")],
)
def test_conditions(name, minus, colon_minus, plus, colon_plus):
    texts = (f"${{{name}-w}}", f"${{{name}:-w}}", f"${{{name}+w}}", f"${{{name}:+w}}")
    assert tuple(map(word, texts)) == (minus, colon_minus, plus, colon_plus)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("${NONE?}", "NONE: is not allowed to be unset"),
        ("${NONE:?}", "NONE: is not allowed to be unset"),
        ("${EMPTY:?}", "EMPTY: is not allowed to be empty"),
        ("${NONE?because $A}", "NONE: because alpha"),
        ("${", "syntax error: missing '}'"),
        ("${A", "syntax error: missing '}'"),
        ("${A:", "syntax error: missing '}'"),
        ("${A:-b", "syntax error: missing '}'"),
        ("${A/b}", "syntax error: missing '/' in"),
        ("${A/b/c", "syntax error: missing '}'"),
        ("${}", "syntax error: bad substitution"),
        ("${{A}}", "syntax error: bad substitution"),
        ("${A:b}", r"unsupported modifier \(:b\) in substitution"),
        ("${A:}", "syntax error: missing '}'"),
        ("${A:b", "syntax error: missing '}'"),
        ("${A/b/${", "syntax error: missing '}'"),
        ("${A/${", "syntax error: missing '/' in"),
        ("${A:-'b}", "syntax error: missing '}'"),
        ("${A:-${}} x", "syntax error: bad substitution"),
        ("${A=b}", r"unsupported modifier \(=\) in substitution"),
        ("'a", "looking for matching single-quote"),
        ('"a', "looking for matching double-quote"),
        ('"a\\', "looking for matching double-quote"),
        ('${A#"\\$"}', "invalid pattern"),
        ("${A#\\a}", r"invalid escape '\\a'"),
    ],
)
def test_errors_name_the_text_and_the_reason(text, reason):
    with pytest.raises(DockerfileError, match=reason) as caught:
        word(text)
    assert str(caught.value).startswith('failed to process "')
    assert caught.value.location is None


def test_the_text_of_an_error_is_quoted():
    with pytest.raises(DockerfileError, match=r'^failed to process "\\"\\t\$A": unexpected end of statement'):
        word('"\t$A')


def test_set_variables_pass_the_question_mark():
    assert word("${A?}${A:?}${EMPTY?}") == "alphaalpha"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${PATHS#*/}", "usr/local/bin"),
        ("${PATHS##*/}", "bin"),
        ("${PATHS%/*}", "/usr/local"),
        ("${PATHS%%/*}", ""),
        ("${PATHS#none}", "/usr/local/bin"),
        ("${PATHS/\\//:}", ":usr/local/bin"),
        ("${PATHS//\\//:}", ":usr:local:bin"),
        ("${A/a/$EMPTY}", "lpha"),
        ("${A//?/x}", "xxxxx"),
        ("${NONE#x}${NONE/a/b}", ""),
        ("${A%${NONE:-a}}", "alph"),
        ("${A:#al}${A:%a}${PATHS:##*/}", "phaalphbin"),
        ('${A#"al"}${A#"a?"}', "phapha"),
        ('${A#"\\\\a"}', "alpha"),
    ],
)
def test_patterns(text, expected):
    assert word(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a  b", ("a", "b")),
        ("x${GAP}y", ("x", "one", "two", "y")),
        ('x"$GAP"y', ("x one  two y",)),
        ("a\\ b", ("a b",)),
        ("'' \"\"", ()),
        ("$NONE", ()),
    ],
)
def test_words_split_where_nothing_holds_them_together(text, words):
    assert shell.expand(text, ENV).words == words


def test_used_and_missing_variables_are_told():
    result = shell.expand("$A ${NONE:-$EMPTY}", ENV)
    assert (result.matched, result.unmatched) == ({"A", "EMPTY"}, {"NONE"})


def test_the_other_escape_character():
    assert word("`$A \\$A", escape="`") == "$A \\alpha"


def test_in_a_body_quotes_are_letters_and_escapes_work():
    assert word("'$A' \"$A\" \\$A \\\\ it's\n", quotes=False) == "'alpha' \"alpha\" $A \\ it's\n"


@pytest.mark.parametrize(
    "text",
    ["$A" * 300_000, "$N" * 300_000, "${A:-" * 1_000 + "}" * 1_000, "${B//a/$B}", "${B//" + "a?" * 200 + "/}"],
)
def test_bombs_are_refused(text):
    with pytest.raises(DockerfileError):
        shell.expand(text, ENV | {"B": "a" * 500_000})


def test_environment_takes_the_last_of_a_name():
    assert shell.environment(["A=1", "B", "A=2=3", "=x"]) == {"A": "2=3", "B": "", "": "x"}


@given(st.text())
def test_single_quotes_hold_anything(text):
    quoted = "'" + text.replace("'", "'\\''") + "'"
    assert word(quoted) == text


@given(st.text(), st.dictionaries(st.text(), st.text()))
def test_never_another_exception(text, env):
    with contextlib.suppress(DockerfileError):
        shell.expand(text, env)


@given(st.lists(st.text(alphabet="ab $'\"\\{}:-", min_size=1), max_size=5))
def test_escaped_words_come_back(texts):
    escaped = ("".join(f"\\{character}" for character in text) for text in texts)
    assert shell.expand(" ".join(escaped), {}).words == tuple(texts)
