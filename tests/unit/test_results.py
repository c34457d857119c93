"""The names that notebooks use; they are the docker field's, and stay."""

from __future__ import annotations

import pytest

from dockmagic.errors import BuildError, RunError
from dockmagic.results import Build, Container, Image, Layer, Run, Step
from dockmagic.table import Table

NAMES = {
    Image: "id short_id tags layers history config digest size",
    Layer: "diff_id digest size instruction changes",
    Build: "image steps log exit_code error",
    Step: "instruction line cached reason seconds",
    Container: "id name status image_id changes size_rw exit_code logs",
    Run: "exit_code stopped error stdout stderr output changes isolation seconds container build",
}


@pytest.mark.parametrize("kind", NAMES, ids=lambda kind: kind.__name__)
def test_a_value_has_the_names_of_the_docker_field(kind):
    assert [name for name in NAMES[kind].split() if not hasattr(kind, name)] == []


def test_errors_carry_what_a_program_asks_for():
    failed = BuildError("line 2", line=2, step="RUN x", log="oh", container="", exit_code=7)
    assert (failed.line, failed.step, failed.log, failed.container, failed.exit_code) == (2, "RUN x", "oh", "", 7)
    ended = RunError("the script failed", returncode=3, stdout="out", stderr="err")
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "out", "err")


def test_a_table_is_a_sequence_that_prints_as_a_table():
    table = Table(columns=("A", "LONG"), items=(1, 2), rows=(("one", "x"), ("two", "y")), title="all")
    assert (len(table), list(table), table[1], table[-1], 2 in table) == (2, [1, 2], 2, 2, True)
    assert repr(table) == "all\nA     LONG\none   x\ntwo   y"
    empty = Table(columns=("A",), items=(), rows=())
    assert (str(empty), bool(empty)) == ("A", False)
