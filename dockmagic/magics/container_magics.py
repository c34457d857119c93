"""The magics themselves: parse, call the verb, and let errors be short."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, needs_local_scope, no_var_expand
from traitlets import Bool, Enum, TraitError, Unicode, validate

from dockmagic import __version__
from dockmagic.errors import DockmagicError
from dockmagic.lab.lab import Lab

if TYPE_CHECKING:
    from dockmagic.engine.engine import Engine
    from dockmagic.lab.part import Part
    from dockmagic.magics.defaults import Defaults


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
        self.lab = Lab(shell, lambda: self.engine, _dockerfile_part, __version__)

    @cached_property
    def session(self) -> Defaults:
        """What ``%container defaults`` has set."""
        from dockmagic.magics.defaults import Defaults  # noqa: PLC0415 - %load_ext need not wait for it

        return Defaults()

    @validate("defaults")
    def _understood(self, proposal: Mapping[str, Any]) -> Any:
        from dockmagic.magics.defaults import read  # noqa: PLC0415 - %load_ext need not wait for it

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
        from dockmagic.magics import dispatch  # noqa: PLC0415 - %load_ext need not wait for it

        try:
            return dispatch.do(self, line, cell, ChainMap(dict(local_ns or {}), self.shell.user_ns))
        except DockmagicError as error:
            self._shorten(error)
            raise
        except KeyboardInterrupt as interrupt:
            if not self.full_tracebacks:
                interrupt._render_traceback_ = lambda: ["KeyboardInterrupt"]  # type: ignore[attr-defined]
            raise

    def _shorten(self, error: DockmagicError) -> None:
        """The error's own short rendering stays, unless a developer wants to see everything."""
        if self.full_tracebacks:

            def render() -> list[str]:
                whole = self.shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)
                return [*whole, *error.detail.splitlines()]

            error._render_traceback_ = render  # type: ignore[method-assign]


def _dockerfile_part(text: str) -> Part | None:
    from dockmagic.magics.dockerfile_part import dockerfile_part  # noqa: PLC0415 - %load_ext need not wait for it

    return dockerfile_part(text)
