"""``build``, as a cell and as a line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockmagic.errors import DockmagicError, NotFoundError, UsageError
from dockmagic.magics import cell, checking, limit_values
from dockmagic.magics.notebook import OWN_FAILURES
from dockmagic.magics.values import environment

if TYPE_CHECKING:
    from dockmagic.builder.request import Network
    from dockmagic.dockerfile.lint import LintWarning
    from dockmagic.magics.grammar import Command
    from dockmagic.magics.notebook import Notebook
    from dockmagic.magics.streams import Progress
    from dockmagic.results import Build
    from dockmagic.table import Table


def build_cell(notebook: Notebook, command: Command, body: str) -> None:
    """``%%container build``: the body is the Dockerfile."""
    parts = cell.split(body)
    if parts.script is not None:
        raise UsageError(
            f"line {parts.line}: --- and a script are not for a build",
            hint="%%container without build builds, then runs what stands below ---",
        )
    if not checked(notebook, command, body):
        finish(notebook, command, attempt(notebook, command, body))


def checked(notebook: Notebook, command: Command, text: str) -> bool:
    """Whether ``--check`` is there; the linter's warnings are printed then, in place of a build."""
    if command.options["check"]:
        checking.show(notebook, command, text, context=_context(command))
    return bool(command.options["check"])


def build_line(notebook: Notebook, command: Command) -> Build | Table[LintWarning]:
    """``%container build``: the Dockerfile is a file; returns the Build, with ``--check`` the warnings."""
    context = _context(command) or Path()
    path = Path(command.options["file"] or context / "Dockerfile").expanduser()
    if command.options["check"]:
        return checking.returned(notebook, command, path, context=context)
    try:
        text = path.read_text("utf-8", "surrogateescape")
    except OSError as error:
        raise NotFoundError(
            f"the Dockerfile cannot be read: {error.strerror}", hint="-f PATH names another", detail=str(path)
        ) from None
    build = attempt(notebook, command, text)
    notebook.assign(command.options["result"], build)
    raise_failure(command, build.error)
    return build


def attempt(notebook: Notebook, command: Command, text: str) -> Build:
    """Build as the command says; a build that fails is returned with its error.

    Raises:
        DockmagicError: nothing was built: there is no Build to return.
    """
    options = command.options
    progress = _progress(notebook, command)
    try:
        return notebook.engine.build(
            text,
            context=_context(command),
            tags=options["tag"],
            build_args=environment((), options["build_arg"], os.environ),
            target=options["target"],
            no_cache=options["no_cache"],
            labels=dict(options["label"]),
            network=_network(command),
            **_limits(command),
            no_cache_filter=[name for names in options["no_cache_filter"] for name in names],
            add_hosts=options["add_host"],
            build_contexts=dict(options["build_context"]),
            secrets=dict(options["secret"]),
            agents=dict(options["ssh"]),
            pull=options["pull"],
            platform=options["platform"],
            output=notebook.attached(options["output"]),
            push=options["push"],
            cache_from=options["cache_from"],
            cache_to=options["cache_to"],
            iidfile=options["iidfile"],
            metadata_file=options["metadata_file"],
            on_event=progress.take if progress else None,
        )
    except DockmagicError as error:
        failed: Build | None = getattr(error, "result", None)
        if failed is None or failed.error is None:
            raise
        return failed
    finally:
        if progress:
            progress.close()


def _limits(command: Command) -> dict[str, Any]:
    """Of each RUN. In the cell that also runs they are the run's."""
    if not command.verb.name:
        return {}
    return {"limits": limit_values.limits(command.options), "timeout": command.options["timeout"]}


def _network(command: Command) -> Network:
    """Of RUN. In the cell that also runs, a container whose network is shared is the run's affair."""
    from dockmagic.engine import network_names  # noqa: PLC0415 - %load_ext need not wait for it

    wanted = command.options["network"] or "default"
    found: Network = "default" if wanted.startswith(network_names.SHARED) else network_names.of_build(wanted)
    return found


def _progress(notebook: Notebook, command: Command) -> Progress | None:
    """What shows the build while it goes on."""
    options = command.options
    if options["progress"] == "plain":
        return notebook.plain_progress()
    if options.get("quiet") or options["progress"] in {"quiet", "none"}:
        return None
    return notebook.live_build(next(iter(options["tag"]), "image"))


def finish(notebook: Notebook, command: Command, build: Build) -> None:
    """Keep the result, show its record, raise its error."""
    notebook.assign(command.options["result"], build)
    # A text that cannot be read has no instruction that a record could show.
    if not command.options["quiet"] and (build.error is None or build.rows):
        notebook.show(build, command.options["tag"])
    raise_failure(command, build.error)


def raise_failure(command: Command, error: Exception | None) -> None:
    """Raise what failed, unless ``--no-raise-error`` says that the result tells."""
    if error is not None and not (command.options["no_raise_error"] and isinstance(error, OWN_FAILURES)):
        raise error


def _context(command: Command) -> Path | None:
    options: Mapping[str, Any] = command.options
    if options["context"] and command.operands:
        raise UsageError("the context is there twice: --context and a word")
    given = options["context"] or next(iter(command.operands), None)
    if given is None:
        return None
    path = Path(given).expanduser()
    if not path.is_dir():
        raise NotFoundError(f"the context {given} is no directory", hint="it is taken from the notebook's directory")
    return path
