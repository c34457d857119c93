"""``check``, and ``build --check``: what the linter says, with carets below the line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dockmagic.errors import DockerfileError, NotFoundError
from dockmagic.magics import cell
from dockmagic.magics.values import environment
from dockmagic.table import Table

if TYPE_CHECKING:
    from dockmagic.dockerfile.lint import LintWarning
    from dockmagic.magics.grammar import Command
    from dockmagic.magics.notebook import Notebook


def check_cell(notebook: Notebook, command: Command, body: str) -> None:
    """``%%container check``: the body is a Dockerfile; a script below ``---`` is not looked at."""
    show(notebook, command, cell.split(body).dockerfile, context=_context(command))


def check_line(notebook: Notebook, command: Command) -> Table[LintWarning]:
    """``%container check PATH``: the Dockerfile is a file, or stands in a directory; returns the warnings."""
    path = Path(next(iter(command.operands), "Dockerfile")).expanduser()
    path = path / "Dockerfile" if path.is_dir() else path
    return returned(notebook, command, path, context=_context(command))


def show(notebook: Notebook, command: Command, text: str, *, context: Path | None) -> None:
    """Print the warnings of a text.

    Raises:
        DockerfileError: there are any, or the text cannot be built: docker's ``--check`` ends with 1 then.
    """
    warnings, error = _checked(notebook, command, text, context=context)
    notebook.assign(command.options["result"], warnings)
    for warning in warnings:
        print(f"{warning}\n{warning.text}")  # noqa: T201 - the warnings are what the cell is for
    print(warnings.title)  # noqa: T201 - the same
    if command.options["no_raise_error"]:
        if error is not None:
            print(error)  # noqa: T201 - the same
        return
    if error is None and warnings:
        error = DockerfileError(
            f"the check found {warnings.title}",
            location=warnings[0].location,
            hint="--no-raise-error only shows them; # check=skip=RULE leaves a rule out",
        )
    if error is not None:
        raise error


def returned(notebook: Notebook, command: Command, path: Path, *, context: Path | None) -> Table[LintWarning]:
    """The warnings of a file.

    Raises:
        NotFoundError: it cannot be read.
        DockerfileError: it cannot be built.
    """
    try:
        text = path.read_text("utf-8", "surrogateescape")
    except OSError as problem:
        reason = f"the Dockerfile cannot be read: {problem.strerror}"
        raise NotFoundError(reason, hint="name the file", detail=str(path)) from None
    warnings, error = _checked(notebook, command, text, context=context, dockerfile=path)
    notebook.assign(command.options["result"], warnings)
    if error is not None and not command.options["no_raise_error"]:
        raise error
    return warnings


def _checked(
    notebook: Notebook, command: Command, text: str, *, context: Path | None, dockerfile: Path | None = None
) -> tuple[Table[LintWarning], DockerfileError | None]:
    try:
        found = notebook.engine.check(
            text,
            context=context,
            dockerfile=dockerfile,
            build_args=environment((), command.options["build_arg"], os.environ),
            target=command.options["target"],
        )
    except DockerfileError as error:
        kept: Table[LintWarning] | None = getattr(error, "result", None)
        if kept is None:
            raise
        return kept, error
    return found, None


def _context(command: Command) -> Path | None:
    return Path(command.options["context"]).expanduser() if command.options["context"] else None
