from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.listing import File
from dockmagic.oci.changeset import Entry
from dockmagic.store import union
from dockmagic.widgets.waste import waste


def entry(path: str, size: int = 0, **fields) -> Entry:
    return Entry(path=path, type=fields.pop("type", "file"), size=size, **fields)


def of(*layers):
    """The waste of layers of entries; the store's own union says what is seen."""
    changesets = [(f"sha256:{number}", entries) for number, entries in enumerate(layers)]
    merged = [File(found.entry, "", found.diff_id) for found in union.union(changesets)]
    return waste(changesets, merged)


def test_an_image_whose_files_stand_once_wastes_nothing():
    found = of([entry("a", 10)], [entry("b", 20)])
    assert (found.stored, found.wasted, found.efficiency, found.paths) == (30, 0, 1.0, ())


def test_of_copies_of_a_file_all_but_the_seen_one_are_wasted():
    found = of([entry("a", 10)], [entry("a", 20)], [entry("a", 30)])
    assert (found.stored, found.wasted, found.efficiency) == (60, 30, 0.5)
    assert [(row.path, row.copies, row.size, row.deleted) for row in found.paths] == [("/a", 3, 30, False)]


def test_a_deleted_file_is_wasted_once_and_its_whiteout_costs_nothing():
    found = of([entry("a", 10), entry("b", 30)], [entry("a", type="whiteout")])
    assert (found.wasted, found.efficiency) == (10, 0.75)
    assert [(row.path, row.deleted) for row in found.paths] == [("/a", True)]


def test_the_files_of_a_deleted_directory_are_wasted_once_each():
    # dive counts the directory's bytes at its whiteout too.
    found = of([entry("d", type="dir"), entry("d/a", 10), entry("d/b", 20)], [entry("d", type="whiteout")])
    assert found.wasted == found.stored == 30
    assert [row.path for row in found.paths] == ["/d/b", "/d/a"]


def test_a_hard_link_keeps_the_bytes_of_its_deleted_first_name():
    layer = [entry("a", 10), entry("b", type="hardlink", linkname="a")]
    assert of(layer, [entry("a", type="whiteout")]).wasted == 0


def test_an_empty_image_is_efficient():
    assert of().efficiency == 1.0


def test_a_layer_that_stands_twice_is_seen_once():
    layer = [entry("a", 10)]
    found = waste([("sha256:0", layer), ("sha256:0", layer)], [File(layer[0], "", "sha256:0")])
    assert (found.stored, found.wasted) == (20, 10)


LAYERS = st.lists(
    st.dictionaries(
        st.sampled_from("abc"), st.tuples(st.sampled_from(["file", "whiteout"]), st.integers(0, 99)), max_size=3
    ),
    max_size=5,
)


@given(LAYERS)
def test_wasted_and_seen_bytes_are_all_that_is_stored(layers):
    entries = [
        [entry(path, size if kind == "file" else 0, type=kind) for path, (kind, size) in layer.items()]
        for layer in layers
    ]
    found = of(*entries)
    seen = sum(f.entry.size for f in union.union((str(n), e) for n, e in enumerate(entries)))
    assert found.stored - found.wasted == seen
    assert found.wasted == sum(row.size for row in found.paths)
    assert found.efficiency == pytest.approx(1.0 if not found.stored else seen / found.stored)
