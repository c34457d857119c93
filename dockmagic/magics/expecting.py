"""``%%container expect NAME``: a line for each expectation, in words."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from dockmagic.api.expect import Expect
from dockmagic.errors import UsageError
from dockmagic.exchange import sizes
from dockmagic.magics.verbs import meant
from dockmagic.results import Build, Container, Image, Run

if TYPE_CHECKING:
    from dockmagic.magics.grammar import Command
    from dockmagic.magics.notebook import Notebook

_SETTINGS = {"user": "User", "workdir": "WorkingDir", "stopsignal": "StopSignal"}
_LISTS = {"cmd": "Cmd", "entrypoint": "Entrypoint"}
_MEMBERS = {"port": "ExposedPorts", "volume": "Volumes"}
_RUN = "run"
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


def expect_cell(notebook: Notebook, command: Command, body: str) -> None:
    """Print a report of the body's expectations.

    Raises:
        ExpectationError: one does not hold; the report has been printed.
        UsageError: a line cannot be understood; nothing was looked at.
    """
    name = command.operands[0]
    variable = notebook.variables.get(name)
    target = variable if isinstance(variable, (Run, Build, Image, Container)) else name
    lines = _lines(body)
    top = now = Expect(target, engine=notebook.engine)
    for number, words in lines:
        now.line = number
        if words[0] == _RUN:
            top.line = number
            now = top.run(*words[1:])
        else:
            # What stands below a run and asks of its image is asked of the image itself.
            of = now if words[0] in _OF_A_RUN else top
            of.line = number
            _SENTENCES[words[0]](of, words[1:])
    report = top.report()
    notebook.assign(command.options["result"], report)
    print(report)  # noqa: T201 - the report is what the cell is for
    if not command.options["no_raise_error"]:
        top.check()


def _lines(body: str) -> list[tuple[int, list[str]]]:
    """The body's lines with their numbers, each tried on nothing first: a mistake in the last one is told before a run."""
    found = []
    for number, line in enumerate(body.split("\n"), 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            raise UsageError(f"line {number}: a quote is not closed") from None
        if not words:
            continue
        if words[0] != _RUN:
            _try(number, words)
        elif len(words) == 1:
            raise UsageError(f"line {number}: run WORDS... runs a command in the image")
        found.append((number, words))
    if not found:
        raise UsageError("the cell has no expectation", hint=f"a line begins with {', '.join((*_SENTENCES, _RUN))}")
    return found


def _try(number: int, words: list[str]) -> None:
    sentence = _SENTENCES.get(words[0])
    if sentence is None:
        near = meant(words[0], [*_SENTENCES, _RUN])
        hint = f"a line begins with {', '.join((*_SENTENCES, _RUN))}"
        raise UsageError(f'line {number}: unknown word "{words[0]}"{near}', hint=hint)
    try:
        sentence(None, words[1:])
    except (ValueError, IndexError):
        raise UsageError(f"line {number}: {words[0]} cannot be understood so", hint=_FORMS[words[0]]) from None


Sentence = Callable[[Expect | None, list[str]], object]


def _pairs(words: list[str], *allowed: str) -> dict[str, str]:
    """``mode 644 owner 0:0`` as a mapping."""
    given = dict(zip(words[::2], words[1::2], strict=True))
    if set(given) - set(allowed):
        raise ValueError(words)
    return given


def _unescaped(text: str) -> str:
    r"""A text with its ``\n``, ``\t``, ``\r`` and ``\\`` as the characters that they stand for."""
    return re.sub(r"\\([ntr\\])", lambda found: _ESCAPES[found[1]], text)


def _file(expect: Expect | None, words: list[str]) -> None:
    given = _pairs(words[1:], "is", "contains", "mode", "owner")
    mode = int(given["mode"], 8) if "mode" in given else None
    content, contains = (_unescaped(given[word]) if word in given else None for word in ("is", "contains"))
    path, owner = words[0], given.get("owner", "")
    if expect is not None:
        expect.file(path, content=content, contains=contains, mode=mode, owner=owner)


def _directory(expect: Expect | None, words: list[str]) -> None:
    given = _pairs(words[1:], "mode", "owner")
    mode = int(given["mode"], 8) if "mode" in given else None
    path = words[0]
    if expect is not None:
        expect.directory(path, mode=mode, owner=given.get("owner", ""))


def _link(expect: Expect | None, words: list[str]) -> None:
    path, to = words[0], _pairs(words[1:], "to")["to"] if len(words) > 1 else words[1]
    if expect is not None:
        expect.link(path, to)


def _no(expect: Expect | None, words: list[str]) -> None:
    (path,) = words
    if expect is not None:
        expect.absent(path)


def _layers(expect: Expect | None, words: list[str]) -> None:
    number = int(words[-1])
    bound = {"": "count", "at most": "at_most", "at least": "at_least"}.get(" ".join(words[:-1]))
    if bound is None:
        raise ValueError(words)
    if expect is not None:
        expect.layers(**{bound: number})


def _size(expect: Expect | None, words: list[str]) -> None:
    if words[:2] != ["at", "most"]:
        raise ValueError(words)
    most = sizes.decimal("".join(words[2:]))
    if expect is not None:
        expect.size(at_most=most)


def _setting(name: str) -> Sentence:
    def sentence(expect: Expect | None, words: list[str]) -> None:
        (value,) = words
        if expect is not None:
            expect.setting(name, value)

    return sentence


def _list(name: str) -> Sentence:
    return lambda expect, words: expect.setting(name, words) if expect is not None else None


def _member(name: str) -> Sentence:
    def sentence(expect: Expect | None, words: list[str]) -> None:
        (value,) = words
        if expect is not None:
            expect.member(name, value if name != "ExposedPorts" or "/" in value else f"{value}/tcp")

    return sentence


def _pair(method: Callable[[Expect, str, str], object]) -> Sentence:
    def sentence(expect: Expect | None, words: list[str]) -> None:
        name, value = words
        if expect is not None:
            method(expect, name, value)

    return sentence


def _lint(expect: Expect | None, words: list[str]) -> None:
    if words:
        raise ValueError(words)
    if expect is not None:
        expect.lint()


def _exit(expect: Expect | None, words: list[str]) -> None:
    (code,) = map(int, words)
    if expect is not None:
        expect.exit_code(code)


def _printed(stream: str) -> Sentence:
    def sentence(expect: Expect | None, words: list[str]) -> None:
        kind, text = words
        if kind not in {"is", "contains"}:
            raise ValueError(words)
        if expect is not None:
            expect.printed(stream, **{"equals" if kind == "is" else "contains": _unescaped(text)})

    return sentence


def _changes(expect: Expect | None, words: list[str]) -> None:
    pairs = [] if words == ["nothing"] else list(zip(words[::2], words[1::2], strict=True))
    if not words or any(kind not in {"A", "C", "D"} for kind, _ in pairs):
        raise ValueError(words)
    if expect is not None:
        expect.changes({path: kind for kind, path in pairs})


_SENTENCES: dict[str, Sentence] = {
    "file": _file,
    "directory": _directory,
    "link": _link,
    "no": _no,
    "layers": _layers,
    "size": _size,
    **{word: _setting(name) for word, name in _SETTINGS.items()},
    **{word: _list(name) for word, name in _LISTS.items()},
    "env": _pair(Expect.env),
    "label": _pair(Expect.label),
    **{word: _member(name) for word, name in _MEMBERS.items()},
    "lint": _lint,
    "exit": _exit,
    **{stream: _printed(stream) for stream in ("stdout", "stderr", "output")},
    "changes": _changes,
}
_OF_A_RUN = frozenset({"exit", "stdout", "stderr", "output", "changes"})
_FORMS = {
    "file": "file PATH [is TEXT] [contains TEXT] [mode 644] [owner UID:GID]",
    "directory": "directory PATH [mode 755] [owner UID:GID]",
    "link": "link PATH to TEXT",
    "no": "no PATH",
    "layers": "layers NUMBER, layers at most NUMBER, or layers at least NUMBER",
    "size": "size at most 20MB",
    **{word: f"{word} VALUE" for word in (*_SETTINGS, *_MEMBERS)},
    **{word: f"{word} WORD..." for word in _LISTS},
    "env": "env NAME VALUE",
    "label": "label NAME VALUE",
    "lint": "lint, alone: the linter has nothing to say of the build",
    "exit": "exit CODE",
    **{stream: f"{stream} is TEXT, or {stream} contains TEXT" for stream in ("stdout", "stderr", "output")},
    "changes": "changes nothing, or changes A PATH C PATH D PATH ...",
}
