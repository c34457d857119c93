from __future__ import annotations

import fnmatch
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.dockerfile.shell.pattern import PatternError, parse_pattern

PATTERNS = st.text(alphabet="ab*?", max_size=8)
VALUES = st.text(alphabet="ab", max_size=12)


def matches(pattern, text):
    return fnmatch.fnmatchcase(text, pattern)


@given(PATTERNS, VALUES, st.booleans())
def test_prefixes_are_the_shortest_and_the_longest(pattern, value, longest):
    fitting = [end for end in range(len(value) + 1) if matches(pattern, value[:end])]
    end = (max if longest else min)(fitting, default=0)
    assert parse_pattern(pattern).trim_start(value, longest=longest) == value[end:]


@given(PATTERNS, VALUES, st.booleans())
def test_suffixes_are_the_shortest_and_the_longest(pattern, value, longest):
    fitting = [begin for begin in range(len(value) + 1) if matches(pattern, value[begin:])]
    begin = (min if longest else max)(fitting, default=len(value))
    assert parse_pattern(pattern).trim_end(value, longest=longest) == value[:begin]


@given(PATTERNS.filter(bool), VALUES)
def test_the_first_match_is_the_leftmost_and_longest(pattern, value):
    spans = [
        (begin, -end)
        for begin in range(len(value) + 1)
        for end in range(begin, len(value) + 1)
        if matches(pattern, value[begin:end])
    ]
    begin, end = min(spans, default=(0, None))
    wanted = value if end is None else f"{value[:begin]}X{value[-end:]}"
    assert parse_pattern(pattern).replace(value, "X", everywhere=False, limit=1000) == wanted


@pytest.mark.parametrize(
    ("pattern", "value", "replaced"),
    [
        ("a", "banana", "b-n-n-"),
        ("an", "banana", "b--a"),
        ("", "ab", "-a-b-"),
        ("*", "ab", "-"),
        ("*", "", "-"),
        ("a?", "aaab", "--"),
        ("\\*", "a*b*", "a-b-"),
        ("\\\\", "a\\b", "a-b"),
        ("x", "ab", "ab"),
    ],
)
def test_replacing_everywhere(pattern, value, replaced):
    assert parse_pattern(pattern).replace(value, "-", everywhere=True, limit=1000) == replaced


@pytest.mark.parametrize("pattern", ["\\", "\\x", "a\\[", "\\\\\\"])
def test_a_backslash_escapes_only_what_needs_it(pattern):
    with pytest.raises(PatternError, match="invalid escape"):
        parse_pattern(pattern)


def test_many_stars_are_fast():
    start = time.monotonic()
    parse_pattern("*a" * 3_000 + "b").trim_start("a" * 200_000, longest=True)
    assert time.monotonic() - start < 60
