from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from traitlets import TraitError

import dockmagic
from dockmagic.errors import UsageError
from dockmagic.magics.container_magics import ContainerMagics

DOCS = Path(__file__).resolve().parents[3] / "docs"
SOURCE = Path(dockmagic.__file__).parent
# Read, and no setting of ours: what programs that are started find themselves, and what tells where we are.
NO_SETTINGS = {"PATH", "LD_LIBRARY_PATH", "KUBERNETES_SERVICE_HOST", "LANG", "LC_ALL"}


def test_defaults_count_for_every_cell_that_has_the_option(execute, engine):
    assert execute("%container defaults --timeout 1m -e A=1 --network host --no-cache") is None
    execute("%%container run bread:1 -e B=2\ntrue")
    call = engine.last
    assert (call.timeout, call.env, call.network) == (60, {"A": "1", "B": "2"}, "host")
    execute("%%container exec fish1\ntrue")
    assert (engine.last.timeout, engine.last.env) == (60, {"A": "1"})
    execute("%%container build\nFROM a")
    assert (engine.last.no_cache, engine.last.network) == (True, "host")
    execute("%container rm fish1")
    assert engine.last.verb == "rm"


def test_the_cell_goes_before_its_comments_and_those_before_defaults(execute, engine):
    execute("%container defaults --timeout 1m -w /d -u one")
    execute("%%container run bread:1 -u three\n# dockmagic: -w /h -u two\ntrue")
    assert (engine.last.timeout, engine.last.workdir, engine.last.user) == (60, "/h", "three")


def test_session_configuration_and_environment_in_this_order(execute, engine, monkeypatch):
    monkeypatch.setenv("DOCKMAGIC_DEFAULTS", "--timeout 1s -w /env -u env -e 'E=a b'")
    execute("%config ContainerMagics.defaults = '--timeout 2s -w /config -e C=1'")
    execute("%container defaults --timeout 3s")
    execute("%%container run bread:1\ntrue")
    call = engine.last
    assert (call.timeout, call.workdir, call.user) == (3, "/config", "env")
    assert call.env == {"E": "a b", "C": "1"}


def test_what_is_set_is_told_and_forgotten(execute, engine, shell, monkeypatch):
    monkeypatch.setenv("DOCKMAGIC_DEFAULTS", "--timeout 1s")
    shell.user_ns["who"] = "Min ji"
    execute("%container defaults -e WHO={who}")
    execute("told = %container defaults -w /x")
    assert shell.user_ns["told"].rows == (
        ("environment", "--timeout 1s"),
        ("session", "-e 'WHO={who}'"),
        ("session", "-w /x"),
    )
    execute("%%container run bread:1\ntrue")
    assert (engine.last.env, engine.last.workdir) == ({"WHO": "Min ji"}, "/x")
    execute("told = %container defaults --reset -u bob")
    assert [row[1] for row in shell.user_ns["told"].rows] == ["--timeout 1s", "--reset -u bob"]
    execute("%%container run bread:1\ntrue")
    assert (engine.last.env, engine.last.workdir, engine.last.user, engine.last.timeout) == ({}, "", "bob", 1)


@pytest.mark.parametrize(
    "option", ["--name x", "-t x", "--result r", "--in a", "--get /x=y", "--nope", "-e =x", "word"]
)
def test_what_belongs_to_one_cell_is_no_default(execute, option):
    assert isinstance(execute(f"%container defaults {option}"), UsageError)


def test_a_wrong_line_elsewhere_names_its_place(execute, engine, monkeypatch):
    monkeypatch.setenv("DOCKMAGIC_DEFAULTS", "--timeuot 1s")
    error = execute("%%container run bread:1\ntrue")
    assert str(error).startswith("defaults of DOCKMAGIC_DEFAULTS: unknown option --timeuot (did you mean --timeout?)")
    assert execute("%container images") is None


def test_a_wrong_line_is_never_configured(shell):
    magics = shell.magics_manager.registry["ContainerMagics"]
    with pytest.raises(TraitError, match="defaults of the configuration: a quote is not closed"):
        magics.defaults = "-e 'A"
    assert magics.defaults == ""


def rows(heading):
    section = (DOCS / "configuration.md").read_text("utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| `")
    ]


def test_the_page_has_every_setting():
    traits = ContainerMagics.class_own_traits(config=True)
    expected = [
        [f"`{name}`", f"`{traits[name].default_value!r}`", " ".join(traits[name].help.split())]
        for name in sorted(traits)
    ]
    assert rows("Settings") == expected


def environment_names():
    """Every name that the source asks the environment for, also by a constant."""
    for path in SOURCE.rglob("*.py"):
        text = path.read_text("utf-8")
        constants = dict(re.findall(r"^([A-Z_]+) = (\"[A-Z_]+\")$", text, re.MULTILINE))
        for word in re.findall(r"os\.environ(?:\.get\(|\[)([^,)\]]+)", text):
            found = constants.get(word.strip(), word.strip())
            if found.startswith('"'):
                yield ast.literal_eval(found)
        yield from (name.strip('"') for name in re.findall(r'"DOCKMAGIC_[A-Z]+"', text))


def test_the_page_has_every_environment_variable():
    told = {name for row in rows("Environment variables") for name in re.findall(r"`([A-Z_]+)`", row[0])}
    assert {name for name in told if "PROXY" not in name} == set(environment_names()) - NO_SETTINGS


def test_weak_isolation_can_be_asked_for_and_nothing_else(execute, engine):
    asked = []
    engine.session = type("Session", (), {"allow_weak": lambda self: asked.append(True)})()
    execute("%container defaults --isolation weak")
    assert asked == [True]
    assert "only weak can be asked for" in str(execute("%container defaults --isolation none"))
