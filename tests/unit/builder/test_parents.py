"""What ``COPY --parents`` keeps of a source."""

from __future__ import annotations

import pytest

from dockmagic.builder import parents
from dockmagic.builder.context import Context
from dockmagic.errors import NotFoundError

TREE = [
    ("x", True),
    ("x/a", False),
    ("x/y", True),
    ("x/y/b", False),
    ("x/z", True),
    ("w", True),
    ("w/y", True),
    ("w/y/b", False),
]


@pytest.mark.parametrize(
    ("source", "root", "pattern"),
    [
        ("./x/a", "/", "x/a"),
        ("/x/./y/b", "/x", "y/b"),
        ("x/./y/./b", "x", "y/b"),
        ("x/y/.", "/", "x/y"),
        ("./", "/", ""),
        ("x/./", "x", ""),
        ("../../x", "/", "x"),
        ("x/./../../y", "x", "y"),
    ],
)
def test_a_source_is_divided_at_its_pivot(source, root, pattern):
    assert parents.divided(source) == (root, pattern)


@pytest.mark.parametrize(
    ("pattern", "exclude", "wanted"),
    [
        ("x/y/b", (), ["x", "x/y", "x/y/b"]),
        ("x/y", (), ["x", "x/y", "x/y/b"]),
        ("*/y/b", (), ["w", "w/y", "w/y/b", "x", "x/y", "x/y/b"]),
        ("**/b", (), ["w", "w/y", "w/y/b", "x", "x/y", "x/y/b"]),
        ("x", ("x/y",), ["x", "x/a", "x/z"]),
        ("x/z", (), ["x", "x/z"]),
        ("q*", (), []),
        ("", ("**/b",), ["w", "w/y", "x", "x/a", "x/y", "x/z"]),
    ],
)
def test_a_pattern_brings_the_directories_above_it(tmp_path, pattern, exclude, wanted):
    assert list(parents.chosen(TREE, parents.selector(pattern, exclude))) == wanted
    for path, is_dir in TREE:
        (tmp_path / path).mkdir() if is_dir else (tmp_path / path).touch()
    with Context(tmp_path) as context:
        found = context.select_with_parents([f"/./{pattern}"], exclude=exclude)
    assert [entry.path for entry in found.entries] == wanted


def test_a_source_without_wildcards_must_be_there(tmp_path):
    with Context(tmp_path) as context, pytest.raises(NotFoundError):
        context.select_with_parents(["./x/nothing"])


@pytest.mark.parametrize(
    ("pattern", "start"), [("a/b/*/c", "a/b"), ("a/b/c", "a/b"), ("*", ""), ("a", ""), ("a/*b/c", "a")]
)
def test_a_walk_starts_below_what_has_no_wildcards(pattern, start):
    assert parents.literal(pattern) == start
