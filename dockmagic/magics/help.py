"""Help and the reference page, both from the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockmagic.magics.verb import Verb
from dockmagic.magics.verbs import CELL_VERBS, LINE_VERBS

if TYPE_CHECKING:
    from dockmagic.magics.options import Option


def overview() -> str:
    """The verbs, one a line."""
    rows = [(_usage(verb), verb.summary) for verb in (*CELL_VERBS, *LINE_VERBS)]
    width = max(len(usage) for usage, _ in rows)
    lines = [f"{usage.ljust(width)}  {summary}" for usage, summary in rows]
    return "\n".join(
        [
            *lines,
            "",
            "%container VERB --help lists a verb's options; %%container alone takes those of build and of run.",
        ]
    )


def usage(*verbs: Verb) -> str:
    """How one verb is written, in each of its forms, with its options."""
    blocks = []
    for verb in verbs:
        options = [(_spelled(option), option.help) for option in verb.available]
        width = max((len(spelled) for spelled, _ in options), default=0)
        lines = [f"  {spelled.ljust(width)}  {text}" for spelled, text in options]
        blocks.append("\n".join([f"{_usage(verb)}: {verb.summary}", *lines]))
    return "\n\n".join(blocks)


def named(name: str) -> tuple[Verb, ...]:
    """The cell form and the line form of a verb."""
    return tuple(verb for verb in (*CELL_VERBS, *LINE_VERBS) if verb.name == name)


def reference() -> str:
    """The tables of ``docs/magics.md``."""
    blocks = []
    for verb in (*CELL_VERBS, *LINE_VERBS):
        lines = [f"### `{_usage(verb)}`", "", f"{verb.summary[:1].upper()}{verb.summary[1:]}."]
        if verb.available:
            lines += ["", "| option | |", "|---|---|"]
            lines += [f"| `{_spelled(option)}` | {option.help} |" for option in verb.available]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _usage(verb: Verb) -> str:
    options = "[options]" if verb.available else ""
    arguments = "" if not verb.arguments else "[[--] ARG...]" if verb.operands else "[-- ARG...]"
    return " ".join(part for part in (verb.magic, options, verb.operands, arguments) if part)


def _spelled(option: Option) -> str:
    return f"{option.title} {option.value}".rstrip()
