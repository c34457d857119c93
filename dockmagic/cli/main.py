"""``dockmagic VERB …``: one verb of one command line, with docker's exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from dockmagic import __version__
from dockmagic.builder.exports import STREAM
from dockmagic.cli import help as texts
from dockmagic.cli import words
from dockmagic.cli.printing import notes, printed
from dockmagic.cli.terminal import Terminal, terminal
from dockmagic.errors import EXIT_INTERNAL, EXIT_INTERRUPTED, DockmagicError, RunError, UsageError
from dockmagic.magics import grammar, verbs
from dockmagic.magics.defaults import Defaults
from dockmagic.magics.lines import LINES
from dockmagic.results import Build, Run
from dockmagic.table import Table

if TYPE_CHECKING:
    from dockmagic.magics.grammar import Command

_FAILED = 1
# Docker's own mistakes and the engine's end these with 125: any other code is the command's.
_RUNS = frozenset({"run", "exec"})
_STDIN = "/dev/stdin"
# What they write goes to standard output where no file is named.
_ARCHIVES = frozenset({"save", "export"})


def main() -> NoReturn:
    """The entry point of the script."""
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read this has gone; the interpreter must not try again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = _FAILED
    sys.exit(code)


def run(argv: Sequence[str]) -> int:
    """Do what a command line says, and return its exit code."""
    name, *rest = argv or ["--help"]
    if name in {"-h", "--help", "help"} and not (name == "help" and rest):
        sys.stdout.write(f"{texts.overview()}\n")
        return 0
    if name in {"-v", "--version"}:
        sys.stdout.write(f"dockmagic {__version__}\n")
        return 0
    try:
        found, count = verbs.name_in(rest if name == "help" else argv)
        verb = words.find(found or name)
        words_given = ["--help"] if name == "help" else argv[count:]
        command = grammar.command_of(verb, words_given, fill=str, defaults=Defaults().options)
        if command.help:
            sys.stdout.write(f"{texts.usage(verb)}\n")
            return 0
    except UsageError as error:
        _tell(error)
        return EXIT_INTERNAL
    return _perform(command)


def _perform(command: Command) -> int:
    from dockmagic.engine.engine import Engine  # noqa: PLC0415 - --help need not wait for it

    as_json = bool(command.options["json"])
    engine = Engine()
    if command.verb.name in verbs.DEFAULTED and Defaults().options().get("isolation"):
        engine.session.allow_weak()
    quiet = bool(command.options.get("quiet")) or as_json
    here = terminal(engine, quiet=quiet)
    try:
        value, code = _value(here, command)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    finally:
        engine.close()
    for note in notes(value):
        sys.stderr.write(f"{words.spoken(note)}\n")
    sys.stderr.flush()
    if value is not None and not _is_taken(command):
        sys.stdout.write(printed(command.verb.name, value, as_json=as_json))
    return code


def _is_taken(command: Command) -> bool:
    """Whether standard output is an archive's, so that nothing else is printed there."""
    if command.verb.name in _ARCHIVES:
        return command.options["output"] in {None, STREAM}
    return command.verb.name == "build" and any(output.dest == STREAM for output in command.options["output"])


def _value(here: Terminal, command: Command) -> tuple[Any, int]:
    """What the verb returns, of a failed run or build too, and the exit code."""
    try:
        value = LINES[command.verb.name](here, _with_defaults(command))
    except DockmagicError as error:
        return here.outcome.value, _failure(here.outcome.value, error, command)
    if command.verb.name == "check" or command.options.get("check"):
        return value, _FAILED if value else 0
    if command.verb.name == "doctor" and isinstance(value, Table):
        return value, 0 if value[0].ok else _FAILED
    return value, 0


def _failure(found: Run | Build | None, error: DockmagicError, command: Command) -> int:
    """Tell what failed; returns the exit code."""
    if isinstance(found, Run) and isinstance(error, RunError):
        # A command that ran and failed has said why itself.
        if found.stopped or found.exit_code >= EXIT_INTERNAL:
            _tell(error)
        return found.exit_code
    _tell(error)
    return EXIT_INTERNAL if command.verb.name in _RUNS else _FAILED


def _with_defaults(command: Command) -> Command:
    """The command as the verb's function wants it: with the magic's options that a shell has not."""
    options = {**words.defaults(command.verb.name), **command.options}
    if command.options.get("interactive"):
        options["stdin"] = words.STDIN
    if command.options.get("password_stdin"):
        options["password_stdin"] = words.STDIN
    if options.get("file") == words.STDIN:
        options["file"] = _STDIN
    return replace(command, options=options)


def _tell(error: DockmagicError) -> None:
    lines = [*error.detail.splitlines(), f"dockmagic: {error}"]
    sys.stderr.write("".join(f"{words.spoken(line)}\n" for line in lines))
