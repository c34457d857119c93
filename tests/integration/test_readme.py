"""The README's cells, in a real kernel, in their order."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

REPOSITORY = Path(__file__).resolve().parents[2]
MIME = "application/vnd.dockmagic.run+json"


def cells_of(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    home = tmp_path_factory.mktemp("readme")
    start = f"import os; os.environ['DOCKMAGIC_HOME'] = {str(home)!r}"
    sources = [start, *cells_of(REPOSITORY / "README.md")]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s.rstrip("\n")) for s in sources])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(home)}}).execute()
    return notebook


def output_of(executed, beginning: str) -> str:
    cell = next(c for c in executed.cells if c.source.startswith(beginning))
    return "".join(o.text for o in cell.outputs if o.output_type == "stream")


def test_every_cell_of_the_readme_runs(executed):
    assert len(executed.cells) >= 8


def test_the_image_stays_as_it_was(executed):
    assert output_of(executed, "%%container run bread:1\ncat") == "red bean\n"


def test_the_container_stays_as_it_was_left(executed):
    assert output_of(executed, "%%container exec fish1") == "custard\n"
    assert output_of(executed, "fish =") == "{'/filling': 'C'}\n"


def test_python_needs_no_notebook(executed):
    assert output_of(executed, "import dockmagic") == "hi\n\n"


def test_cell_magics_leave_one_record_each(executed):
    for cell in executed.cells:
        if cell.source.startswith("%%container"):
            records = [o for o in cell.outputs if MIME in o.get("data", {})]
            assert len(records) == 1
            assert cell.outputs[-1] is records[0]
