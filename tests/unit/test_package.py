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
        assert callable(getattr(dockmagic, name)) or name == "volume", name


def test_build_is_a_verb_even_after_its_package_was_imported():
    builder = importlib.import_module("dockmagic.builder.builder")

    assert callable(dockmagic.build)
    assert builder is dockmagic.builder.builder
    assert "tags" in inspect.signature(dockmagic.build).parameters


# What draws and looks into files; and ``layers``, which is a package of ours.
VIEWS = {
    "background",
    "changesets",
    "close",
    "compare",
    "disk",
    "files",
    "follow",
    "layers",
    "read",
    "sharing",
    "text_diff",
}


def verbs():
    return {
        name for name, value in vars(dockmagic.Engine).items() if callable(value) and not name.startswith("_")
    } - VIEWS


def test_every_verb_of_the_engine_is_a_function_and_can_be_awaited():
    twin = dockmagic.aio.Engine(dockmagic.Engine())
    for name in verbs():
        assert inspect.signature(getattr(dockmagic, name)) == inspect.signature(getattr(twin, name)), name
        assert inspect.iscoroutinefunction(getattr(twin, name))


def test_the_page_of_the_api_tells_every_verb():
    page = (Path(SOURCE) / "docs" / "python.md").read_text("utf-8")
    assert [name for name in sorted(verbs()) if f"{name}(" not in page] == []


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing"):
        _ = dockmagic.nothing
