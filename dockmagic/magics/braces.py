"""``{expression}`` in a word of the magic line: filled strictly from the notebook's variables."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from dockmagic.errors import UsageError

Fill = Callable[[str], str]

_CONVERSIONS: dict[str, Callable[[object], str]] = {"r": repr, "s": str, "a": ascii}


def filler(namespace: Mapping[str, Any]) -> Fill:
    """A function that fills the braces of one word from ``namespace``."""
    return lambda word: fill(word, namespace)


def fill(word: str, namespace: Mapping[str, Any]) -> str:
    """``word`` with every ``{expression}`` replaced by its value's text; ``{{`` and ``}}`` are braces.

    ``$NAME`` is left alone. As in an f-string ``!r`` and ``:spec`` may follow the expression.

    Raises:
        UsageError: a brace that is not closed, no expression, an undefined name, or an expression that fails.
    """
    done: list[str] = []
    position = 0
    while position < len(word):
        character = word[position]
        if word[position : position + 2] in {"{{", "}}"}:
            done.append(character)
            position += 2
        elif character == "{":
            text, position = _field(word, position, namespace)
            done.append(text)
        elif character == "}":
            raise UsageError(f"a single }} in {word}", hint="write }} twice for a brace")
        else:
            done.append(character)
            position += 1
    return "".join(done)


def _field(word: str, start: int, namespace: Mapping[str, Any]) -> tuple[str, int]:
    """The text for the field whose ``{`` is at ``start``, and where the word goes on."""
    end = word.find("}", start)
    while end >= 0:
        inside = word[start + 1 : end]
        parts = _parts(inside)
        if parts is not None:
            return _text(inside, *parts, namespace), end + 1
        end = word.find("}", end + 1)
    raise UsageError(
        f"no Python expression after {{ in {word}", hint="write {{ for a brace; put a word with blanks in quotes"
    )


def _parts(inside: str) -> tuple[ast.Expression, str, str] | None:
    """Expression, conversion and format of a field, or None when ``inside`` is none."""
    tree = _parsed(inside)
    if tree is not None:
        return tree, "", ""
    colons = [index for index, character in enumerate(inside) if character == ":"]
    for end in (*colons, len(inside)):
        code, conversion = inside[:end], ""
        if code[-2:-1] == "!" and code[-1] in _CONVERSIONS:
            code, conversion = code[:-2], code[-1]
        tree = _parsed(code)
        # {"key": 1} is JSON, not a string with a format.
        if tree is not None and not isinstance(tree.body, ast.Constant):
            return tree, conversion, inside[end + 1 :]
    return None


def _parsed(code: str) -> ast.Expression | None:
    try:
        return ast.parse(code.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def evaluate(code: str, namespace: Mapping[str, Any], *, option: str) -> Any:
    """The value of an expression that is an option's whole word.

    Raises:
        UsageError: it is no expression, names what is not defined, or fails.
    """
    tree = _parsed(code)
    if tree is None:
        raise UsageError(f"{option}: {code} is no Python expression", hint="put an expression with blanks in quotes")
    try:
        return _value(tree, namespace)
    except NameError as error:
        raise UsageError(f'"{error.name or code}" is not defined, for {option}') from None
    except Exception as error:
        raise UsageError(f"{option} {code} fails: {type(error).__name__}: {error}") from error


def _value(tree: ast.Expression, namespace: Mapping[str, Any]) -> Any:
    # A copy as globals: what a comprehension inside looks up must be found, and nothing is written back.
    return eval(compile(tree, "<magic line>", "eval"), dict(namespace))  # noqa: S307 - the user's own expression


def _text(inside: str, tree: ast.Expression, conversion: str, spec: str, namespace: Mapping[str, Any]) -> str:
    try:
        value = _value(tree, namespace)
        return format(_CONVERSIONS[conversion](value) if conversion else value, spec)
    except NameError as error:
        name = error.name or inside
        raise UsageError(
            f'"{name}" is not defined, in {{{inside}}}', hint="write {{ and }} for braces that are no expression"
        ) from None
    except Exception as error:
        raise UsageError(f"{{{inside}}} fails: {type(error).__name__}: {error}") from error
