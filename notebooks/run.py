"""Run a notebook without a browser, print its last record, and keep the executed notebook as HTML.

Usage: ``python notebooks/run.py NOTEBOOK``. The HTML file goes to ``build/``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter

MIME = "application/vnd.dockmagic.run+json"


def main(path: Path) -> None:
    """Execute, print, write."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
    records = [
        output["data"]["text/plain"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if MIME in output.get("data", {})
    ]
    target = Path("build") / path.with_suffix(".html").name
    target.parent.mkdir(exist_ok=True)
    html, _ = HTMLExporter().from_notebook_node(notebook)
    target.write_text(html, "utf-8")
    sys.stdout.write(f"{records[-1]}\n\n{len(records)} records; the executed notebook: {target}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
