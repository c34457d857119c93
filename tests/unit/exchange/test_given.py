from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from dockmagic.errors import NotFoundError, UsageError
from dockmagic.exchange import given as module
from dockmagic.exchange.given import content, given


def files(**values):
    return {name.removeprefix("in/"): data for name, data, _ in given(values).files}


@pytest.mark.parametrize(
    ("value", "file", "variable"),
    [
        ("a b\n", b"a b\n", "a b\n"),
        ("", b"", ""),
        (3, b"3", "3"),
        (0.5, b"0.5", "0.5"),
        (float("nan"), b"NaN", "NaN"),
        (True, b"true", "true"),
        (None, b"null", "null"),
        (np.int64(7), b"7", "7"),
        (np.float64(0.25), b"0.25", "0.25"),
        (b"\xff\0", b"\xff\0", None),
        (bytearray(b"x"), b"x", None),
        ([1, "é", None], '[1, "é", null]'.encode(), None),
        ({"a": (1, 2)}, b'{"a": [1, 2]}', None),
        ("nul\0", b"nul\0", None),
    ],
)
def test_plain_values(value, file, variable):
    made = given({"x": value})
    assert made.files == (("in/x", file, 0o444),)
    assert dict(made.env) == ({} if variable is None else {"x": variable})


def test_a_long_text_is_a_file_alone():
    made = given({"x": "a" * 40_000})
    assert (len(made.files[0][1]), dict(made.env)) == (40_000, {})


def test_an_array_is_npy():
    array = np.arange(6, dtype="<i4").reshape(2, 3)
    assert (np.load(io.BytesIO(files(a=array)["a"]), allow_pickle=False) == array).all()


def test_frames_are_csv_with_parquet_beside_it():
    for frame in (
        pd.DataFrame({"n": [1, 2], "s": ["a", "b,c"]}),
        pl.DataFrame({"n": [1, 2], "s": ["a", "b,c"]}),
    ):
        made = files(df=frame)
        assert made["df"] == b'n,s\n1,a\n2,"b,c"\n'
        assert pd.read_parquet(io.BytesIO(made["df.parquet"])).to_dict("list") == {"n": [1, 2], "s": ["a", "b,c"]}


def test_an_index_with_content_and_a_series_are_kept():
    assert files(s=pd.Series([1, 2], index=["x", "y"], name="n"))["s"] == b",n\nx,1\ny,2\n"
    assert files(s=pl.Series("n", [1, 2]))["s"] == b"n\n1\n2\n"


def test_a_path_is_its_file_or_its_tree_without_links(tmp_path):
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "e" / "x.sh").write_bytes(b"#!")
    (tmp_path / "d" / "e" / "x.sh").chmod(0o755)
    (tmp_path / "d" / "a").write_bytes(b"\x00")
    (tmp_path / "d" / "link").symlink_to("/etc/passwd")
    (tmp_path / "d" / "round").symlink_to(tmp_path)
    assert given({"p": tmp_path / "d"}).files == (("in/p/a", b"\x00", 0o444), ("in/p/e/x.sh", b"#!", 0o555))
    assert files(p=tmp_path / "d" / "a") == {"p": b"\x00"}


def test_a_text_with_a_path_stays_text(tmp_path):
    assert files(p=str(tmp_path)) == {"p": str(tmp_path).encode()}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({1, 2}, '"x" is of type set, which cannot be given'),
        ({"a": object()}, '"x" cannot be written as JSON: Object of type object'),
        ([float("nan")], "cannot be written as JSON: Out of range"),
        (np.array([{}]), "an array of Python objects"),
    ],
)
def test_what_cannot_be_given_is_named(value, reason):
    with pytest.raises(UsageError, match=reason):
        given({"x": value})


def test_a_circle_is_no_json():
    circle: list = []
    circle.append(circle)
    with pytest.raises(UsageError, match="cannot be written as JSON"):
        given({"x": circle})


def test_paths_that_lead_nowhere(tmp_path):
    with pytest.raises(NotFoundError, match='"x" names no file'):
        given({"x": Path("/nowhere/at/all")})
    with pytest.raises(UsageError, match="holds no file"):
        given({"x": tmp_path})


def test_the_limit_counts_all_values_together(monkeypatch):
    monkeypatch.setattr(module, "SIZE", 10)
    assert given({"a": b"12345", "b": b"12345"}).files
    with pytest.raises(UsageError, match='"b" is too large'):
        given({"a": b"12345", "b": b"123456"})


def test_the_limit_counts_files(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "ENTRIES", 1)
    for name in "ab":
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(UsageError, match="more than 1 files"):
        given({"a": tmp_path})


def test_one_value_as_bytes(tmp_path):
    assert content("x", {"a": 1}) == json.dumps({"a": 1}).encode()
    assert content("x", pd.DataFrame({"n": [1]})) == b"n\n1\n"
    for name in "ab":
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UsageError, match="is a directory"):
        content("x", tmp_path)
