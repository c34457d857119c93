"""The magics themselves: parse, call the verb, and let errors be short."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, needs_local_scope, no_var_expand
from traitlets import Bool, Enum, TraitError, Unicode, validate

from dockmagic import __version__
from dockmagic.errors import DockmagicError
from dockmagic.lab.lab import Lab
from dockmagic.magics import building, cell, checking, grammar, help, running  # noqa: A004 - the verb's own word
from dockmagic.magics.braces import filler
from dockmagic.magics.defaults import Defaults, read
from dockmagic.magics.dockerfile_part import dockerfile_part
from dockmagic.magics.lines import LINES
from dockmagic.magics.notebook import Notebook

if TYPE_CHECKING:
    from dockmagic.engine.engine import Engine


def _expect(notebook: Notebook, command: grammar.Command, body: str) -> None:
    from dockmagic.magics.expecting import expect_cell  # noqa: PLC0415 - %load_ext need not wait for it

    expect_cell(notebook, command, body)


CELLS: dict[str, Callable[[Notebook, grammar.Command, str], None]] = {
    "": running.build_then_run,
    "build": building.build_cell,
    "run": running.run_cell,
    "exec": running.exec_cell,
    "check": checking.check_cell,
    "expect": _expect,
}


@magics_class
class ContainerMagics(Magics):
    """``%%container`` and ``%container``."""

    shell: Any  # typed as optional in IPython; a registered Magics object has one

    full_tracebacks = Bool(
        False,  # noqa: FBT003 - traitlets takes the default by position
        help="Show the whole traceback of an error, with dockmagic's own frames.",
    ).tag(config=True)

    live_builds = Enum(
        ("auto", "always", "never"),
        "auto",
        help="Show a build while it goes on: where a front end with dockmagic's extension has said hello, always, or never.",
    ).tag(config=True)

    widget_in_data = Bool(
        False,  # noqa: FBT003 - the same
        help="Name the live widget in the record's data, for front ends without dockmagic's extension (VS Code, Colab)."
        " The price: the saved output differs in every run, and a viewer without the kernel may show an error in its place.",
    ).tag(config=True)

    defaults = Unicode(
        "",
        help="Options for every cell that builds or runs, as %container defaults takes them: --timeout 5m -e LANG=C.",
    ).tag(config=True)

    def __init__(self, shell: Any, **options: Any) -> None:
        super().__init__(shell, **options)
        self.session = Defaults()
        self.lab = Lab(shell, lambda: self.engine, dockerfile_part, __version__)

    @validate("defaults")
    def _understood(self, proposal: Mapping[str, Any]) -> Any:
        try:
            read(proposal["value"], "the configuration")
        except DockmagicError as error:
            raise TraitError(str(error)) from None
        return proposal["value"]

    @property
    def engine(self) -> Engine:
        """The engine of this kernel; made when a verb first needs it."""
        from dockmagic.engine.engine import default  # noqa: PLC0415 - %load_ext need not wait for it

        return default()

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def container(self, line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None) -> Any:
        """Build images and run cells in containers.

        %%container [build|run|exec|check|expect] [options] [ref] [-- argv] takes the cell's body: a Dockerfile, a script, or both with
        a line --- between them. %container VERB returns an object. %container --help lists the verbs,
        %container VERB --help a verb's options.
        """
        variables = ChainMap(dict(local_ns or {}), self.shell.user_ns)
        try:
            if cell is None and line.strip() in {"", "help", "--help"}:
                return _print(help.overview())
            return self._verb(_with_dashes(line) if cell is None else line, cell, variables)
        except DockmagicError as error:
            self._shorten(error)
            raise
        except KeyboardInterrupt as interrupt:
            if not self.full_tracebacks:
                interrupt._render_traceback_ = lambda: ["KeyboardInterrupt"]  # type: ignore[attr-defined]
            raise

    def _verb(self, line: str, body: str | None, variables: Mapping[str, Any]) -> Any:
        taken = cell.without_options(body or "")
        self.session.configured = self.defaults
        command = grammar.parse(
            line,
            fill=filler(variables),
            cell=body is not None,
            header=taken.header,
            defaults=self.session.options,
        )
        if command.help:
            return _print(help.usage(*help.named(command.verb.name)))
        self.lab.touch()
        notebook = Notebook(
            engine=self.engine,
            shell=self.shell,
            variables=variables,
            lab=self.lab,
            defaults=self.session,
            live_builds=self.live_builds,
            widget_in_data=self.widget_in_data,
        )
        if body is None:
            return LINES[command.verb.name](notebook, command)
        return CELLS[command.verb.name](notebook, command, taken.text)

    def _shorten(self, error: DockmagicError) -> None:
        """The error's own short rendering stays, unless a developer wants to see everything."""
        if self.full_tracebacks:

            def render() -> list[str]:
                whole = self.shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)
                return [*whole, *error.detail.splitlines()]

            error._render_traceback_ = render  # type: ignore[method-assign]


def _with_dashes(line: str) -> str:
    """``help run`` is another spelling of ``run --help``, as docker has it."""
    word, _, verb = line.strip().partition(" ")
    return f"{verb} --help" if word == "help" else line


def _print(text: str) -> None:
    print(text)  # noqa: T201 - help is printed
