from __future__ import annotations

import functools
import json
import os.path as paths

import pytest

from dockmagic.api.source import source_of
from dockmagic.errors import UsageError

NUMBER = 3


def marked(function):
    return function


@marked
@functools.cache
def ignored():
    return 1


def plain(a, b=2):
    # a comment
    return json.dumps([a, b, len(paths.sep)])


@marked
def decorated(x: int) -> int:
    def inner(y):
        return y + 1

    return inner(x)


def recursive(n):
    return 1 if n == 0 else n * recursive(n - 1)


def uses_a_constant():
    return NUMBER


def uses_a_function():
    return plain(1)


def uses_nothing_known():
    return nowhere  # noqa: F821 - the point


async def later():
    return 1


def many():
    yield 1


def made(captured):
    def inside():
        return captured

    return inside


def run(function, *arguments):
    source = source_of(function)
    names = {}
    exec(compile(source.text, source.file, "exec"), names)
    return names[source.name](*arguments)


def test_a_function_runs_from_its_text():
    assert run(plain, 1) == "[1, 2, 1]"
    assert run(recursive, 4) == 24


def test_decorators_stay_behind():
    assert "@" not in source_of(decorated).text
    assert run(decorated, 1) == 2


def test_lines_keep_their_numbers():
    lines = source_of(decorated).text.split("\n")
    assert lines[decorated.__code__.co_firstlineno] == "def decorated(x: int) -> int:"


def test_a_function_inside_of_another_is_dedented():
    def here(a):
        return a * 2

    assert run(here, 2) == 4


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (uses_a_constant, 'uses_a_constant uses "NUMBER" of where it stands'),
        (uses_a_function, 'uses_a_function uses "plain" of where it stands'),
        (uses_nothing_known, 'uses_nothing_known uses "nowhere", which is not defined'),
        (made(1), 'inside uses "captured" of the function around it'),
        (later, "later is no plain function"),
        (many, "many is no plain function"),
        (lambda: 1, "only a function that is defined with def"),
        (ignored, "only a function that is defined with def"),
        (len, "only a function that is defined with def"),
        (str, "only a function that is defined with def"),
    ],
)
def test_what_cannot_be_taken_along_is_named(function, reason):
    with pytest.raises(UsageError, match=reason):
        source_of(function)


def test_a_function_without_a_source():
    names = {}
    exec("def f(): return 1", names)
    with pytest.raises(UsageError, match="the source of f cannot be found"):
        source_of(names["f"])
