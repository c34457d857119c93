"""The session of a new user in ``docs/session.ipynb``: what stands there is what comes."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tests.integration.test_notebook_nbval import COMMAND, validated
from tests.users import make_user

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "session.ipynb"


def code_cells():
    return [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]


def test_it_gives_what_it_shows(tmp_path):
    done = validated(NOTEBOOK.parent, str(NOTEBOOK), TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.slow
def test_it_gives_the_same_where_there_is_one_id(tmp_path):
    user = make_user("nosub", tmp_path)
    done = user.run(*COMMAND, str(NOTEBOOK), timeout=300, TMPDIR=str(user.home))
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_it_goes_from_the_readme_through_mistakes_to_a_build_mended_from_inside():
    cells = code_cells()
    readme = (NOTEBOOK.parents[1] / "README.md").read_text("utf-8")
    assert cells[1].source in readme
    failures = [cell for cell in cells for output in cell.outputs if output.output_type == "error"]
    assert all(cell.metadata.tags == ["raises-exception"] for cell in failures)
    told = "\n".join(output.evalue for cell in failures for output in cell.outputs if output.output_type == "error")
    assert told.count("did you mean") >= 3
    assert "RUN failed with exit code 1" in told
    name = told.partition("%%container exec ")[2].split()[0]
    assert any(cell.source.startswith(f"%%container exec {name}\n") and cell not in failures for cell in cells)


def test_it_names_nothing_of_the_machine_that_it_was_made_on():
    text = NOTEBOOK.read_text("utf-8")
    assert "/tmp/" not in text
    assert str(Path.home()) not in text.replace("/root/.cache", "")
