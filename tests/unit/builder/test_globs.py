"""Patterns of filepath.Match: Go's documented rules, its own cases, and no pattern that hangs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.builder.globs import Glob, has_meta
from dockmagic.errors import UsageError


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("abc", "abc", True),
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("*", "abc", True),
        ("*c", "abc", True),
        ("a*", "a", True),
        ("a*", "ab/c", False),
        ("a*/b", "abc/b", True),
        ("a*/b", "a/c/b", False),
        ("a*b*c*d*e*/f", "axbxcxdxexxx/f", True),
        ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", False),
        ("a*b?c*x", "abxbbxdbxebxczzx", True),
        ("a*b?c*x", "abxbbxdbxebxczzy", False),
        ("ab[b-d]", "abc", True),
        ("ab[^b-d]", "abc", False),
        ("ab[^e-g]", "abc", True),
        ("a?b", "a\u263ab", True),
        ("a???b", "a\u263ab", False),
        ("[a-\u03b6]*", "\u03b1", True),
        ("*[a-\u03b6]", "A", False),
        ("a?b", "a/b", False),
        ("*x", "xxx", True),
        ("a\nb*", "a\nbc\n", True),
        ("?", "\udcff", True),
    ],
)
def test_stars_and_question_marks_stay_within_a_name(pattern, name, expected):
    assert Glob(pattern).matches(name) is expected


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        (r"a\*b", "a*b", True),
        (r"a\*b", "ab", False),
        (r"[\]a]", "]", True),
        (r"[\-]", "-", True),
        (r"[x\-]", "z", False),
        (r"[\-x]", "x", True),
        (r"\\", "\\", True),
        ("[*]", "*", True),
        ("[[]x]", "[x]", True),
        ("a]", "a]", True),
        ("[^^]", "^", False),
        ("[z-a]", "m", False),
        ("[^z-a]", "m", True),
        ("[a-cx-z]", "y", True),
    ],
)
def test_a_backslash_and_a_class_take_the_meaning_away(pattern, name, expected):
    assert Glob(pattern).matches(name) is expected


@pytest.mark.parametrize(
    "pattern",
    ["[]a]", "[-]", "[x-]", "[-x]", "\\", "a\\", "[a-b-c]", "[", "[^", "[^bc", "a[", "[a-", "[a-]", "[\\", "x[]"],
)
def test_a_malformed_pattern_is_an_error_whatever_it_is_matched_with(pattern):
    with pytest.raises(UsageError, match="syntax error in pattern"):
        Glob(pattern)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a", False), ("*", True), ("a?", True), ("[a]", True), (r"\*", False), (r"\\*", True), ("]", False), ("", False)],
)
def test_an_escaped_wildcard_is_none(text, expected):
    assert has_meta(text) is expected


@pytest.mark.timeout(20)
def test_no_pattern_takes_exponential_time():
    assert not Glob("*a" * 500 + "b").matches("a" * 4000)
    assert not Glob("[ab]*" * 500 + "c").matches("ab" * 2000)


def _oracle(pattern: str, name: str) -> bool:
    """The rules for stars, question marks and characters, tried one way after the other."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return _oracle(pattern[1:], name) or (bool(name) and name[0] != "/" and _oracle(pattern, name[1:]))
    if not name:
        return False
    fits = name[0] != "/" if pattern[0] == "?" else name[0] == pattern[0]
    return fits and _oracle(pattern[1:], name[1:])


@given(st.text("ab/*?", max_size=8), st.text("ab/", max_size=8))
def test_it_matches_what_trying_every_way_matches(pattern, name):
    assert Glob(pattern).matches(name) is _oracle(pattern, name)


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_text_is_a_pattern_or_a_usage_error(pattern, name):
    try:
        Glob(pattern).matches(name)
    except UsageError as error:
        assert pattern in error.message  # noqa: PT017 - not raising is fine too
