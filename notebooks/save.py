# ruff: noqa: INP001 - a script beside the notebooks, no package
"""Execute notebooks, keep their outputs in place, and give the Korean edition of each the same code and outputs.

Usage: ``python notebooks/save.py NOTEBOOK...``. A cell of text keeps its Korean text by its id; one that is new comes in English, to be written.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def executed(path: Path) -> Any:
    """The notebook with the outputs of now, and without anything that only this run has."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=300,
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=40"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook


def in_words_of(notebook: Any, other: Any) -> Any:
    """The notebook, with the text of the cells that the other one has too."""
    texts = {cell.id: cell.source for cell in other.cells if cell.cell_type == "markdown"}
    cells = [{**cell, "source": texts.get(cell.id, cell.source)} for cell in notebook.cells]
    return nbformat.from_dict({**notebook, "cells": cells})


def main(paths: list[Path]) -> None:
    """Execute and write."""
    for path in paths:
        notebook = executed(path)
        nbformat.write(notebook, path)
        korean = path.parent / "ko" / path.name
        if korean.is_file():
            nbformat.write(in_words_of(notebook, nbformat.read(korean, as_version=4)), korean)
        sys.stdout.write(f"{path.name}: {len(notebook.cells)} cells\n")


if __name__ == "__main__":
    sys.exit(main([Path(word) for word in sys.argv[1:]]) if len(sys.argv) > 1 else __doc__)
