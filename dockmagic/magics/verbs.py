"""The verbs, declared once: which form each has, what stands after it, and its options."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from dockmagic.errors import UsageError
from dockmagic.magics import (
    absent,
    build_options,
    health_options,
    life_verbs,
    look_verbs,
    network_options,
    run_options,
    transfer_verbs,
    values,
    volume_verbs,
)
from dockmagic.magics import options as table
from dockmagic.magics.kernel_verbs import kernel_verbs
from dockmagic.magics.options import Option
from dockmagic.magics.verb import Verb

_RUN_REFUSED = (*run_options.RUN_LATER, *network_options.RUN_REFUSED, *table.NO_TERMINAL, table.NO_TTY)
_EXEC_REFUSED = (*run_options.EXEC_LATER, *run_options.EXEC_FIXED, *table.NO_TERMINAL, table.NO_TTY)
_BUILD_REFUSED = (*build_options.BUILD_LATER, *table.NO_TERMINAL)
_BUILD_CELL = (*table.RESULT, table.QUIET)
_RUN_CELL = (*_BUILD_CELL, *table.OUTPUT)
_RUN_LINE = (*table.RESULT, *table.OUTPUT)

_EXPECT = Verb(
    name="expect",
    summary="hold an image, container or run against the body, an expectation a line",
    operands="NAME",
    options=table.EXPECT,
    body="script",
)

CELL_VERBS = (
    Verb(
        name="",
        summary="build the image, then run the script below the line --- or the image's own command",
        options=(
            *build_options.BUILD,
            *run_options.RUN,
            *network_options.RUN,
            *health_options.RUN,
            network_options.OF_BOTH,
            *_RUN_CELL,
            *_RUN_REFUSED,
            *_BUILD_REFUSED,
        ),
        body="both",
        arguments=True,
    ),
    Verb(
        name="build",
        summary="build an image; the body is the Dockerfile",
        operands="[CONTEXT]",
        options=(
            *build_options.BUILD,
            *run_options.STEP_LIMITS,
            network_options.OF_BUILD,
            *_BUILD_CELL,
            *_BUILD_REFUSED,
        ),
        body="dockerfile",
    ),
    Verb(
        name="run",
        summary="run a script in a new container; the body is the script",
        operands="IMAGE",
        options=(
            *run_options.RUN,
            *run_options.RUN_ONLY,
            *network_options.RUN,
            *health_options.RUN,
            network_options.OF_RUN,
            *_RUN_CELL,
            *_RUN_REFUSED,
        ),
        body="script",
        arguments=True,
    ),
    Verb(
        name="exec",
        summary="run a script in a kept container; the body is the script",
        operands="CONTAINER",
        options=(*run_options.EXEC, *_RUN_CELL, *_EXEC_REFUSED),
        body="script",
        arguments=True,
    ),
    Verb(
        name="check",
        summary="say what is bad style or a likely mistake in the body, a Dockerfile; nothing is built",
        options=build_options.CHECK,
        body="dockerfile",
    ),
    _EXPECT,
)

_FORCE = Option(names=("-f", "--force"), help="also what is in use; what is not there is fine")
_FILE = Option(names=("-f", "--file"), value="PATH", help="the Dockerfile (default: CONTEXT/Dockerfile)")

DEFAULTED = frozenset({"", "build", "run", "exec"})
# What belongs to one cell: its names, its variables, its Dockerfile.
_OF_ONE_CELL = frozenset(
    {
        "name",
        "tag",
        "target",
        "in",
        "get",
        "stdin",
        "out",
        "err",
        "result",
        "bg",
        "detach",
        "proc",
        "check",
        "rm",
        "entrypoint",
        "output",
        "iidfile",
        "metadata_file",
        "load",
        "push",
        "publish",
        "publish_all",
    }
)


def _defaults() -> tuple[Option, ...]:
    found: dict[str, Option] = {}
    for option in (
        *build_options.BUILD,
        *run_options.RUN,
        *network_options.RUN,
        *health_options.RUN,
        *run_options.EXEC,
        network_options.OF_BOTH,
        *table.RESULT,
        table.QUIET,
    ):
        if option.key not in _OF_ONE_CELL and not option.absent:
            found.setdefault(option.key, option)
    return tuple(found.values())


DEFAULTS = Verb(
    name="defaults",
    summary="options for every cell from now on that builds or runs; without any, what is set",
    options=(
        *_defaults(),
        Option(
            names=("--isolation",),
            value="weak",
            read=values.weak,
            help="weak: where the machine builds no walls, run what you trust without",
        ),
        Option(names=("--reset",), help="forget what the session has set"),
    ),
)

LINE_VERBS = (
    Verb(
        name="build",
        summary="build an image from a Dockerfile on disk",
        operands="[CONTEXT]",
        options=(
            *build_options.BUILD,
            *run_options.STEP_LIMITS,
            network_options.OF_BUILD,
            _FILE,
            *table.RESULT,
            *_BUILD_REFUSED,
            table.NO_QUIET,
        ),
    ),
    Verb(
        name="run",
        summary="run the image's own command, or the words after the image in its place",
        operands="IMAGE",
        options=(
            *run_options.RUN,
            *run_options.RUN_ONLY,
            *network_options.RUN,
            *health_options.RUN,
            network_options.OF_RUN,
            *_RUN_LINE,
            *_RUN_REFUSED,
            table.NO_QUIET,
        ),
        arguments=True,
    ),
    Verb(
        name="exec",
        summary="run a command in a kept container",
        operands="CONTAINER",
        options=(*run_options.EXEC, *_RUN_LINE, *_EXEC_REFUSED, table.NO_QUIET),
        arguments=True,
    ),
    Verb(
        name="check",
        summary="the linter's warnings of a Dockerfile on disk",
        operands="[PATH]",
        options=build_options.CHECK,
    ),
    *look_verbs.VERBS,
    Verb(
        name="commit",
        summary="make an image of a container",
        operands="CONTAINER [IMAGE]",
        options=(
            table.MESSAGE,
            table.CHANGE,
            Option(names=("-a", "--author"), value="TEXT", default="", help="who made it"),
            *table.later("-p|--pause"),
        ),
    ),
    Verb(
        name="logs",
        summary="what a container printed",
        operands="CONTAINER",
        options=(
            Option(names=("-f", "--follow"), help="print what it prints until it ends"),
            Option(names=("-n", "--tail"), value="COUNT", read=values.count, help="only so many of the last lines"),
            Option(
                names=("--since",),
                value="TIME",
                read=values.moment,
                help="only lines from then on: 10m, 2030-01-02T03:04:05Z",
            ),
            Option(names=("--until",), value="TIME", read=values.moment, help="only lines up to then"),
            Option(names=("-t", "--timestamps"), help="each line begins with its time"),
            *table.refused("--details", "no log driver here adds any"),
        ),
    ),
    *life_verbs.VERBS,
    Verb(
        name="rm",
        summary="remove containers",
        operands="CONTAINER...",
        options=(
            _FORCE,
            Option(names=("-v", "--volumes"), help="also those of their volumes that nobody named"),
            *table.later("-l|--link"),
        ),
    ),
    Verb(
        name="rmi",
        summary="remove images",
        operands="IMAGE...",
        options=(_FORCE, *table.later("--no-prune --platform=")),
    ),
    Verb(name="tag", summary="give an image one more name", operands="IMAGE NAME"),
    *transfer_verbs.VERBS,
    Verb(
        name="to-dockerfile",
        summary="the build cells of a notebook as files that docker build takes",
        operands="NOTEBOOK [DIRECTORY]",
        options=(Option(names=("-f", "--force"), help="write over files that are there"),),
    ),
    DEFAULTS,
    Verb(
        name="df",
        summary="what the store holds, and what a prune would free",
        options=table.later("--format= -v|--verbose"),
    ),
    Verb(
        name="prune",
        summary="remove ended containers, images without a name, and caches, as far as nothing uses them",
        options=(
            Option(names=("--dry-run",), help="remove nothing; tell what would go"),
            Option(
                names=("--base",), help="also localhost/base and localhost/python; they are made again when asked for"
            ),
            Option(names=("-f", "--force"), help="accepted as with docker: nothing is asked here"),
            Option(names=("--volumes",), help="also volumes that nobody named and no container has"),
            *table.later("-a|--all --filter="),
        ),
    ),
    *volume_verbs.VERBS,
    *kernel_verbs(next(verb.options for verb in CELL_VERBS if verb.name == "run")),
    Verb(name="share", summary="let every user of this machine read the store, e.g. a course's images"),
    Verb(
        name="fsck",
        summary="read the whole store and name what is damaged, missing or left over",
        options=(Option(names=("--repair",), help="remove what can be made again, and what is left over"),),
    ),
    Verb(
        name="doctor",
        summary="what this machine gives, what it refuses, and what to ask for",
        options=(
            Option(names=("--require",), help="say nothing where containers run; elsewhere stop the notebook, and why"),
            Option(
                names=("--runs",),
                value="CELLS",
                read=values.cells,
                default="",
                help="the cells that run something, e.g. 4,6-9: where nothing runs, say so and go on with the others",
            ),
            Option(
                names=("--walls",),
                value="CELLS",
                read=values.cells,
                default="",
                help="the cells that show walls: say so where containers run without",
            ),
            Option(
                names=("--instead",),
                value="NAMES",
                read=values.filled,
                default="",
                help="notebooks that go on where this one stops, to be named there",
            ),
        ),
    ),
)

# docker's other names for the same.
_ALIASES = {
    f"{group} {other}": f"{group} {name}"
    for group in ("volume", "kernel")
    for other, name in (("list", "ls"), ("remove", "rm"))
}


def name_in(words: Sequence[str]) -> tuple[str, int]:
    """The verb's name that a line's words begin with, ``"volume ls"`` where it has two, and of how many words it is; "" and 0 for none."""
    if not words or words[0].startswith("-"):
        return "", 0
    groups = {verb.name.partition(" ")[0] for verb in LINE_VERBS if " " in verb.name}
    if words[0] not in groups or len(words) == 1 or words[1].startswith("-"):
        return words[0], 1
    name = " ".join(words[:2])
    return _ALIASES.get(name, name), 2


def find(name: str, *, cell: bool) -> Verb:
    """The verb of that name in that form.

    Raises:
        UsageError: there is none; the text says what may have been meant.
    """
    own, other = (CELL_VERBS, LINE_VERBS) if cell else (LINE_VERBS, CELL_VERBS)
    for verb in own:
        if verb.name == name:
            return verb
    for verb in other:
        if verb.name == name and name:
            raise UsageError(f'"{name}" is not for a whole cell', hint=f"write {verb.magic} {verb.operands}".rstrip())
    absent.require_present(name)
    require_whole(name)
    names = [verb.name for verb in own if verb.name]
    hint = f"verbs are: {', '.join(names)}"
    if cell:
        hint += "; an image stands after run, a name for a new one after -t"
    if not name:
        raise UsageError("a verb comes first, before options", hint=hint)
    raise UsageError(f'unknown verb "{name}"{meant(name, names)}', hint=hint)


def require_whole(name: str) -> None:
    """Refuse a group's name without a verb of it, or with a word that is none.

    Raises:
        UsageError: ``name`` is no verb, and begins like those of a group.
    """
    group, _, word = name.partition(" ")
    own = [verb.name.partition(" ")[2] for verb in LINE_VERBS if verb.name.startswith(f"{group} ")]
    if own:
        what = f'unknown verb "{name}"{meant(word, own)}' if word else f'"{group}" needs a verb behind it'
        raise UsageError(what, hint=f"verbs are: {', '.join(f'{group} {verb}' for verb in own)}")


def meant(word: str, known: list[str]) -> str:
    """`` (did you mean x?)`` when one of ``known`` is near, else "". Dashes, which all options have, make none of them near."""
    bare = {each.lstrip("-"): each for each in known}
    near = difflib.get_close_matches(word.lstrip("-").lower(), bare, 1, 0.6)
    return f" (did you mean {bare[near[0]]}?)" if near else ""
