# ruff: noqa: INP001 - beside the notebooks, no package
"""Where containers cannot run, ``pytest --nbval`` leaves the notebooks out and says why; everywhere else it has no effect."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from dockmagic import Engine

_HERE = Path(__file__).resolve().parent


@functools.cache
def refusal() -> str:
    """Why no container runs on this machine, "" where they do."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        engine = Engine(Path(home))
        tier = engine.doctor()[0]
        engine.close()
    return "" if tier.ok else f"containers do not run here: {tier.detail}"


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Skip the cells of the notebooks in this directory and below."""
    cells = [item for item in items if item.path.suffix == ".ipynb" and item.path.resolve().is_relative_to(_HERE)]
    if cells and refusal():
        for cell in cells:
            cell.add_marker(pytest.mark.skip(reason=refusal()))
