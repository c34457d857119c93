"""From a line and a body to the verb that does it. The magics import this with the first cell, so that ``%load_ext`` need not wait for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from dockmagic.magics import building, cell, checking, grammar, help, running, verbs  # noqa: A004 - the verb's own word
from dockmagic.magics.braces import filler
from dockmagic.magics.lines import LINES
from dockmagic.magics.notebook import Notebook

if TYPE_CHECKING:
    from dockmagic.engine.engine import Engine
    from dockmagic.lab.lab import Lab
    from dockmagic.magics.defaults import Defaults


class Host(Protocol):
    """The part of the magics that a verb needs: what they stand on, and their configuration."""

    shell: Any
    lab: Lab
    defaults: str
    live_builds: str
    widget_in_data: bool

    @property
    def session(self) -> Defaults: ...
    @property
    def engine(self) -> Engine: ...


def _expect(notebook: Notebook, command: grammar.Command, body: str) -> None:
    from dockmagic.magics.expecting import expect_cell  # noqa: PLC0415 - few cells need it

    expect_cell(notebook, command, body)


CELLS: dict[str, Callable[[Notebook, grammar.Command, str], None]] = {
    "": running.build_then_run,
    "build": building.build_cell,
    "run": running.run_cell,
    "exec": running.exec_cell,
    "check": checking.check_cell,
    "expect": _expect,
}


def do(magics: Host, line: str, body: str | None, variables: Mapping[str, Any]) -> Any:
    """Do what ``%container`` or, with a body, ``%%container`` says.

    Args:
        magics: their configuration, engine and session.
        line: what stands behind the magic's name.
        body: of a cell; None for a line.
        variables: what braces and ``--stdin`` read.

    Raises:
        DockmagicError: it cannot be done, or failed.
    """
    if body is None and line.strip() in {"", "help", "--help"}:
        return _print(help.overview())
    if body is None:
        line = _with_dashes(line)
    taken = cell.without_options(body or "")
    magics.session.configured = magics.defaults
    command = grammar.parse(
        line,
        fill=filler(variables),
        cell=body is not None,
        header=taken.header,
        defaults=magics.session.options,
    )
    if command.help:
        return _print(help.usage(*help.named(command.verb.name)))
    magics.lab.touch()
    asked = magics.session.options() if command.verb.name in verbs.DEFAULTED else command.given
    if asked.get("isolation"):
        magics.engine.session.allow_weak()
    notebook = Notebook(
        engine=magics.engine,
        shell=magics.shell,
        variables=variables,
        lab=magics.lab,
        defaults=magics.session,
        live_builds=magics.live_builds,
        widget_in_data=magics.widget_in_data,
    )
    if body is None:
        return LINES[command.verb.name](notebook, command)
    return CELLS[command.verb.name](notebook, command, taken.text)


def _with_dashes(line: str) -> str:
    """``help run`` is another spelling of ``run --help``, as docker has it."""
    word, _, verb = line.strip().partition(" ")
    return f"{verb} --help" if word == "help" else line


def _print(text: str) -> None:
    print(text)  # noqa: T201 - help is printed
