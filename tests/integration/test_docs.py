"""Every Python example of the documentation runs, in its page's order, and prints what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A comment behind a print, or alone on the lines below it, is what is printed.
SAID = re.compile(r"^\s*print\(.*\)  # (.*)$|^# (.*)$", re.MULTILINE)
GIVEN = """\
%load_ext dockmagic
os.environ["TOKEN"] = "abc"
import dockmagic
dockmagic.build("FROM localhost/base", tags=("bread:1",))
result = dockmagic.run("bread:1", script="true")
"""


def pages():
    return [page for page in sorted(DOCS.rglob("*.md")) if BLOCK.search(page.read_text("utf-8"))]


def expected(source: str) -> list[str]:
    return [found[0] or found[1] for found in SAID.findall(source)]


def printed(cell) -> list[str]:
    text = "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stdout")
    return text.splitlines()


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(DOCS)))
def test_the_examples_of_a_page_print_what_it_says(page, tmp_path):
    start = f"import os; os.environ['DOCKMAGIC_HOME'] = {str(tmp_path / 'home')!r}"
    sources = [start, GIVEN, *BLOCK.findall(page.read_text("utf-8"))]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s.rstrip("\n")) for s in sources])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for cell in notebook.cells[2:]:
        said = expected(cell.source)
        if said:
            assert printed(cell)[: len(said)] == said, cell.source
