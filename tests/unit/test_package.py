from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import dockmagic
from dockmagic.magics.verbs import LINE_VERBS

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
    return {name for name, _ in inspect.getmembers(dockmagic.Engine, callable) if not name.startswith("_")} - VIEWS


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


# What stands in the table of verbs and is no function of an engine: it is about a notebook or about Jupyter.
OF_NOTEBOOKS = {"defaults", "kernel install", "kernel ls", "kernel rm", "to-dockerfile"}


def assigned(body):
    """Names that statements give a value of an engine: ``run = _engine.run``, ``self.run = _threaded(of.run)``."""
    found = {}
    for statement in body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], (ast.Name, ast.Attribute)):
            target = statement.targets[0]
            value = (
                statement.value.args[0]
                if isinstance(statement.value, ast.Call) and statement.value.args
                else statement.value
            )
            if isinstance(value, ast.Attribute):
                found[target.id if isinstance(target, ast.Name) else target.attr] = value.attr
    return found


def typed(path, name=""):
    """The list of verbs for type checkers of a module, or of a class's own methods in it."""
    tree = ast.parse((Path(SOURCE) / path).read_text("utf-8"))
    if name:
        (made,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
        own = (node for node in made.body if isinstance(node, ast.FunctionDef) and node.name.startswith("_"))
        return assigned(statement for method in own for statement in method.body)
    return assigned(node for block in tree.body if isinstance(block, ast.If) for node in block.body)


@pytest.mark.parametrize(
    ("path", "name"), [("dockmagic/__init__.py", ""), ("dockmagic/aio.py", "Engine"), ("dockmagic/aio.py", "")]
)
def test_type_checkers_are_told_of_every_verb(path, name):
    found = typed(path, name)
    assert all(verb == of for verb, of in found.items())
    assert set(found) == verbs() | {"volume"}


def test_every_verb_of_the_magics_is_one_of_the_engine():
    told = {verb.name for verb in LINE_VERBS} - OF_NOTEBOOKS
    assert {verb.name for verb in LINE_VERBS} >= OF_NOTEBOOKS
    assert {name for name in told if " " not in name} - {"layers", "import"} <= verbs()
    assert {"layers", "import_"} <= set(dir(dockmagic.Engine))
    volume = dockmagic.Engine("/nowhere").volume
    names = {"ls": "list", "rm": "remove"}
    assert all(hasattr(volume, names.get(n, n)) for n in (name.partition(" ")[2] for name in told if " " in name))
