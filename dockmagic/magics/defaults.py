"""Options that a cell has unless it says otherwise: of the environment, then of the configuration, then of the session."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dockmagic.errors import UsageError
from dockmagic.magics import grammar, verbs
from dockmagic.table import Table

if TYPE_CHECKING:
    from dockmagic.magics.grammar import Command

VARIABLE = "DOCKMAGIC_DEFAULTS"
_COLUMNS = ("SET BY", "OPTIONS")


@dataclass(slots=True)
class Defaults:
    """What one session has set, and what stands below it.

    Attributes:
        configured: the configuration's option line, as ``%config ContainerMagics.defaults`` has it.
        session: options that ``%container defaults`` set, by key, braces filled.
        lines: the same as typed.
    """

    configured: str = ""
    session: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def options(self) -> Mapping[str, Any]:
        """Every option that is set, by key; a later place goes before an earlier one, and repeatable options add up.

        Raises:
            UsageError: a line of the environment or of the configuration cannot be understood.
        """
        told = grammar.merged(read(os.environ.get(VARIABLE, ""), VARIABLE), read(self.configured, "the configuration"))
        return grammar.merged(told, self.session)

    def change(self, command: Command) -> Table[tuple[str, str]]:
        """Do what ``%container defaults`` says, and tell what is set then."""
        given = {key: value for key, value in command.given.items() if key != "reset"}
        if command.options["reset"]:
            self.session.clear()
            self.lines.clear()
        if given:
            self.session = {**grammar.merged(self.session, given)}
            self.lines.append(command.text)
        rows = [("environment", os.environ.get(VARIABLE, "")), ("configuration", self.configured)]
        rows += [("session", line) for line in self.lines]
        told = tuple(row for row in rows if row[1].strip())
        return Table(columns=_COLUMNS, items=told, rows=told)


def read(text: str, place: str) -> Mapping[str, Any]:
    """The options of a line, by key.

    Raises:
        UsageError: it cannot be understood; the error names its place.
    """
    try:
        return grammar.command_of(verbs.DEFAULTS, grammar.split(text), fill=str).given
    except UsageError as error:
        raise UsageError(f"defaults of {place}: {error.message}", hint=error.hint) from None
