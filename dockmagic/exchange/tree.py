"""Values of a call as JSON and blobs, in both directions; no pickle, so what comes back can run nothing.

A container reads this file too, before it knows any package: the standard library alone, and nothing newer than Python 3.7.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Blobs = Sequence[bytes] | Mapping[int, bytes]

# From this version on pyarrow unpickles nothing of a file (CVE-2023-47248).
SAFE_PYARROW = (14, 0, 1)


def pack(value: Any, blobs: list[bytes]) -> Any:
    """A JSON-able tree of a value; what is no JSON goes into ``blobs``.

    Scalars and lists stand for themselves; everything else is an object with one key, which says what it is.

    Raises:
        TypeError: a value of a type that has no form here.
    """
    if value is None or isinstance(value, (bool, str)):
        return value if value is None or isinstance(value, bool) else str(value)
    if isinstance(value, (int, float)):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"bytes": _blob(bytes(value), blobs)}
    if isinstance(value, list):
        return [pack(item, blobs) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [pack(item, blobs) for item in value]}
    if isinstance(value, (set, frozenset)):
        return {"set": [pack(item, blobs) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[pack(key, blobs), pack(item, blobs)] for key, item in value.items()]}
    return _of_library(value, blobs)


def unpack(tree: Any, blobs: Blobs) -> Any:
    """The value of a tree.

    Raises:
        ValueError: it is no tree of :func:`pack`.
        ImportError: a library that the value is of is not here.
    """
    if isinstance(tree, list):
        return [unpack(item, blobs) for item in tree]
    if not isinstance(tree, dict):
        return tree
    ((kind, inner),) = tree.items()
    if kind == "bytes":
        return blobs[inner]
    if kind == "npy":
        import numpy  # type: ignore[import-not-found,unused-ignore]  # noqa: ICN001, PLC0415 - only where a value is of it

        return numpy.load(io.BytesIO(blobs[inner]), allow_pickle=False)
    if kind == "frame":
        return _frame(inner, blobs)
    if kind == "dict":
        return {unpack(key, blobs): unpack(item, blobs) for key, item in inner}
    return {"tuple": tuple, "set": set}[kind](unpack(item, blobs) for item in inner)


def _blob(data: bytes, blobs: list[bytes]) -> int:
    blobs.append(data)
    return len(blobs) - 1


def _of_library(value: Any, blobs: list[bytes]) -> Any:
    numpy, pandas, polars = (sys.modules.get(name) for name in ("numpy", "pandas", "polars"))
    if numpy is not None and isinstance(value, numpy.generic):
        return pack(value.item(), blobs)
    if numpy is not None and isinstance(value, numpy.ndarray):
        made = io.BytesIO()
        numpy.save(made, value, allow_pickle=False)
        return {"npy": _blob(made.getvalue(), blobs)}
    if pandas is not None and isinstance(value, pandas.DataFrame):
        index = not isinstance(value.index, pandas.RangeIndex)
        parquet = _parquet(value.to_parquet, blobs) if _arrow() else None
        text = _blob(value.to_csv(index=index).encode(), blobs)
        return {"frame": ["pandas", index, text, parquet]}
    if polars is not None and isinstance(value, polars.DataFrame):
        return {
            "frame": ["polars", False, _blob(value.write_csv().encode(), blobs), _parquet(value.write_parquet, blobs)]
        }
    raise TypeError("a value of type {} cannot be taken along".format(type(value).__name__))  # noqa: UP032, EM103 - as old as it


def _parquet(write: Callable[[io.BytesIO], object], blobs: list[bytes]) -> int:
    made = io.BytesIO()
    write(made)
    return _blob(made.getvalue(), blobs)


def _frame(inner: Any, blobs: Blobs) -> Any:
    library, index, text, parquet = inner
    if library == "polars":
        import polars  # type: ignore[import-not-found,unused-ignore]  # noqa: ICN001, PLC0415 - only where a value is of it

        return (
            polars.read_csv(io.BytesIO(blobs[text]))
            if parquet is None
            else polars.read_parquet(io.BytesIO(blobs[parquet]))
        )
    import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: ICN001, PLC0415 - the same

    if parquet is not None and _arrow():
        return pandas.read_parquet(io.BytesIO(blobs[parquet]))
    return pandas.read_csv(io.BytesIO(blobs[text]), index_col=0 if index else None)


def _arrow() -> bool:
    try:
        import pyarrow  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: ICN001, PLC0415 - as above
    except ImportError:
        return False
    words = str(pyarrow.__version__).split(".")[:3]
    return tuple(int("".join(filter(str.isdigit, word)) or 0) for word in words) >= SAFE_PYARROW
