"""The text of a function that another interpreter can run: without its decorators, with the modules that it uses imported."""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from dockmagic.errors import UsageError

_HINT = "give it as an argument, or import and define it inside of the function"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A function as text.

    Attributes:
        name: that it has there.
        text: statements that define it; the function's own lines keep their numbers.
        file: what tracebacks call its place.
    """

    name: str
    text: str
    file: str


def source_of(function: Callable[..., Any]) -> Source:
    """The source of an ordinary function.

    Raises:
        UsageError: it is no function with a source, or it uses something of where it stands.
    """
    if not isinstance(function, FunctionType) or function.__name__ == "<lambda>":
        raise UsageError("only a function that is defined with def runs in a container")
    name = function.__name__
    if (
        inspect.iscoroutinefunction(function)
        or inspect.isgeneratorfunction(function)
        or inspect.isasyncgenfunction(function)
    ):
        raise UsageError(f"{name} is no plain function", hint="a container's function returns its value at once")
    imports = _imports(function)
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        raise UsageError(f"the source of {name} cannot be found", hint="define it in a cell or a file") from None
    node = ast.parse(textwrap.dedent("".join(lines))).body[0]
    if not isinstance(node, ast.FunctionDef):
        raise UsageError("only a function that is defined with def runs in a container")
    above = first + node.lineno - 2
    own = textwrap.dedent("".join(lines)).splitlines(keepends=True)[node.lineno - 1 :]
    # Imports stand on the line before, however many they are; what stands above the function is left blank.
    head = "; ".join(["from __future__ import annotations", *imports])
    blank = "\n" * max(above - 1, 0)
    return Source(name=name, text=f"{blank}{head}\n" + "".join(own), file=f"<{name}>")


def _imports(function: FunctionType) -> list[str]:
    """Statements for the modules that a function uses.

    Raises:
        UsageError: it uses what is no module and no builtin.
    """
    name = function.__name__
    if function.__code__.co_freevars:
        raise UsageError(f'{name} uses "{function.__code__.co_freevars[0]}" of the function around it', hint=_HINT)
    found = []
    for used in dict.fromkeys(_globals(function.__code__)):
        if used == name or hasattr(builtins, used):
            continue
        if used not in function.__globals__:
            raise UsageError(f'{name} uses "{used}", which is not defined', hint=_HINT)
        value = function.__globals__[used]
        if not isinstance(value, ModuleType):
            raise UsageError(f'{name} uses "{used}" of where it stands', hint=_HINT)
        found.append(f"import {value.__name__} as {used}")
    return found


def _globals(code: CodeType) -> Iterator[str]:
    """Names that a function and those inside of it look up in its module."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in {"LOAD_GLOBAL", "LOAD_NAME"}:
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals(constant)
