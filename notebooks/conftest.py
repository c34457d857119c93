# ruff: noqa: INP001 - beside the notebooks, no package
"""Where containers cannot run, ``pytest --nbval`` leaves out the cells that need them; without walls those that show some may fail.

Which those are stands in the first cell of each notebook, where a reader is told the same. Everywhere else this has no effect.
"""

from __future__ import annotations

import functools
import json
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from dockmagic import Engine

_HERE = Path(__file__).resolve().parent


@functools.cache
def tier() -> tuple[bool, str]:
    """Whether containers run on this machine, and its tier in words."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        engine = Engine(Path(home))
        found = engine.doctor()[0]
        engine.close()
    return found.ok, found.detail


@functools.cache
def first_cell(notebook: Path) -> str:
    """The text of the first cell of code."""
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    return "".join(next(cell for cell in cells if cell["cell_type"] == "code")["source"])


def named(notebook: Path, option: str) -> set[int] | None:
    """The numbers of the cells, from 1, that the first one names behind an option; None where it has no such option."""
    found = re.search(rf"^%container doctor --require .*--{option} (\S+)", first_cell(notebook), re.MULTILINE)
    if found is None:
        return None
    numbers: set[int] = set()
    for part in found[1].split(","):
        first, _, last = part.partition("-")
        numbers |= set(range(int(first), int(last or first) + 1))
    return numbers


def allowance(notebook: Path, number: int) -> pytest.MarkDecorator | None:
    """What is not expected here of a cell: to run, or to print what is saved."""
    runs, told = tier()
    if not runs:
        needing = named(notebook, "runs")
        left_out = needing is None or number in needing
        return pytest.mark.skip(reason=f"containers do not run here: {told}") if left_out else None
    if told.startswith("T2") and number in (named(notebook, "walls") or ()):
        return pytest.mark.xfail(reason=f"its walls are not there: {told}")
    return None


def pytest_collection_modifyitems(items: Iterable[Any]) -> None:
    """Mark the cells of the notebooks in this directory and below; the first cell may tell here what it does not tell elsewhere."""
    for item in items:
        if item.path.suffix != ".ipynb" or not item.path.resolve().is_relative_to(_HERE):
            continue
        if mark := allowance(item.path, item.cell_num + 1):
            item.add_marker(mark)
        elif item.cell_num == 0 and not tier()[1].startswith(("T0", "T1")):
            item.options["check"] = False
