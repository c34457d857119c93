# ruff: noqa: INP001 - beside the notebooks, no package
"""Where containers cannot run, ``pytest --nbval`` leaves the notebooks out and says why; everywhere else it has no effect."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from dockmagic import Engine

_HERE = Path(__file__).resolve().parent


# A notebook whose first cell has this tag shows walls; PRoot, which runs what is trusted where there are none, has none to show.
_WALLS = "needs-walls"


@functools.cache
def tier() -> tuple[bool, str]:
    """Whether containers run on this machine, and its tier in words."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        engine = Engine(Path(home))
        found = engine.doctor()[0]
        engine.close()
    return found.ok, found.detail


@functools.cache
def shows_walls(notebook: Path) -> bool:
    """Whether its first cell of code has the tag."""
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    first = next(cell for cell in cells if cell["cell_type"] == "code")
    return _WALLS in first["metadata"].get("tags", ())


def refusal(notebook: Path) -> str:
    """Why the notebook does not give here what it shows, "" where it does."""
    runs, told = tier()
    if not runs:
        return f"containers do not run here: {told}"
    return f"its walls are not there: {told}" if told.startswith("T2") and shows_walls(notebook) else ""


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Skip the cells of the notebooks in this directory and below."""
    for item in items:
        if (
            item.path.suffix == ".ipynb"
            and item.path.resolve().is_relative_to(_HERE)
            and (reason := refusal(item.path))
        ):
            item.add_marker(pytest.mark.skip(reason=reason))
