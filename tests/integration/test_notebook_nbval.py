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
    begins = {re.sub(r" --(runs|walls|instead) (\".*\"|\S+)", "", first_cell_of(notebook)) for notebook in NOTEBOOKS}
    assert begins == {FIRST}


def named(notebook, option):
    """The numbers of the cells that the first cell names behind an option, from 1."""
    found = re.search(rf"--{option} (\S+)", first_cell_of(notebook))
    parts = [part.split("-") for part in found[1].split(",")] if found else []
    return {number for part in parts for number in range(int(part[0]), int(part[-1]) + 1)}


GOING_ON = [notebook for notebook in NOTEBOOKS if named(notebook, "runs")]


def test_a_notebook_goes_on_where_nothing_runs_or_names_those_that_do():
    for notebook in set(NOTEBOOKS) - set(GOING_ON):
        assert f'--instead "{", ".join(other.stem for other in GOING_ON)}"' in first_cell_of(notebook)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_that_may_fail_stop_no_other(notebook):
    code = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    tagged = {number for number, cell in enumerate(code, 1) if "raises-exception" in cell.metadata.get("tags", ())}
    assert named(notebook, "runs") <= tagged <= named(notebook, "runs") | named(notebook, "walls")


def at(tmp_path, denied, *words, isolation=""):
    return subprocess.run(
        denied_host.command(denied, words),
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path), "DOCKMAGIC_ISOLATION": isolation},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


NOTHING_RUNS = ["user-namespaces", "ptrace"]


def test_where_nothing_runs_the_first_cell_explains_itself(tmp_path):
    first = first_cell_of(NOTEBOOKS[0])
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in (first, "1")])
    nbformat.write(notebook, tmp_path / "first.ipynb")
    execute = ("-m", "jupyter", "execute", "--allow-errors", "--inplace", str(tmp_path / "first.ipynb"))
    assert at(tmp_path, NOTHING_RUNS, sys.executable, *execute).returncode == 0
    error = next(o for o in nbformat.read(tmp_path / "first.ipynb", as_version=4).cells[0].outputs)
    told = "\n".join(error.traceback)
    assert "Nothing is wrong with this notebook." in told
    assert "unshare(CLONE_NEWUSER): EPERM" in told
    assert "these notebooks go on: 02-layers, 03-recipe, 06-portability" in told
    assert "ask for: " in told
    assert "site-packages" not in told


@pytest.mark.slow
def test_where_nothing_runs_a_notebook_gives_what_needs_no_run_or_is_left_out(tmp_path):
    done = at(tmp_path, NOTHING_RUNS, *COMMAND, "-rs", str(NOTEBOOKS[0]), *map(str, GOING_ON))
    assert done.returncode == 0, done.stdout[-5000:]
    assert "containers do not run here: T3" in done.stdout
    left_out = sum(len(named(notebook, "runs")) for notebook in GOING_ON)
    assert re.search(rf"\b39 passed, {23 + left_out} skipped", done.stdout), done.stdout[-500:]


@pytest.mark.slow
def test_where_nothing_runs_one_click_on_run_all_gets_to_the_end_and_says_first_what_fails(tmp_path):
    notebook = GOING_ON[-1]
    shutil.copy(notebook, tmp_path)
    done = at(
        tmp_path, NOTHING_RUNS, sys.executable, "-m", "jupyter", "execute", "--inplace", str(tmp_path / notebook.name)
    )
    assert done.returncode == 0, done.stderr[-5000:]
    code = [cell for cell in nbformat.read(tmp_path / notebook.name, as_version=4).cells if cell.cell_type == "code"]
    assert "The notebook goes on" in code[0].outputs[0].data["text/plain"]
    failed = {number for number, cell in enumerate(code, 1) if any(o.output_type == "error" for o in cell.outputs)}
    assert failed == named(notebook, "runs")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("proot") is None, reason="PRoot is not installed")
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_without_walls_a_notebook_gives_what_it_shows_but_for_its_walls(notebook, tmp_path):
    done = at(tmp_path, ["user-namespaces"], *COMMAND, str(notebook), isolation="weak")
    assert done.returncode == 0, done.stdout[-5000:]
    outcome = done.stdout.splitlines()[-1]
    unlike = sum(int(count) for count in re.findall(r"(\d+) x(?:fail|pass)ed", outcome))
    assert unlike == len(named(notebook, "walls")), outcome
    assert "skipped" not in outcome


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
