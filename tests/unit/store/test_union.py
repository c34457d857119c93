from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.oci.changeset import Entry
from dockmagic.store.union import changes, difference, union


def entry(text):
    """``d a/b``, ``f a/b``, ``w a/b`` (whiteout), ``o a`` (opaque), ``d a/b 700``."""
    kind, path, *mode = text.split()
    kinds = {"d": "dir", "f": "file", "w": "whiteout", "o": "opaque", "l": "symlink"}
    return Entry(path=path, type=kinds[kind], mode=int(mode[0], 8) if mode else 0o755, size=1 if kind == "f" else 0)


def layers(*texts):
    return [(f"layer{i}", [entry(line) for line in text.split(",")] if text else []) for i, text in enumerate(texts)]


def paths(*texts):
    return sorted(found.entry.path for found in union(layers(*texts)))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["d a,f a/b", "f a/c"], ["a", "a/b", "a/c"]),
        (["d a,f a/b", "w a/b"], ["a"]),
        (["d a,f a/b,f ab", "w a"], ["ab"]),
        (["d a,f a/b", "o a"], ["a"]),
        (["d a,f a/b", "f a/c,o a"], ["a", "a/c"]),
        (["d a,f a/b", "f a/b,w a/b"], ["a", "a/b"]),
        (["d a,f a/b,d a/c,f a/c/d", "f a"], ["a"]),
        (["f a", "d a,f a/b"], ["a", "a/b"]),
        (["f a", "f a/b"], ["a/b"]),
        (["f a,f b", "o ."], []),
        (["f a/b/c", "w a/b"], []),
        (["", "w a/b/c"], []),
    ],
)
def test_layers_lie_one_on_the_other(texts, expected):
    assert paths(*texts) == expected


@pytest.mark.parametrize(
    ("below", "layer", "expected"),
    [
        ("", "d a,f a/b", {"/a": "A", "/a/b": "A"}),
        ("d a,f a/b", "d a,f a/b", {"/a/b": "C"}),
        ("d a", "d a 700", {"/a": "C"}),
        ("d a", "d a,f a/b", {"/a/b": "A"}),
        ("d a,f a/b,f a/c", "w a", {"/a": "D"}),
        ("f a", "w b", {}),
        ("d a,f a/b,d a/c,f a/c/d", "d a,o a,f a/b", {"/a/b": "C", "/a/c": "D"}),
        ("f a,f b", "o .,f b", {"/a": "D", "/b": "C"}),
        ("f a", "d a", {"/a": "C"}),
        ("f a", "l a", {"/a": "C"}),
        ("f a/b", "d a", {}),
        ("f a/b", "d a 700", {"/a": "C"}),
        ("d a", "w a,f a", {"/a": "C"}),
    ],
)
def test_changes_are_told_as_docker_does(below, layer, expected):
    assert changes([entry(line) for line in layer.split(",")], union(layers(below))) == expected


def test_two_trees_differ_in_what_only_one_has_and_in_what_stands_otherwise():
    def merged(*texts):
        return {f"/{found.entry.path}": found for found in union(layers(*texts))}

    told, unsure = difference(merged("d a,f b,f c 600", "f e"), merged("d a,f c 644,f d", "", "f e"))
    assert told == {"/b": "D", "/c": "C", "/d": "A"}
    assert unsure == ["/e"]


NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
ENTRIES = st.builds(Entry, path=PATHS, type=st.sampled_from(["file", "dir", "whiteout", "opaque"]))


@given(st.lists(st.lists(ENTRIES, max_size=6), max_size=4))
def test_nothing_ever_stands_below_what_is_no_directory(stack):
    made = union((str(i), entries) for i, entries in enumerate(stack))
    for found in made:
        assert made.get(found.entry.path) == found
        parts = found.entry.path.split("/")
        above = [made.get("/".join(parts[:n])) for n in range(1, len(parts))]
        assert {a.entry.type for a in above if a is not None} <= {"dir"}


def test_a_deep_and_wide_stack_is_quick():
    below = union([("0", [Entry(path=f"d{i}/f", type="file") for i in range(20_000)])])
    told = changes([Entry(path=f"d{i}", type="whiteout") for i in range(20_000)], below)
    assert len(told) == 20_000
