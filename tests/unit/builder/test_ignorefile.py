"""Patterns of .dockerignore: the file's lines, what they match, and what a walk makes of them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.builder.ignorefile import Ignore, clean, read
from dockmagic.errors import UsageError


def _walked(patterns: list[str], path: str) -> bool:
    """The verdict of a walk from the top down to ``path``."""
    verdict = None
    parts = path.split("/")
    ignore = Ignore(patterns)
    for count in range(1, len(parts) + 1):
        verdict = ignore.verdict("/".join(parts[:count]), verdict)
    assert verdict is not None
    return verdict.excluded


@pytest.mark.parametrize(
    ("text", "patterns"),
    [
        ("", []),
        ("\n \n\t\n", []),
        ("\ufeffa\nb", ["a", "b"]),
        ("\ufeff# comment\nb", ["b"]),
        ("a\n\ufeffb", ["a", "\ufeffb"]),
        ("# comment\n #name\na # b", ["#name", "a # b"]),
        ("  a  \r\nb\r\n", ["a", "b"]),
        ("/a\n/\n//b\n./c\nd/\ne/../f\n../g", ["a", "/", "b", "c", "d", "f", "../g"]),
        ("! /inverted/abs/path\n!\n! \n!./a/", ["!inverted/abs/path", "!", "!", "!a"]),
        ("a\x1c\n\u3000b\u00a0", ["a\x1c", "b"]),
        ("a\rb\x0bc", ["a\rb\x0bc"]),
    ],
)
def test_lines_are_trimmed_cleaned_and_made_relative(text, patterns):
    assert list(read(text)) == patterns


@pytest.mark.parametrize(
    ("path", "expected"),
    [("", "."), (".", "."), ("a//b/./c/..", "a/b"), ("//a", "/a"), ("/..", "/"), ("../a", "../a"), ("a/..", ".")],
)
def test_clean_gives_the_shortest_path(path, expected):
    assert clean(path) == expected


@pytest.mark.parametrize(
    ("pattern", "path", "excluded"),
    [
        ("**", "dir/file", True),
        ("**/", "file", True),
        ("**/**", "dir/file", True),
        ("dir/**", "dir/dir2/file", True),
        ("dir/**", "dir", False),
        ("**/dir", "dir/file", True),
        ("**/dir2/*", "dir/dir2/file", True),
        ("**/dir2/**", "dir/dir2/dir3/file", True),
        ("**file", "dir/some-file", True),
        ("**/file", "dir/some-file", False),
        ("**/file*.txt*", "dir/dir/file.txt", True),
        ("**/**/*.txt", "file.txt", True),
        ("a**/*.txt", "a/dir/dir/file.txt", True),
        ("a**b", "axb", False),
        ("a/*.txt", "a/dir/file.txt", False),
        ("a/*.txt**", "a/file.txt", True),
        ("a[^b-d]e", "aze", True),
        (".*", "foo", False),
        ("abc.def", "abcZdef", False),
        ("**/.foo", "bar.foo", False),
        ("a(b)c/def", "a(b)c/def", True),
        ("a.|)$(}+{bc", "a.|)$(}+{bc", True),
        ("a^b$", "a^b$", True),
        ("a^*", "a^b", True),
        (r"a\*b", "a*b", True),
        (r"a\\", "a\\", True),
        (r"a\d", "a5", False),
        ("[*]", "*", True),
        ("docs", "docs/a/b/c", True),
        ("docs/*/c", "docs/b/c/d", True),
        ("*", "a/b", True),
        ("*", ".", False),
        ("a", "./a/", True),
        ("/a", "a", False),
        (" a ", "a", True),
        ("\udcff*", "\udcffx", True),
    ],
)
def test_a_path_is_excluded_by_itself_or_a_directory_above(pattern, path, excluded):
    assert Ignore([pattern]).excludes(path) is excluded
    if clean(path) != ".":
        assert _walked([pattern], clean(path)) is excluded


@pytest.mark.parametrize(
    ("patterns", "path", "excluded"),
    [
        (["!a.go", "*.go"], "a.go", True),
        (["*.go", "!a.go"], "a.go", False),
        (["docs", "!docs/README.md"], "docs/README.md", False),
        (["docs", "!docs/README.md"], "docs/other", True),
        (["**", "!util/docker/web"], "util/docker/web/foo", False),
        (["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo", True),
        (["*", "test*", "!test2*", "subdir", "!*/sub1*"], "subdir/sub1.txt", False),
        (["*", "test*", "!test2*", "subdir", "!*/sub1*"], "subdir/sub2.txt", True),
        (["*", "!*.md", "README*.md", "!README-x.md"], "README-x.md", False),
    ],
)
def test_the_last_pattern_that_matches_decides(patterns, path, excluded):
    assert Ignore(patterns).excludes(path) is excluded
    assert _walked(patterns, path) is excluded


def test_a_walk_does_not_hold_a_pattern_against_a_path_that_it_had_nothing_to_decide_for_above():
    patterns = ["a", "!a/b", "a"]
    assert Ignore(patterns).excludes("a/b")
    assert not _walked(patterns, "a/b")


@pytest.mark.parametrize(
    ("patterns", "directory", "expected"),
    [
        (["docs"], "docs", False),
        (["docs", "!docs/README.md"], "docs", True),
        (["docs", "!docs"], "docs", True),
        (["docs", "!docs/**"], "docs/a", False),
        (["docs", "!other/README.md"], "docs", False),
        (["doc", "!docs/README.md"], "doc", False),
        (["docs", "!**/README.md"], "docs", True),
    ],
)
def test_an_excluded_directory_is_walked_where_something_in_it_may_come_back(patterns, directory, expected):
    assert Ignore(patterns).may_bring_back(directory) is expected


@pytest.mark.parametrize("pattern", ["[", "a[", "[]a]", "\\", "![x", "[Local-Only]/", "[b-a]"])
def test_a_malformed_pattern_is_refused(pattern):
    with pytest.raises(UsageError, match="syntax error in pattern"):
        Ignore([pattern])


def test_a_lone_exclamation_mark_is_refused():
    with pytest.raises(UsageError, match="illegal exclusion pattern"):
        Ignore(["a", " ! "])


def test_patterns_say_whether_they_bring_back_and_empty_ones_are_left_out():
    assert [(p.text, p.back) for p in Ignore(["docs/", "", "  !docs/README.md  "]).patterns] == [
        ("docs", False),
        ("docs/README.md", True),
    ]


@pytest.mark.timeout(20)
def test_no_pattern_takes_exponential_time():
    deep = "/".join("a" * 10 for _ in range(300))
    assert not Ignore(["**/*a" * 60 + "b"]).excludes(deep[:600])
    assert not Ignore(["**/**/" * 100 + "*x"]).excludes(deep[:600])


def _expression(pattern: str) -> re.Pattern[str]:
    """The pattern as moby translates it to a regular expression."""
    text, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**", at):
            at += 3 if pattern.startswith("**/", at) else 2
            text += ".*" if at >= len(pattern) else "(.*/)?"
        else:
            text += {"*": "[^/]*", "?": "[^/]"}.get(pattern[at], re.escape(pattern[at]))
            at += 1
    return re.compile(text)


def _oracle(patterns: list[str], path: str) -> bool:
    excluded = False
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    for pattern in patterns:
        bare = pattern.removeprefix("!")
        if re.fullmatch(r"\*\*[^*?]*", bare):
            hits = [one.endswith(bare[2:]) or f"/{one}" == bare[2:] for one in above]
        else:
            hits = [_expression(bare).fullmatch(one) is not None for one in above]
        if any(hits):
            excluded = not pattern.startswith("!")
    return excluded


_PATHS = st.lists(st.sampled_from(["a", "b", "ab", "ba"]), min_size=1, max_size=4).map("/".join)
_PARTS = st.sampled_from(["a", "b", "*", "**", "a*", "?b", "**b", "*a*"])
_PATTERNS = st.tuples(st.sampled_from(["", "!"]), st.lists(_PARTS, min_size=1, max_size=3).map("/".join)).map("".join)


@given(st.lists(_PATTERNS, max_size=5), _PATHS)
def test_it_excludes_what_mobys_own_expressions_exclude(patterns, path):
    assert Ignore(patterns).excludes(path) is _oracle(
        [f"{'!' * p.startswith('!')}{clean(p.removeprefix('!'))}" for p in patterns], path
    )


@given(st.text(max_size=200))
def test_any_text_is_read(text):
    for pattern in read(text):
        assert pattern.strip("\n") == pattern
        assert not pattern.startswith("//")


@given(st.lists(_PATTERNS, max_size=5), _PATHS)
def test_a_walk_never_passes_by_what_comes_back(patterns, path):
    ignore = Ignore(patterns)
    parts = path.split("/")
    verdict = None
    for count in range(1, len(parts)):
        directory = "/".join(parts[:count])
        verdict = ignore.verdict(directory, verdict)
        if verdict.excluded and not ignore.may_bring_back(directory):
            assert _walked(patterns, path)
