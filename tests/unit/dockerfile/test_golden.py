"""Directories of golden files: a Dockerfile and its tree (``ast``), or what the reader is told of it (``error``)."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockmagic.dockerfile.parser import dump, parse
from dockmagic.dockerfile.stages import parse_stages
from dockmagic.errors import DockerfileError

GOLDEN = Path(__file__).parent / "golden"


def cases(kind):
    return [pytest.param(path.parent, id=path.parent.name) for path in sorted(GOLDEN.glob(f"*/{kind}"))]


def text_of(case):
    # Universal newlines would hide the CRLF cases.
    return (case / "Dockerfile").read_bytes().decode()


@pytest.mark.parametrize("case", cases("ast"))
def test_tree(case):
    assert dump(parse(text_of(case))) == (case / "ast").read_text("utf-8")


@pytest.mark.parametrize("case", cases("error"))
def test_error(case):
    with pytest.raises(DockerfileError) as caught:
        parse_stages(text_of(case))
    assert f"{caught.value}\n{caught.value.detail}\n" == (case / "error").read_text("utf-8")


def test_every_directory_has_an_expectation():
    assert {path.parent for path in GOLDEN.glob("*/Dockerfile")} == {
        path.parent for kind in ("ast", "error") for path in GOLDEN.glob(f"*/{kind}")
    }
