"""The script's help, from the same tables as the magics'."""

from __future__ import annotations

from dockmagic.cli.words import JSON, PROGRAM, VERBS, spoken
from dockmagic.magics import help as texts
from dockmagic.magics.verb import Verb


def overview() -> str:
    """The verbs, one a line."""
    width = max(len(verb.name) for verb in VERBS)
    lines = [f"  {verb.name.ljust(width)}  {verb.summary}" for verb in VERBS]
    head = f"{PROGRAM} VERB [options] ...: images and containers without a daemon and without root"
    return "\n".join(
        [head, "", *lines, "", f"{PROGRAM} VERB --help lists a verb's options; --version tells the version."]
    )


def usage(verb: Verb) -> str:
    """How one verb is written, with its options."""
    return spoken(texts.usage(verb))


def reference() -> str:
    """The table of ``docs/command-line.md``: the options that the magics have otherwise or not at all."""
    rows = [("every verb", JSON)]
    for verb in VERBS:
        magic = {option.names: option.value for option in texts.named(verb.name)[-1].available}
        own = (o for o in verb.available if o.names not in magic or o.value != magic[o.names])
        rows += [(f"`{verb.name}`", option) for option in own if option is not JSON]
    lines = [f"| {verb} | `{f'{option.title} {option.value}'.rstrip()}` | {option.help} |" for verb, option in rows]
    return "\n".join(["| verb | option | |", "|---|---|---|", *lines]) + "\n"
