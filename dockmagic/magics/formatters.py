"""How values look when they are a cell's last expression: their record, the same as below a cell magic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dockmagic.lab.lab import Lab

# Of ``dockmagic.results``, by name: IPython looks them up when it meets one, and ``%load_ext`` need not wait for them.
_RESULTS = "dockmagic.results"
DRAWN = ("Run", "Build", "Image", "Container", "Layer", "Diff")


def register(shell: Any, lab: Lab) -> None:
    """Teach the shell's display formatter the records, and keep what they are of for live views."""

    def draw(value: Any, include: object = None, exclude: object = None) -> tuple[dict[str, Any], dict[str, Any]]:
        del include, exclude  # the formatter itself filters by them
        from dockmagic.record.bundle import bundle  # noqa: PLC0415 - %load_ext need not wait for it

        return bundle(value, key=lab.keep(value))

    for kind in DRAWN:
        shell.display_formatter.mimebundle_formatter.for_type_by_name(_RESULTS, kind, draw)


def unregister(shell: Any) -> None:
    """Take them away again."""
    for kind in DRAWN:
        shell.display_formatter.mimebundle_formatter.pop(f"{_RESULTS}.{kind}", None)
