"""Values for a container (``--in``): each becomes a file below ``/run/dockmagic/in``, a scalar a variable of the environment too."""

from __future__ import annotations

import io
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import Any

from dockmagic.errors import NotFoundError, UsageError
from dockmagic.exchange.limits import ENTRIES, SIZE, size_told

DIRECTORY = "in"
_READABLE, _EXECUTABLE = 0o444, 0o555
# execve(2) takes no longer word; a longer text is a file alone.
_LONGEST_VARIABLE = 32_768

File = tuple[str, bytes, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Values as a container gets them.

    Attributes:
        files: path below ``/run/dockmagic``, content and mode of each.
        env: scalars by name.
    """

    files: tuple[File, ...] = ()
    env: Mapping[str, str]


def given(values: Mapping[str, object]) -> Given:
    """Encode values by name.

    ==========================  =========================================================================================
    value                       file
    ==========================  =========================================================================================
    text                        its UTF-8, as it stands
    number, truth value, None   JSON
    bytes                       as they stand
    list, tuple, dict           JSON
    NumPy array                 the ``.npy`` format
    pandas or polars frame      CSV; beside it ``NAME.parquet`` where the notebook can write Parquet
    ``pathlib.Path``            that file, or the files of that directory; links are left out
    ==========================  =========================================================================================

    Raises:
        UsageError: a value of another type, or all of them are larger than 64 MB.
        NotFoundError: a path leads to nothing.
    """
    files: list[File] = []
    env: dict[str, str] = {}
    for name, value in values.items():
        plain = _plain(value)
        for suffix, content, mode in _files(name, plain):
            files.append((f"{DIRECTORY}/{name}{suffix}", content, mode))
            _limit(name, files)
        if isinstance(plain, (str, int, float, type(None))):
            text = _text(plain)
            if "\0" not in text and len(text.encode("utf-8", "surrogateescape")) <= _LONGEST_VARIABLE:
                env[name] = text
    return Given(files=tuple(files), env=env)


def content(name: str, value: object) -> bytes:
    """One value as the bytes of its file, e.g. for a script's input.

    Raises:
        UsageError: as :func:`given`, or it is a directory.
    """
    made = given({name: value}).files
    if len(made) > 1 and isinstance(value, PurePath):
        raise UsageError(f'"{name}" is a directory', hint="a file or another value is wanted")
    return made[0][1] if made else b""


def _limit(name: str, files: list[File]) -> None:
    if sum(len(content) for _, content, _ in files) > SIZE:
        raise UsageError(
            f'"{name}" is too large: all values together may have {size_told(SIZE)}',
            hint="give a directory with -v ./data:/data:ro",
        )
    if len(files) > ENTRIES:
        raise UsageError(f'"{name}" has more than {ENTRIES:,} files', hint="give a directory with -v ./data:/data:ro")


def _plain(value: object) -> object:
    """A scalar of NumPy as Python's own; everything else as it is."""
    generic = getattr(sys.modules.get("numpy"), "generic", ())
    return value.item() if generic and isinstance(value, generic) else value  # type: ignore[attr-defined,unused-ignore]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _files(name: str, value: object) -> Iterator[File]:
    """(what follows the name, content, mode) of each file."""
    if isinstance(value, str):
        yield "", value.encode("utf-8", "surrogateescape"), _READABLE
    elif isinstance(value, (bytes, bytearray, memoryview)):
        yield "", bytes(value), _READABLE
    elif isinstance(value, PurePath):
        yield from _of_path(name, Path(value).expanduser())
    elif isinstance(value, (bool, int, float, list, tuple, dict, type(None))):
        yield "", _json(name, value), _READABLE
    else:
        yield from _of_library(name, value)


def _json(name: str, value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=not _finite(value)).encode("utf-8", "surrogateescape")
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f'"{name}" cannot be written as JSON: {error}') from None


def _finite(value: object) -> bool:
    """A lone number may be NaN: Python reads it again. Inside of JSON no other language would."""
    return not isinstance(value, float) or math.isfinite(value)


def _of_path(name: str, path: Path) -> Iterator[File]:
    if path.is_file():
        yield "", _read(name, path), _mode(path)
        return
    if not path.is_dir():
        raise NotFoundError(f'"{name}" names no file and no directory', detail=str(path))
    found = 0
    for root, directories, files in os.walk(path):
        directories.sort()
        for file in sorted(files):
            below = Path(root, file)
            if not below.is_symlink() and below.is_file():
                found += 1
                yield f"/{below.relative_to(path)}", _read(name, below), _mode(below)
    if not found:
        raise UsageError(f'the directory "{name}" holds no file')


def _read(name: str, path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(SIZE + 1)
    except OSError as error:
        raise NotFoundError(f'a file of "{name}" cannot be read: {error.strerror}', detail=str(path)) from None


def _mode(path: Path) -> int:
    return _EXECUTABLE if os.access(path, os.X_OK) else _READABLE


def _of_library(name: str, value: Any) -> Iterator[File]:
    """Arrays and frames, by their library where it is loaded: a value of it exists only then."""
    numpy, pandas, polars = (sys.modules.get(library) for library in ("numpy", "pandas", "polars"))
    if numpy is not None and isinstance(value, numpy.ndarray):
        yield "", _npy(name, value, numpy), _READABLE
    elif pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series)):
        frame = value.to_frame() if isinstance(value, pandas.Series) else value
        # A range of numbers is no content; any other index is.
        named = not isinstance(frame.index, pandas.RangeIndex)
        yield "", frame.to_csv(index=named).encode(), _READABLE
        if find_spec("pyarrow") is not None:
            yield ".parquet", _written(frame.to_parquet), _READABLE
    elif polars is not None and isinstance(value, (polars.DataFrame, polars.Series)):
        frame = value.to_frame() if isinstance(value, polars.Series) else value
        yield "", _written(frame.write_csv), _READABLE
        yield ".parquet", _written(frame.write_parquet), _READABLE
    else:
        raise UsageError(
            f'"{name}" is of type {type(value).__name__}, which cannot be given to a container',
            hint="text, bytes, JSON values, NumPy arrays, data frames and pathlib.Path can",
        )


def _npy(name: str, value: Any, numpy: Any) -> bytes:
    buffer = io.BytesIO()
    try:
        numpy.save(buffer, value, allow_pickle=False)
    except ValueError:
        raise UsageError(f'"{name}" is an array of Python objects', hint="give it a type of numbers or text") from None
    return buffer.getvalue()


def _written(write: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()
