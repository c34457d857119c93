"""``apply(diff(x)) == x``: whatever is done on an overlay, its layer applied elsewhere gives the same tree."""

from __future__ import annotations

import itertools
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dockmagic.layers.inprocess import InProcessOwner
from dockmagic.store import union
from tests.unit.layers.given import packed, sealed, tar_of, unpacked
from tests.unit.layers.overlay import Overlay

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts an overlay here")

names = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
owners = st.tuples(st.integers(0, 9), st.integers(0, 9))
ops = st.lists(
    st.tuples(st.just("write"), names, st.text("xy", max_size=3))
    | st.tuples(st.just("mkdir"), names)
    | st.tuples(st.just("mkdir"), names)
    | st.tuples(st.just("remove"), names)
    | st.tuples(st.just("rename"), names, names)
    | st.tuples(st.just("symlink"), names, st.sampled_from(["a", "/b", "../c", "nowhere"]))
    | st.tuples(st.just("link"), names, names)
    | st.tuples(st.just("chmod"), names, st.sampled_from([0o700, 0o1777, 0o4755, 0o644]))
    | st.tuples(st.just("chown"), names, owners)
    | st.tuples(st.just("fifo"), names),
    max_size=12,
)
numbers = itertools.count()


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    root = tmp_path_factory.mktemp("trees")
    overlay = Overlay(root)
    yield root, overlay
    overlay.end()


def changes_of(before, after):
    """(added, deleted, surely changed) paths, of a deleted directory only itself."""
    gone = {p for p in before.keys() - after.keys() if "/" not in p or after.get(p.rpartition("/")[0], "?")[0] == "dir"}
    # the first name of a file is no property of it
    differ = {p for p in before.keys() & after.keys() if before[p][:4] != after[p][:4]}
    return after.keys() - before.keys(), gone, differ


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("scheme", ["range-0", "single-0"])
@given(below=ops, change=ops, lower_change=ops)
def test_a_layer_applied_elsewhere_gives_the_tree_that_it_was_made_of(trees, scheme, below, lower_change, change):
    root, overlay = trees
    single = scheme.startswith("single")
    owner = InProcessOwner(root, scheme)
    number = next(numbers)
    base, middle, top = (f"snapshots/{name}{number}" for name in ("base", "middle", "top"))

    # two layers below, the second one a layer of ours itself
    overlay.ask(merged=base, lowers=[], ops=below, single=single)
    before = overlay.ask(merged=f"{middle}.m", lowers=[base], upper=middle, ops=lower_change, single=single)
    first = sealed(owner, middle, [base])[1]
    after = overlay.ask(merged=f"{top}.m", lowers=[middle, base], upper=top, ops=change, single=single)

    told = owner.call("changes", {"upper": top, "lowers": [middle, base], "ignore": []})["paths"]
    numbers_, truth = sealed(owner, top, [middle, base])
    tar = packed(owner, top, truth)
    again, elsewhere = unpacked(owner, tar, f"again{number}")
    lowers = [f"snapshots/again{number}", middle, base]

    assert overlay.ask(merged=f"{top}.n", lowers=lowers, single=single) == after
    assert again["diff_id"] == numbers_["diff_id"]
    assert elsewhere.entries == truth.entries

    added, deleted, changed = changes_of(before, after)
    whole = union.union([("base", base_entries(owner, base)), ("middle", first.entries)])
    for paths in (
        {path[1:]: kind for path, kind, *_ in told},
        {path[1:]: kind for path, kind in union.changes(truth.entries, whole).items()},
    ):
        assert {p for p, kind in paths.items() if kind == "A"} == added
        assert {p for p, kind in paths.items() if kind == "D"} == deleted
        assert changed <= {p for p, kind in paths.items() if kind == "C"} <= before.keys() & after.keys()


def base_entries(owner, base):
    """The lowest layer's entries, by sealing a copy of it."""
    owner.call("duplicate", {"src": base, "dst": f"{base}.copy"})
    return sealed(owner, f"{base}.copy")[1].entries


def test_an_empty_tree_is_an_empty_layer(trees):
    root, _ = trees
    owner = InProcessOwner(root)
    owner.call("mkdir", {"paths": ["tmp/nothing"]})
    numbers_, truth = sealed(owner, "tmp/nothing")
    assert numbers_["empty"]
    assert packed(owner, "tmp/nothing", truth) == tar_of()
