"""A notebook of every verb passes a strict nbval run: twice, in every store, as every kind of user."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import pytest

from dockmagic.magics.verbs import CELL_VERBS, LINE_VERBS, name_in
from tests.integration import denied_host, verb_cells
from tests.integration.test_notebook_nbval import COMMAND, validated
from tests.users import make_user


@pytest.fixture(scope="module")
def verbs(tmp_path_factory):
    """A directory with the notebook, executed."""
    directory = tmp_path_factory.mktemp("verbs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(directory))
        return directory, verb_cells.executed(directory)


def used(mark):
    """The verbs of the cells in one form, ``%`` or ``%%``."""
    lines = [line for cell in verb_cells.CELLS for line in cell.lstrip("!?").splitlines()]
    found = (re.fullmatch(rf"(?:\w+ = )?{mark}container(?: +(.*))?", line) for line in lines)
    return {name_in((match[1] or "").split())[0] for match in found if match}


def test_every_verb_is_used_in_each_of_its_forms():
    assert used("%%") == {verb.name for verb in CELL_VERBS}
    assert used("%") == {verb.name for verb in LINE_VERBS}
    assert len(verb_cells.CELLS) >= 40


def test_only_cells_that_should_raise_do(verbs):
    for cell in verbs[1].cells:
        raised = [output.ename for output in cell.outputs if output.output_type == "error"]
        assert bool(raised) == ("raises-exception" in cell.metadata.get("tags", ())), (cell.source, raised)


def test_data_has_nothing_that_varies(verbs):
    directory, notebook = verbs
    for cell in notebook.cells:
        if "nbval-ignore-output" not in cell.metadata.get("tags", ()):
            for output in cell.outputs:
                told = json.dumps([output.get("data"), output.get("text"), output.get("evalue")])
                assert not re.search(r"[0-9a-f]{12}|sha256:|127\.0\.0\.1", told), told
                assert str(directory) not in told


def test_one_saved_file_passes_twice(verbs, tmp_path):
    for _ in range(2):
        done = validated(verbs[0], "verbs.ipynb", TMPDIR=str(tmp_path))
        assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["stud", "nosub"])
def test_the_same_file_passes_as_every_kind_of_user(verbs, kind, tmp_path):
    user = make_user(kind, tmp_path)
    shutil.copy(verbs[0] / "verbs.ipynb", user.home)
    command = [*COMMAND, "--confcutdir", str(user.home), str(user.home / "verbs.ipynb")]
    done = user.run(*command, timeout=300, TMPDIR=str(user.home))
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("proot") is None, reason="PRoot is not installed")
def test_without_walls_the_same_file_passes_too(verbs, tmp_path):
    command = [*COMMAND, "--confcutdir", str(verbs[0]), str(verbs[0] / "verbs.ipynb")]
    done = subprocess.run(
        denied_host.command(["user-namespaces"], command),
        env={**os.environ, "TMPDIR": str(tmp_path), "DOCKMAGIC_ISOLATION": "weak"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
