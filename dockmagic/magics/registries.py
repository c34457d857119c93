"""``pull``, ``push``, ``login`` and ``logout``."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import TYPE_CHECKING

from dockmagic.errors import UsageError

if TYPE_CHECKING:
    from dockmagic.magics.grammar import Command
    from dockmagic.magics.notebook import Notebook
    from dockmagic.results import Image


class Told(str):
    """A line of text, shown as it stands."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def pull(notebook: Notebook, command: Command) -> Image:
    """``%container pull IMAGE``."""
    options = command.options
    return notebook.engine.pull(
        command.operands[0], platform=options["platform"], all_platforms=options["all_platforms"]
    )


def push(notebook: Notebook, command: Command) -> Told:
    """``%container push IMAGE``: the digest in the registry."""
    return Told(notebook.engine.push(command.operands[0], all_platforms=command.options["all_platforms"]))


def login(notebook: Notebook, command: Command) -> Told:
    """``%container login [SERVER]``: the password comes from a variable, or is asked for; never from the line, which is kept."""
    server = next(iter(command.operands), "")
    variable = command.options["password_stdin"]
    username = command.options["username"] or _asked(input, "Username: ")
    password = _text(notebook, variable) if variable else _asked(getpass.getpass, "Password: ")
    return Told(f"signed in to {notebook.engine.login(server, username=username, password=password)} as {username}")


def logout(notebook: Notebook, command: Command) -> Told:
    """``%container logout [SERVER]``."""
    server = next(iter(command.operands), "")
    known = notebook.engine.logout(server)
    return Told(f"{'signed out of' if known else 'was not signed in to'} {server or 'docker.io'}")


def _text(notebook: Notebook, name: str) -> str:
    """A variable's text; a line's end behind it does not belong to a password."""
    if name.isidentifier() and name not in notebook.variables:
        raise UsageError(f'"{name}" is not defined, for --password-stdin')
    value = notebook.variables.get(name)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    if not isinstance(value, str) or not value.strip():
        what = f'"{name}" is no text' if name.isidentifier() else "standard input is empty"
        raise UsageError(f"{what}, for --password-stdin")
    return value.removesuffix("\n").removesuffix("\r")


def _asked(ask: Callable[[str], str], prompt: str) -> str:
    """What the user types below the cell.

    Raises:
        UsageError: nobody can: the notebook runs without a front end.
    """
    try:
        return ask(prompt)
    except (EOFError, NotImplementedError, RuntimeError):
        hint = "%container login -u NAME --password-stdin VARIABLE takes them from the notebook"
        raise UsageError("the name and the password cannot be asked for here", hint=hint) from None
