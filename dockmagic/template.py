"""Go's text templates, as far as ``--format`` of docker's verbs is written in practice. Pure.

Fields, ``index``, ``json`` and docker's other functions, pipes, comparisons, ``if``, ``with`` and ``range``, and the cutting of blanks by ``{{-``.
There are no variables but ``$``, no ``define`` and no ``printf``. See https://pkg.go.dev/text/template and docker's "Format command and
log output".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_ACTION = re.compile(r"(?P<before>\s*)\{\{(?:-\s)?(?P<action>.*?)(?:\s-)?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:(?<=\))(?P<after>(?:\.[A-Za-z_]\w*)+)|(?P<text>"(?:[^"\\]|\\.)*"|`[^`]*`)|(?P<number>-?\d+)|(?P<path>\$?(?:\.[A-Za-z_]\w*)+|\.|\$)|(?P<word>[A-Za-z_]\w*)
    |(?P<mark>[|()]))""",
    re.VERBOSE,
)
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "nil": None}
_BLOCKS = frozenset({"if", "range", "with"})


class TemplateError(ValueError):
    """A template that cannot be read, or asks for what is not there."""


@dataclass(frozen=True, slots=True)
class _Text:
    text: str


@dataclass(frozen=True, slots=True)
class _Block:
    """An action, with what stands in its block; ``word`` is "" for one that prints its value."""

    word: str
    value: Sequence[tuple[str, str]]
    body: Sequence[_Text | _Block] = ()
    other: Sequence[_Text | _Block] = ()


def render(template: str, value: object) -> str:
    """The template with the fields of ``value``, of mappings in sequences in mappings; a function among them is a method.

    Raises:
        TemplateError: it cannot be read, or a field is not there.
    """
    nodes = list(_pieces(template))
    tree, _ = _tree(nodes, 0, ends=())
    return "".join(_rendered(tree, value, value))


def _pieces(template: str) -> Iterator[_Text | str]:
    """Texts, and the words of actions."""
    position = 0
    cut = False
    for found in _ACTION.finditer(template):
        text = template[position : found.start()] + found["before"]
        text = text.lstrip() if cut else text
        yield _Text(text.rstrip() if re.match(r"\{\{-\s", found[0][len(found["before"]) :]) else text)
        cut = found[0].endswith(" -}}")
        position = found.end()
        if not found["action"].lstrip().startswith("/*"):
            yield found["action"].strip()
    rest = template[position:]
    if "{{" in rest:
        raise TemplateError("a {{ is not closed")
    yield _Text(rest.lstrip() if cut else rest)


def _tree(pieces: Sequence[_Text | str], at: int, *, ends: Sequence[str]) -> tuple[list[_Text | _Block], int]:
    """The nodes from ``at`` up to a piece that begins with one of ``ends``, and where that stands."""
    found: list[_Text | _Block] = []
    while at < len(pieces):
        piece = pieces[at]
        if isinstance(piece, _Text):
            found.append(piece)
            at += 1
            continue
        word, _, rest = piece.partition(" ")
        if word in ends:
            return found, at
        if word in {"else", "end"}:
            raise TemplateError(f"{{{{{word}}}}} stands alone")
        if word in _BLOCKS:
            block, at = _block(word, rest, pieces, at + 1)
            found.append(block)
            continue
        found.append(_Block("", _tokens(piece)))
        at += 1
    if ends:
        raise TemplateError("an {{end}} is missing")
    return found, at


def _block(word: str, value: str, pieces: Sequence[_Text | str], at: int) -> tuple[_Block, int]:
    body, at = _tree(pieces, at, ends=("else", "end"))
    other: list[_Text | _Block] = []
    end = str(pieces[at])
    if end.startswith("else "):
        inner, _, rest = end.removeprefix("else ").strip().partition(" ")
        if inner not in _BLOCKS:
            raise TemplateError(f"{{{{{end}}}}} cannot be read")
        block, at = _block(inner, rest, pieces, at + 1)
        return _Block(word, _tokens(value), body, [block]), at
    if end == "else":
        other, at = _tree(pieces, at + 1, ends=("end",))
    return _Block(word, _tokens(value), body, other), at + 1


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        token = _TOKEN.match(text, at)
        if token is None:
            raise TemplateError(f"{text[at:].strip()} cannot be read")
        found.append((str(token.lastgroup), token[str(token.lastgroup)]))
        at = token.end()
    if not found:
        raise TemplateError("an action is empty")
    return found


def _rendered(tree: Sequence[_Text | _Block], dot: object, root: object) -> Iterator[str]:
    for node in tree:
        if isinstance(node, _Text):
            yield node.text
            continue
        value = _Pipeline(node.value, dot, root).value()
        if not node.word:
            yield shown(value)
        elif not value:
            yield from _rendered(node.other, dot, root)
        elif node.word == "range":
            for item in _items(value):
                yield from _rendered(node.body, item, root)
        else:
            yield from _rendered(node.body, value if node.word == "with" else dot, root)


