from __future__ import annotations

import io
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from dockmagic.errors import UsageError
from dockmagic.exchange import taken
from dockmagic.exchange.taken import value

FRAME = pd.DataFrame({"n": [1, 2], "s": ["a", "b"]})


def hide(monkeypatch, *libraries):
    real = taken.find_spec
    monkeypatch.setattr(taken, "find_spec", lambda name: None if name in libraries else real(name))


@pytest.mark.parametrize(
    ("path", "data", "expected"),
    [
        ("/o.json", b'{"a": [1, null]}', {"a": [1, None]}),
        ("/O.JSON", b"3", 3),
        ("/o.txt", "é\n".encode(), "é\n"),
        ("/o", b"a\xff", b"a\xff"),
        ("/o", b"a\0b", b"a\0b"),
        ("/o", b"", ""),
        ("/d/", {"a.json": b"1", "e/b": b"x"}, {"a.json": 1, "e/b": "x"}),
    ],
)
def test_plain_content(path, data, expected):
    assert value(path, data) == expected


def test_tables_are_frames_of_what_is_there(monkeypatch):
    assert value("/o.csv", b"n,s\n1,a\n2,b\n").equals(FRAME)
    assert value("/o.tsv", b"n\ts\n1\ta\n2\tb\n").equals(FRAME)
    hide(monkeypatch, "pandas")
    assert value("/o.csv", b"n,s\n1,a\n").to_dicts() == [{"n": 1, "s": "a"}]
    hide(monkeypatch, "pandas", "polars")
    assert value("/o.csv", b"n,s\n1,a\n") == "n,s\n1,a\n"


def test_columns_are_frames_of_what_is_there(monkeypatch):
    parquet, arrow = io.BytesIO(), io.BytesIO()
    FRAME.to_parquet(parquet)
    FRAME.to_feather(arrow)
    assert value("/o.parquet", parquet.getvalue()).equals(FRAME)
    assert value("/o.feather", arrow.getvalue()).equals(FRAME)
    hide(monkeypatch, "pyarrow")
    assert isinstance(value("/o.parquet", parquet.getvalue()), pl.DataFrame)
    hide(monkeypatch, "pandas", "polars")
    assert value("/o.parquet", parquet.getvalue()) == parquet.getvalue()


def test_a_pyarrow_that_unpickles_is_not_used(monkeypatch):
    parquet = io.BytesIO()
    FRAME.to_parquet(parquet)
    monkeypatch.setattr(pa, "__version__", "14.0.0")
    hide(monkeypatch, "polars")
    assert value("/o.parquet", parquet.getvalue()) == parquet.getvalue()


def test_an_array(monkeypatch):
    made = io.BytesIO()
    np.save(made, np.arange(3))
    assert value("/o.npy", made.getvalue()).tolist() == [0, 1, 2]
    hide(monkeypatch, "numpy")
    assert value("/o.npy", made.getvalue()) == made.getvalue()


class Trap:
    fired = False

    def __reduce__(self):
        return (setattr, (Trap, "fired", True))


def test_nothing_is_unpickled():
    made = io.BytesIO()
    np.save(made, np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match=r"/o\.npy is not what its name says: ValueError"):
        value("/o.npy", made.getvalue())
    with pytest.raises(UsageError):
        value("/o.npy", pickle.dumps(Trap()))
    assert value("/o.pkl", pickle.dumps(Trap())) == pickle.dumps(Trap())
    assert not Trap.fired


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/o.json", b"{"),
        ("/o.json", b"[" * 100_000),
        ("/o.json", b"\xff"),
        ("/o.csv", b""),
        ("/o.csv", b"\xff\xfe\xfd"),
        ("/o.parquet", b"PAR1"),
        ("/o.feather", b"x"),
        ("/o.npy", b"\x93NUMPY"),
    ],
)
def test_content_that_is_not_what_its_name_says(path, data):
    with pytest.raises(UsageError, match=f"{path} is not what its name says"):
        value(path, data)
