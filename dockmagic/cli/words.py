"""The verbs and options of the console script: those of the line magics, with what a shell has in place of variables."""

from __future__ import annotations

from dataclasses import replace

from dockmagic.errors import UsageError
from dockmagic.magics import values
from dockmagic.magics.absent import require_present
from dockmagic.magics.options import Option
from dockmagic.magics.verb import Verb
from dockmagic.magics.verbs import LINE_VERBS, meant, require_whole

PROGRAM = "dockmagic"
_VARIABLES = frozenset({"--result", "--out", "--err", "--no-raise-error", "--stdin", "--in", "--get", "--proc", "--bg"})


def _input(text: str) -> tuple[tuple[str, str], ...]:
    name, equals, path = text.partition("=")
    if not equals or not path:
        raise ValueError("it is no NAME=PATH")
    return ((values.variable(name), path),)


def _output(text: str) -> tuple[str, str]:
    path, equals, file = text.rpartition("=")
    if not equals or not file:
        raise ValueError("it is no PATH=FILE")
    if not path.startswith("/"):
        raise ValueError("the path must be absolute")
    return path, file


JSON = Option(names=("--json",), help="print the result as JSON")
_QUIET = Option(names=("-q", "--quiet"), help="print the image's id alone")
_PROCESS = (
    Option(names=("-i", "--interactive"), help="the container's input is this command's"),
    Option(
        names=("--in",),
        value="NAME=PATH",
        read=_input,
        many=True,
        help="a file or directory, read-only in /run/dockmagic/in",
    ),
    Option(
        names=("--get",),
        value="PATH=FILE",
        read=_output,
        many=True,
        help="afterwards: write a file or directory of the container here",
    ),
)
_PASSWORD = Option(names=("--password-stdin",), help="read the password from standard input")
_EXTRA = {"build": (_QUIET,), "run": _PROCESS, "exec": _PROCESS, "login": (_PASSWORD,)}


def _in_a_shell(verb: Verb) -> Verb:
    extra = (*_EXTRA.get(verb.name, ()), JSON)
    given = {name for option in extra for name in option.names}
    kept = tuple(o for o in verb.options if not given & set(o.names) and not _VARIABLES & set(o.names))
    return replace(verb, options=(*kept, *extra))


# ``defaults`` changes a session, and a shell has none: there DOCKMAGIC_DEFAULTS holds them.
VERBS = tuple(_in_a_shell(verb) for verb in LINE_VERBS if verb.name != "defaults")


def find(name: str) -> Verb:
    """The verb of that name.

    Raises:
        UsageError: there is none; the text says what may have been meant.
    """
    for verb in VERBS:
        if verb.name == name:
            return verb
    require_present(name)
    require_whole(name)
    names = [verb.name for verb in VERBS]
    raise UsageError(f'unknown verb "{name}"{meant(name, names)}', hint=f"verbs are: {', '.join(names)}")


def defaults(name: str) -> dict[str, object]:
    """Every option that the line magic of that name has, as it is when it is not given."""
    verb = next(verb for verb in LINE_VERBS if verb.name == name)
    return {option.key: option.initial for option in verb.available}


# What stands for standard input where a magic has a variable.
STDIN = "-"


def spoken(text: str) -> str:
    """A text that speaks of the magics, as a shell's user has to type it."""
    return text.replace("%%container", PROGRAM).replace("%container", PROGRAM).replace("the notebook's", "this shell's")
