# ruff: noqa: INP001 - a script beside the notebooks, no package
"""Run a notebook without a browser, print its last record, and keep the executed notebook as HTML.

Usage: ``python notebooks/run.py NOTEBOOK``. The HTML file goes to ``build/``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

MIME = "application/vnd.dockmagic.run+json"


def main(path: Path) -> str:
    """Execute, print, write; returns what went wrong, or ""."""
    if not path.is_file():
        return f"no such notebook: {path}"
    notebook = nbformat.read(path, as_version=4)
    # The kernel's own warnings are about how a client may connect; nobody else connects to this one.
    client = NotebookClient(
        notebook, timeout=300, extra_arguments=["--log-level=40"], resources={"metadata": {"path": str(path.parent)}}
    )
    try:
        client.execute()
    except CellExecutionError as error:
        hint = "" if "doctor" in error.evalue else "\ndockmagic doctor says what this machine allows"
        return f"{path.name}: a cell failed\n{error.ename}: {error.evalue}{hint}"
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
    last = f"{records[-1]}\n\n" if records else ""
    sys.stdout.write(f"{last}{len(records)} records; the executed notebook: {target}\n")
    return ""


if __name__ == "__main__":
    sys.exit((main(Path(sys.argv[1])) or None) if len(sys.argv) > 1 else __doc__)