def _items(value: object) -> Sequence[object]:
    if isinstance(value, Mapping):
        return [value[key] for key in sorted(value)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return value
    raise TemplateError(f"range cannot go over {shown(value)}")


@dataclass(slots=True)
class _Pipeline:
    """The tokens of an action, as they are read."""

    tokens: Sequence[tuple[str, str]]
    dot: object
    root: object
    at: int = 0

    def value(self) -> Any:
        """Of all of it."""
        value = self._commands()
        if self.at < len(self.tokens):
            raise TemplateError("a ) stands alone")
        return value

    def _commands(self) -> Any:
        value = self._command(())
        while self._is("|"):
            self.at += 1
            value = self._command((value,))
        return value

    def _command(self, piped: tuple[Any, ...]) -> Any:
        if self.at >= len(self.tokens):
            raise TemplateError("nothing stands behind a |")
        kind, text = self.tokens[self.at]
        if kind == "word" and text not in _WORDS:
            self.at += 1
            given = [*self._operands(), *piped]
            return _call(text, given)
        values = list(self._operands())
        if values and callable(values[0]):
            return _called(text, values[0], [*values[1:], *piped])
        if len(values) != 1 or piped:
            raise TemplateError(f"{text} is no function")
        return values[0]

    def _operands(self) -> Iterator[Any]:
        while self.at < len(self.tokens) and self.tokens[self.at][1] not in {"|", ")"}:
            yield self._operand()

    def _operand(self) -> Any:
        kind, text = self.tokens[self.at]
        self.at += 1
        match kind:
            case "text":
                return text[1:-1] if text[0] == "`" else json.loads(text, strict=False)
            case "number":
                return int(text)
            case "path":
                return _field(self.root if text[0] == "$" else self.dot, text.removeprefix("$"))
            case "word" if text in _WORDS:
                return _WORDS[text]
            case "mark" if text == "(":
                value = self._commands()
                if not self._is(")"):
                    raise TemplateError("a ( is not closed")
                self.at += 1
                if self.at < len(self.tokens) and self.tokens[self.at][0] == "after":
                    value = _field(value, self.tokens[self.at][1])
                    self.at += 1
                return value
        return _call(text, [])

    def _is(self, mark: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at] == ("mark", mark)


def _field(value: object, path: str) -> Any:
    for name in path.split("."):
        if not name:
            continue
        if not isinstance(value, Mapping) or name not in value:
            there = ", ".join(f".{key}" for key in value) if isinstance(value, Mapping) else shown(value)
            raise TemplateError(f"there is no .{name}; there is {there or 'nothing'}")
        value = value[name]
    return value


def _call(name: str, given: Sequence[Any]) -> Any:
    function = _FUNCTIONS.get(name)
    if function is None:
        raise TemplateError(f"there is no function {name}; there are {', '.join(sorted(_FUNCTIONS))}")
    return _called(name, function, given)


def _called(name: str, function: Callable[..., Any], given: Sequence[Any]) -> Any:
    try:
        return function(*given)
    except (TypeError, ValueError, LookupError, AttributeError):
        raise TemplateError(f"{name} cannot be had of {', '.join(map(shown, given)) or 'nothing'}") from None


def _fields(value: Mapping[str, Any]) -> dict[str, Any]:
    """What is no method."""
    return {key: item for key, item in value.items() if not callable(item)}


def _json(value: Any) -> str:
    return json.dumps(
        _fields(value) if isinstance(value, Mapping) else value, ensure_ascii=False, separators=(",", ":")
    )


def _index(value: Any, *keys: Any) -> Any:
    """Of a mapping without that key the empty text, as of Go's maps of texts."""
    for key in keys:
        value = value.get(key, "") if isinstance(value, Mapping) else value[key]
    return value


def _all(first: Any, *others: Any) -> Any:
    """Go's ``and``: the first that is empty, else the last."""
    for each in others:
        if not first:
            return first
        first = each
    return first


def _any(first: Any, *others: Any) -> Any:
    """Go's ``or``: the first that is not empty, else the last."""
    for each in others:
        if first:
            return first
        first = each
    return first


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "json": _json,
    "join": lambda values, separator: separator.join(values),
    "split": lambda text, separator: text.split(separator),
    "lower": lambda text: text.lower(),
    "upper": lambda text: text.upper(),
    "title": lambda text: text.title(),
    "truncate": lambda text, length: text[:length],
    "println": lambda *values: " ".join(map(shown, values)) + "\n",
    "print": lambda *values: "".join(map(shown, values)),
    "len": len,
    "index": _index,
    "slice": lambda value, *ends: value[slice(*(ends or (None,)), *(() if len(ends) > 1 else (None,)))],
    "eq": lambda first, *others: first in others,
    "ne": lambda first, second: first != second,
    "lt": lambda first, second: first < second,
    "le": lambda first, second: first <= second,
    "gt": lambda first, second: first > second,
    "ge": lambda first, second: first >= second,
    "and": _all,
    "or": _any,
    "not": lambda value: not value,
}


def shown(value: object) -> str:
    """A value as Go prints it."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case Mapping():
            return f"map[{' '.join(f'{key}:{shown(value[key])}' for key in sorted(_fields(value)))}]"
        case Sequence():
            return f"[{' '.join(map(shown, value))}]"
        case _:
            return str(value)
