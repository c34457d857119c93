"""Python functions in real containers."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from dockmagic.api.function import container
from dockmagic.engine.engine import Engine
from dockmagic.errors import NotFoundError, RunError, UsageError

IMAGE = "py:1"


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("functions") / "home")
    made.build("FROM localhost/python\nRUN echo inside > /where\n", tags=(IMAGE,))
    yield made
    assert made.ps(all=True).items == ()
    made.close()


def test_arguments_and_result_go_by_value(engine):
    @container(IMAGE, engine=engine)
    def swap(a, *more, key=None):
        return {"a": a, "more": more, "key": key, "bytes": b"\xff", "where": open("/where").read()}  # noqa: PTH123

    assert swap.__name__ == "swap"
    assert swap((1, {2}), "é", key=b"\0") == {
        "a": (1, {2}),
        "more": ("é",),
        "key": b"\0",
        "bytes": b"\xff",
        "where": "inside\n",
    }


def test_it_runs_inside_with_the_modules_that_it_uses(engine, tmp_path):
    @container(IMAGE, engine=engine, env={"X": "y"}, user="nobody", workdir="/tmp")
    def look(path):
        return [os.getpid(), os.getuid(), os.environ["X"], os.getcwd(), os.path.exists(path), json.loads("[1]")]  # noqa: PTH109, PTH110

    assert look(str(tmp_path)) == [1, 65534, "y", "/tmp", False, [1]]


def test_what_it_prints_is_shown(engine, capsys):
    @container(IMAGE, engine=engine)
    def talk():
        print("hello")  # noqa: T201

    assert talk() is None
    assert capsys.readouterr().out == "hello\n"


def test_what_it_raises_is_told_with_its_line(engine):
    @container(IMAGE, engine=engine)
    def fail(n):
        return 1 / n

    with pytest.raises(RunError) as caught:
        fail(0)
    assert str(caught.value) == "fail raised ZeroDivisionError: division by zero"
    assert "return 1 / n" in caught.value.detail
    assert caught.value.returncode == 1


def test_what_cannot_go_by_value(engine):
    @container(IMAGE, engine=engine)
    def echo(value):
        return value if value != "function" else open

    with pytest.raises(UsageError, match="an argument of echo: a value of type object cannot be taken along"):
        echo(object())
    with pytest.raises(RunError, match="echo raised TypeError: a value of type"):
        echo("function")
    with pytest.raises(RunError, match="echo raised ModuleNotFoundError: No module named 'numpy'"):
        echo(np.arange(3))


def test_no_result_and_no_python(engine):
    @container(IMAGE, engine=engine)
    def leave():
        os._exit(3)

    with pytest.raises(RunError, match="exit code 3"):
        leave()

    @container("localhost/base", engine=engine)
    def nothing():
        return 1

    with pytest.raises(RunError) as caught:
        nothing()
    assert caught.value.returncode == 127

    @container("nothere:9", engine=engine)
    def nowhere():
        return 1

    with pytest.raises(NotFoundError):
        nowhere()


def test_a_time_out_ends_it(engine):
    @container(IMAGE, engine=engine, timeout=1)
    def wait():
        import time  # noqa: PLC0415 - inside of the function

        time.sleep(60)

    with pytest.raises(RunError, match="timed out"):
        wait()


@pytest.mark.parametrize(
    "left",
    ["{", "[]", '{"value": {"npy": 0}}', '{"value": {"eval": 1}}', '{"error": 1}', '{"value": ' + "[" * 99_999],
)
def test_a_result_that_is_none_is_an_error_and_runs_nothing(engine, left):
    @container(IMAGE, engine=engine)
    def sly(text):
        os.makedirs("/tmp/.dockmagic-result")  # noqa: PTH103
        open("/tmp/.dockmagic-result/told", "w").write(text)  # noqa: SIM115, PTH123
        os._exit(0)

    with pytest.raises(UsageError, match="what sly left is no result"):
        sly(left)
