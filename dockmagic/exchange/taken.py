"""What a container wrote, as Python values (``--get``): by the file's name, and never by code that it brought."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import Any

from dockmagic.errors import UsageError
from dockmagic.exchange.tree import SAFE_PYARROW

Files = bytes | Mapping[str, bytes]


def value(path: str, data: Files) -> Any:
    """A file's content, or a directory's as a dict by path, as the name says.

    =====================================  ============================================================================
    name ends with                         value
    =====================================  ============================================================================
    ``.json``                              what the JSON says
    ``.csv``, ``.tsv``                     a pandas DataFrame, else a polars one, else text
    ``.parquet``, ``.feather``, ``.arrow`` the same, else bytes
    ``.npy``                               a NumPy array, else bytes; an array of objects is refused
    anything else                          text, or bytes for what is no UTF-8 or holds a NUL
    =====================================  ============================================================================

    Raises:
        UsageError: the content is not what the name says.
    """
    if not isinstance(data, bytes):
        return {name: value(f"{path.rstrip('/')}/{name}", content) for name, content in data.items()}
    read = _READERS.get(PurePosixPath(path).suffix.lower(), _plain)
    try:
        return read(data)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a library finds wrong with hostile bytes
        first = (str(error).splitlines() or [""])[0]
        raise UsageError(f"{path} is not what its name says: {type(error).__name__}: {first}") from None


def _plain(data: bytes) -> str | bytes:
    try:
        return data if b"\0" in data else data.decode("utf-8")
    except UnicodeDecodeError:
        return data


def _json(data: bytes) -> Any:
    return json.loads(data)


def _separated(separator: str) -> Callable[[bytes], Any]:
    def read(data: bytes) -> Any:
        if find_spec("pandas") is not None:
            return import_module("pandas").read_csv(io.BytesIO(data), sep=separator)
        if find_spec("polars") is not None:
            return import_module("polars").read_csv(io.BytesIO(data), separator=separator)
        return _plain(data)

    return read


def _columns(kind: str) -> Callable[[bytes], Any]:
    """Parquet, or Arrow's own format, which both libraries call by other names."""
    pandas_reader, polars_reader = ("read_parquet",) * 2 if kind == "parquet" else ("read_feather", "read_ipc")

    def read(data: bytes) -> Any:
        if find_spec("pandas") is not None and _arrow_is_safe():
            return getattr(import_module("pandas"), pandas_reader)(io.BytesIO(data))
        if find_spec("polars") is not None:
            return getattr(import_module("polars"), polars_reader)(io.BytesIO(data))
        return data

    return read


def _arrow_is_safe() -> bool:
    if find_spec("pyarrow") is None:
        return False
    words = str(import_module("pyarrow").__version__).split(".")[:3]
    return tuple(int("".join(filter(str.isdigit, word)) or 0) for word in words) >= SAFE_PYARROW


def _array(data: bytes) -> Any:
    if find_spec("numpy") is None:
        return data
    return import_module("numpy").load(io.BytesIO(data), allow_pickle=False)


_READERS: Mapping[str, Callable[[bytes], Any]] = {
    ".json": _json,
    ".csv": _separated(","),
    ".tsv": _separated("\t"),
    ".parquet": _columns("parquet"),
    ".feather": _columns("arrow"),
    ".arrow": _columns("arrow"),
    ".npy": _array,
}
