"""The targets hold for what they begin with and for everything that fuzzing has found; fuzzing itself is a command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS, seeds

HERE = Path(__file__).resolve().parent


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_its_seeds(name):
    given = list(seeds(name))
    assert given
    for content in given:
        TARGETS[name](content)
        TARGETS[name](content[: len(content) // 2])


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_found_holds(name):
    for path in sorted((HERE / "findings" / name).glob("*")):
        TARGETS[name](path.read_bytes())


def test_an_input_is_tried_again_by_the_command(tmp_path):
    (tmp_path / "input").write_bytes(b"FROM a\nRUN b\n")
    command = [sys.executable, "-m", "tests.fuzz", "dockerfile", str(tmp_path / "input")]
    subprocess.run(command, check=True, cwd=HERE.parent.parent, timeout=60)
