"""``check`` and ``--check`` in a notebook, with a real engine on an empty store."""

from __future__ import annotations

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.errors import DockerfileError, NotFoundError
from dockmagic.magics.container_magics import ContainerMagics

BAD = "FROM localhost/base AS Oven\nCMD sleep 1\n"
SHOWN = """\
line 1: StageNameCasing: Stage name 'Oven' should be lowercase
1 | FROM localhost/base AS Oven
  |                        ^^^^
line 2: JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals
2 | CMD sleep 1
  | ^^^^^^^^^^^
2 warnings
"""


@pytest.fixture
def engine(monkeypatch, tmp_path):
    """The real engine; nothing here starts a container."""
    real = Engine(tmp_path / "home")
    monkeypatch.setattr(ContainerMagics, "engine", real)
    monkeypatch.chdir(tmp_path)
    yield real
    real.close()


def test_the_cell_shows_warnings_with_carets_and_fails(execute, capsys):
    error = execute(f"%%container check\n{BAD}")
    assert capsys.readouterr().out.startswith(SHOWN)
    assert isinstance(error, DockerfileError)
    assert str(error).startswith("the check found 2 warnings\n")
    assert error.location.line == 1


def test_no_raise_error_only_shows_and_keeps(execute, shell, capsys):
    assert execute(f"%%container check --no-raise-error --result w\n{BAD}") is None
    assert capsys.readouterr().out == SHOWN
    assert [warning.rule for warning in shell.user_ns["w"]] == ["StageNameCasing", "JSONArgsRecommended"]
    assert str(shell.user_ns["w"]).startswith("2 warnings\nLINE   RULE")


@pytest.mark.parametrize("verb", ["check", "build --check", "--check"])
def test_a_clean_dockerfile_is_fine_in_every_form(execute, records, capsys, verb):
    assert execute(f"%%container {verb}\nFROM localhost/base\nRUN false\n") is None
    assert capsys.readouterr().out == "no warnings\n"
    assert records == []


def test_only_the_dockerfile_above_the_dashes_is_looked_at(execute, capsys):
    assert execute("%%container --check\nFROM localhost/base\n---\nCMD x\n") is None
    assert capsys.readouterr().out == "no warnings\n"


def test_lines_keep_their_numbers_below_option_lines(execute, capsys):
    execute("%%container check --no-raise-error\n# dockmagic: --build-arg a=1\nFROM localhost/base\nCMD x\n")
    assert capsys.readouterr().out.startswith("line 3: JSONArgsRecommended")


def test_a_text_with_a_fault_shows_what_stands_before_it_and_fails(execute, shell, capsys):
    error = execute("%%container check --result w\nFROM a AS Oven\nBADCMD\n")
    assert "line 1: StageNameCasing" in capsys.readouterr().out
    assert "line 2: unknown instruction: BADCMD" in str(error)
    assert len(shell.user_ns["w"]) == 1
    assert execute("%%container check --no-raise-error\nFROM a AS oven\nBADCMD\n") is None
    assert capsys.readouterr().out == "no warnings\nline 2: unknown instruction: BADCMD\n"


def test_a_target_that_is_not_there_is_an_error(execute):
    assert "could not be found" in str(execute(f"%%container check --target x\n{BAD}"))


def test_error_true_says_which_rules(execute):
    error = execute(f"%%container check\n# check=error=true;skip=StageNameCasing\n{BAD}")
    assert "line 3: lint violation found for rules: JSONArgsRecommended" in str(error)


def test_dockerignore_of_the_context_counts(execute, tmp_path, capsys):
    context = tmp_path / "c"
    context.mkdir()
    (context / ".dockerignore").write_text("*.txt\n")
    execute("%%container check --no-raise-error --context c\nFROM localhost/base\nCOPY a.txt /\n")
    assert "CopyIgnoredFile" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line", ["check", "check .", "check Dockerfile", "build --check", "build --check -f Dockerfile"]
)
def test_the_line_returns_the_warnings_of_a_file(shell, engine, tmp_path, capsys, line):
    (tmp_path / "Dockerfile").write_text(BAD)
    table = shell.run_line_magic("container", line)
    assert [warning.line for warning in table] == [1, 2]
    assert capsys.readouterr().out == ""


def test_the_line_fails_where_the_file_cannot_be_built(execute, engine, tmp_path):
    assert isinstance(execute("%container check nothing"), NotFoundError)
    (tmp_path / "Dockerfile").write_text("BADCMD\n")
    assert "unknown instruction" in str(execute("%container check"))
    assert execute("%container check --no-raise-error") is None
