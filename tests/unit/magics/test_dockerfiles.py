"""Build cells as Dockerfiles for docker."""

from __future__ import annotations

import pytest

from dockmagic.dockerfile.stages import parse_stages
from dockmagic.errors import UsageError
from dockmagic.magics.dockerfiles import dockerfiles


def notebook(*sources):
    cells = [{"cell_type": "code", "source": source} for source in sources]
    return {"cells": [{"cell_type": "markdown", "source": "%%container"}, *cells], "nbformat": 4}


def test_a_build_cell_becomes_a_file_named_after_its_image():
    (found,) = dockerfiles(notebook("%%container build -t team/bread:1 --build-arg A=1 ctx\nFROM debian\nRUN x\n"))
    assert found.name == "Dockerfile.team-bread-1"
    assert found.command == "docker build -f Dockerfile.team-bread-1 -t team/bread:1 --build-arg A=1 ctx"
    assert found.text == f"# {found.command}\nFROM debian\nRUN x\n"


def test_the_script_below_the_line_and_options_lines_are_left_out():
    source = [
        "%%container -t a\n",
        "# dockmagic: --context c\n",
        "# syntax=docker/dockerfile:1\n",
        "FROM b\n",
        "---\n",
        "ls\n",
    ]
    (found,) = dockerfiles(notebook(source))
    assert found.text.splitlines() == [
        "# syntax=docker/dockerfile:1",
        "# docker build -f Dockerfile.a -t a c",
        "",
        "FROM b",
    ]


def test_what_comes_out_parses_to_the_same_instructions():
    body = "# escape=`\nFROM b AS one\nRUN a `\n  b\nRUN <<EOF\n---\nEOF\nCOPY <<A <<B /x/\na\nA\nb\nB\n"
    (found,) = dockerfiles(notebook(f"%%container\n{body}---\nscript\n"))
    codes = [[i.code for i in parse_stages(text).stages[0].instructions] for text in (body, found.text)]
    assert codes[0] == codes[1]


def test_other_cells_are_no_build_cells():
    assert (
        dockerfiles(notebook("x = 1", "%%container run a\nls\n", "%%container exec c\nls", "%%containers\nFROM x"))
        == ()
    )


def test_the_last_cell_of_a_name_counts_and_cells_without_name_are_numbered():
    found = dockerfiles(notebook("%%container -t a\nFROM x\n", "%%container\nFROM y\n", "%%container -t a\nFROM z\n"))
    assert [written.name for written in found] == ["Dockerfile.cell-2", "Dockerfile.a"]
    assert "FROM z" in found[1].text


def test_a_base_of_this_machine_is_told():
    (found,) = dockerfiles(notebook("%%container\nFROM localhost/base\n"))
    assert "another base" in found.text


def test_braces_stay_as_they_are_written():
    (found,) = dockerfiles(notebook("%%container --build-arg WHO={who}\nFROM x\n"))
    assert "WHO={who}" in found.command


@pytest.mark.parametrize(
    ("given", "says"), [({}, "format 4"), (notebook("%%container --nonsense\nFROM x"), "code cell 1")]
)
def test_what_is_no_notebook_of_build_cells_is_told(given, says):
    with pytest.raises(UsageError, match=says):
        dockerfiles(given)
