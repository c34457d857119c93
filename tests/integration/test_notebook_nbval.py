"""The tutorials pass a strict nbval run, twice in a row, with no sanitizer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.users import make_user

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


COMMAND = (sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", "-c", "/dev/null")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_gives_what_it_shows_twice_in_a_row(notebook):
    for _ in range(2):
        done = subprocess.run([*COMMAND, str(notebook)], capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.parametrize("kind", ["stud", "nosub"])
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_one_saved_file_serves_every_user(notebook, kind, tmp_path):
    done = make_user(kind, tmp_path).run(*COMMAND, str(notebook), timeout=300)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_clean(notebook):
    content = nbformat.read(notebook, as_version=4)
    nbformat.validate(content)
    assert "widgets" not in content.metadata
    assert content.metadata.kernelspec.name == "python3"
    for cell in content.cells:
        if cell.cell_type == "code":
            assert all(output.output_type != "error" for output in cell.outputs)


def test_there_is_a_first_notebook():
    assert NOTEBOOKS[0].name == "01-image-and-container.ipynb"
