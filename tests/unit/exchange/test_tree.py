from __future__ import annotations

import json
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest

from dockmagic.exchange import tree


def back(value):
    blobs = []
    packed = json.loads(json.dumps(tree.pack(value, blobs)))
    return tree.unpack(packed, blobs)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(10**40),
        0.1,
        float("inf"),
        "é\ud800",
        b"\0\xff",
        [1, [2]],
        (1, (2,)),
        {1, "a"},
        {"a": 1, 2: (3,), (4, 5): None, "bytes": [0]},
        [],
        {},
    ],
)
def test_a_value_comes_back_as_it_was(value):
    found = back(value)
    assert found == value
    assert type(found) is type(value)


def test_arrays_and_numbers_of_numpy():
    array = np.arange(6, dtype=">i2").reshape(2, 3)
    assert (back(array) == array).all()
    assert back(array).dtype == array.dtype
    assert back([np.int64(3), np.float32(0.5), np.str_("a"), np.bool_(True)]) == [3, 0.5, "a", True]


def test_frames_with_and_without_arrow(monkeypatch):
    frame = pd.DataFrame({"n": [1, 2], "when": pd.to_datetime(["2020-01-01", "2020-01-02"])}, index=["x", "y"])
    assert back(frame).equals(frame)
    assert back(pl.DataFrame({"n": [1, None]})).equals(pl.DataFrame({"n": [1, None]}))
    monkeypatch.setattr(tree, "_arrow", lambda: False)
    assert back(frame)["n"].to_dict() == {"x": 1, "y": 2}
    assert list(back(pd.DataFrame({"n": [1, 2]})).index) == [0, 1]


@pytest.mark.parametrize(
    "value", [object(), 1j, [open], np.array([{}])], ids=["object", "complex", "function", "objects"]
)
def test_what_has_no_form_is_an_error(value):
    with pytest.raises((TypeError, ValueError)):
        tree.pack(value, [])


class Trap:
    fired = False

    def __reduce__(self):
        return (setattr, (Trap, "fired", True))


@pytest.mark.parametrize(
    ("hostile", "blobs"),
    [
        ({"npy": 0}, [pickle.dumps(Trap())]),
        ({"npy": 0}, [b""]),
        ({"npy": 7}, []),
        ({"bytes": "x"}, []),
        ({"frame": ["pandas", False, 0, 0]}, [pickle.dumps(Trap())]),
        ({"frame": ["pandas", False, 0]}, [b""]),
        ({"eval": "1"}, []),
        ({}, []),
        ({"tuple": 3}, []),
        ({"set": [[1]]}, []),
        ({"dict": [[{"dict": []}, 1]]}, []),
        ({"a": 1, "b": 2}, []),
    ],
)
def test_a_hostile_tree_is_an_error_and_runs_nothing(hostile, blobs):
    with pytest.raises(Exception):  # noqa: B017 - any error: whoever reads such a tree catches them all
        tree.unpack(hostile, blobs)
    assert not Trap.fired
