"""The tutorials pass a strict nbval run, twice in a row, with no sanitizer."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from markdown_it import MarkdownIt
from nbclient import NotebookClient

from tests.integration import contract_cells, denied_host
from tests.users import make_user

REPOSITORY = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
KOREAN = sorted((REPOSITORY / "notebooks" / "ko").glob("*.ipynb"))
FIRST = """\
import os, tempfile

kitchen = tempfile.TemporaryDirectory(prefix="dockmagic-", ignore_cleanup_errors=True)
os.environ["DOCKMAGIC_HOME"] = kitchen.name

%load_ext dockmagic
%container doctor --require"""

COMMAND = (sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", "-c", "/dev/null")


def validated(directory, notebook, **env):
    return subprocess.run(
        [*COMMAND, notebook],
        cwd=directory,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_gives_what_it_shows_twice_in_a_row(notebook, tmp_path):
    for _ in range(2):
        # nbval kills its kernel, so a notebook's own temporary directory stays: here, where pytest clears it away.
        done = validated(notebook.parent, str(notebook), TMPDIR=str(tmp_path))
        assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.parametrize("kind", ["stud", "nosub"])
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_one_saved_file_serves_every_user(notebook, kind, tmp_path):
    user = make_user(kind, tmp_path)
    done = user.run(*COMMAND, str(notebook), timeout=300, TMPDIR=str(user.home))
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


def first_cell_of(notebook):
    return next(cell.source for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code")


def test_every_notebook_begins_with_the_same_cell_and_a_store_of_its_own():
    assert {first_cell_of(notebook) for notebook in NOTEBOOKS} == {FIRST}


def test_where_nothing_runs_the_first_cell_explains_itself_and_nbval_leaves_the_notebooks_out(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in (FIRST, "1")])
    nbformat.write(notebook, tmp_path / "first.ipynb")
    execute = [sys.executable, "-m", "jupyter", "execute", "--allow-errors", "--inplace", str(tmp_path / "first.ipynb")]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    for command in (execute, [*COMMAND, "-rs", str(NOTEBOOKS[0])]):
        done = subprocess.run(
            denied_host.command(["user-namespaces", "ptrace"], command),
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    error = next(o for o in nbformat.read(tmp_path / "first.ipynb", as_version=4).cells[0].outputs)
    told = "\n".join(error.traceback)
    assert "Nothing is wrong with this notebook." in told
    assert "unshare(CLONE_NEWUSER): EPERM" in told
    assert "ask for: " in told
    assert "site-packages" not in told
    assert "containers do not run here: T3" in done.stdout
    assert "passed" not in done.stdout


@pytest.mark.skipif(shutil.which("proot") is None, reason="PRoot is not installed")
def test_without_walls_a_notebook_gives_what_it_shows_or_is_left_out_for_its_walls(tmp_path):
    gives, shows = (next(path for path in NOTEBOOKS if path.stem.startswith(number)) for number in ("01", "08"))
    done = subprocess.run(
        denied_host.command(["user-namespaces"], [*COMMAND, "-rs", str(gives), str(shows)]),
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path), "DOCKMAGIC_ISOLATION": "weak"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert "its walls are not there: T2" in done.stdout
    assert re.search(r"\b23 passed", done.stdout)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_an_exercise_with_a_folded_solution_and_a_check(notebook):
    cells = nbformat.read(notebook, as_version=4).cells
    tagged = [(tag, cell) for cell in cells for tag in cell.metadata.get("tags", ())]
    solutions = [cell for tag, cell in tagged if tag == "solution"]
    checks = [cell for tag, cell in tagged if tag == "check"]
    assert solutions
    assert all(cell.metadata.jupyter == {"source_hidden": True, "outputs_hidden": True} for cell in solutions)
    assert any("assert " in cell.source for cell in checks)
    assert cells.index(solutions[-1]) < cells.index(checks[0])


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_check_fails_where_nothing_was_done(notebook, tmp_path):
    content = nbformat.read(notebook, as_version=4)
    content.cells = [cell for cell in content.cells if "solution" not in cell.metadata.get("tags", ())]
    checks = [cell for cell in content.cells if "check" in cell.metadata.get("tags", ())]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path))
        NotebookClient(content, timeout=120, allow_errors=True, extra_arguments=["--log-level=40"]).execute()
    failed = [cell for cell in content.cells for output in cell.get("outputs", ()) if output.output_type == "error"]
    assert failed
    assert failed[0] in checks, failed[0].source


@pytest.mark.parametrize("notebook", [*NOTEBOOKS, *KOREAN], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_links_of_a_notebook_lead_to_files(notebook):
    text = "\n".join(
        cell.source for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "markdown"
    )
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert target.startswith("https://") or (notebook.parent / target).is_file(), target


@pytest.mark.parametrize("notebook", [*NOTEBOOKS, *KOREAN], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_emphasis_of_a_text_shows(notebook):
    """A mark between punctuation and a letter, as in Korean before a particle, stays a star on the page."""
    reader = MarkdownIt().enable("table")
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "markdown":
            pieces = [piece for token in reader.parse(cell.source) for piece in token.children or ()]
            assert [piece.content for piece in pieces if piece.type == "text" and "*" in piece.content] == []


def test_there_are_nine_notebooks_in_two_languages():
    assert [path.name[:3] for path in NOTEBOOKS] == [f"{number:02}-" for number in range(1, 10)]
    assert [path.name for path in KOREAN] == [path.name for path in NOTEBOOKS]


def test_saving_a_notebook_gives_both_editions_the_outputs_of_now_and_leaves_each_its_text(tmp_path):
    code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    (tmp_path / "ko").mkdir()
    for directory, words in ((tmp_path, "Bread"), (tmp_path / "ko", "빵")):
        cells = [text(words, id="c0"), code("print(1)\nprint(2)" if words == "Bread" else "print(0)", id="c1")]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), directory / "bread.ipynb")
    subprocess.run(
        [sys.executable, REPOSITORY / "notebooks" / "save.py", str(tmp_path / "bread.ipynb")], check=True, timeout=100
    )
    told = [nbformat.read(path / "bread.ipynb", as_version=4).cells for path in (tmp_path, tmp_path / "ko")]
    assert [cells[0].source for cells in told] == ["Bread", "빵"]
    assert told[0][1] == told[1][1]
    assert [output.text for output in told[0][1].outputs] == ["1\n2\n"]


@pytest.mark.parametrize("korean", KOREAN, ids=lambda path: path.stem)
def test_the_korean_edition_has_the_same_cells_and_outputs_and_a_text_of_its_own(korean):
    english = nbformat.read(korean.parents[1] / korean.name, as_version=4)
    told = nbformat.read(korean, as_version=4)
    assert told.metadata == english.metadata
    assert len(told.cells) == len(english.cells)
    for ours, theirs in zip(told.cells, english.cells, strict=True):
        if theirs.cell_type == "code":
            assert ours == theirs
        else:
            assert {**ours, "source": ""} == {**theirs, "source": ""}
            assert re.search("[가-힣]", ours.source), ours.source
            assert ours.source.count("```") == theirs.source.count("```")
            assert ours.source.count("<details>") == theirs.source.count("<details>")
            assert not re.search("컨데이너|컨데이터|라벨|저장소\\(repository", ours.source), ours.source


@pytest.mark.slow
@pytest.mark.parametrize("notebook", KOREAN, ids=lambda path: path.stem)
def test_the_korean_edition_gives_what_it_shows(notebook, tmp_path):
    done = validated(notebook.parent, str(notebook), TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stdout[-5000:]


@pytest.fixture(scope="module")
def contract(tmp_path_factory):
    """A directory with a notebook of everything that has outputs, executed in its store ``home``; and the notebook."""
    directory = tmp_path_factory.mktemp("contract")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKMAGIC_HOME", str(directory / "home"))
        return directory, contract_cells.executed(directory)


def outputs_of(notebook):
    return [output for cell in notebook.cells for output in cell.outputs]


def test_cells_that_should_raise_do_and_the_others_do_not(contract):
    for cell in contract[1].cells:
        raised = [output.ename for output in cell.outputs if output.output_type == "error"]
        assert bool(raised) == bool(cell.metadata.get("tags")), cell.source


def test_data_has_nothing_that_varies_and_no_wide_line(contract):
    directory, notebook = contract
    for output in outputs_of(notebook):
        told = json.dumps([output.get("data"), output.get("text"), output.get("evalue")])
        assert not re.search(r"[0-9a-f]{12}|sha256:", told), told
        assert str(directory) not in told
        for line in output.get("data", {}).get("text/plain", "").splitlines():
            assert len(line) <= 80, line
            assert line.isascii(), line


@pytest.mark.parametrize("store", ["home", "empty"])
def test_one_saved_file_serves_every_store(contract, store):
    directory, _ = contract
    done = validated(directory, "contract.ipynb", DOCKMAGIC_HOME=str(directory / store))
    assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.parametrize("kind", ["stud", "nosub"])
def test_one_saved_file_serves_every_user_and_id_scheme(contract, kind, tmp_path):
    user = make_user(kind, tmp_path)
    for name in ("contract.ipynb", "root.tar"):
        shutil.copy(contract[0] / name, user.home)
    shutil.copytree(contract[0] / "ctx", user.home / "ctx")
    done = user.run(*COMMAND, "--confcutdir", str(user.home), str(user.home / "contract.ipynb"), timeout=300)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
