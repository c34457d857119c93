from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import dockmagic

SOURCE = str(Path(dockmagic.__file__).parents[1])


def in_a_bare_interpreter(code):
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {SOURCE!r})\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_importing_it_loads_nothing_else():
    code = "before = set(sys.modules); import dockmagic; print(*sorted(set(sys.modules) - before))"
    assert set(in_a_bare_interpreter(code).split()) <= {"dockmagic", "__future__", "types"}


def test_an_error_costs_only_the_errors():
    code = "import dockmagic; dockmagic.BuildError; print(*(m for m in sys.modules if m.startswith('dockmagic')))"
    assert in_a_bare_interpreter(code).split() == ["dockmagic", "dockmagic.errors"]


def test_every_public_name_is_there_and_sorted():
    assert sorted(dockmagic.__all__) == dockmagic.__all__
    assert set(dockmagic.__all__) <= set(dir(dockmagic))
    for name in dockmagic.__all__:
        assert callable(getattr(dockmagic, name)), name


def test_build_is_a_verb_even_after_its_package_was_imported():
    builder = importlib.import_module("dockmagic.builder.builder")

    assert callable(dockmagic.build)
    assert builder.Builder is dockmagic.builder.builder.Builder
    assert "tags" in inspect.signature(dockmagic.build).parameters


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing"):
        _ = dockmagic.nothing
