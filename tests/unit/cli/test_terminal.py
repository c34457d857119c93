from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from dockmagic.cli import main, words
from dockmagic.cli.terminal import Input, terminal
from dockmagic.magics import grammar
from dockmagic.magics.lines import LINES


@pytest.fixture
def typed(monkeypatch):
    file = io.BytesIO(b"secret\n")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=file))
    return file


def test_input_is_read_only_when_it_is_asked_for(typed):
    given = Input()
    assert words.STDIN in given
    assert "x" not in given
    assert typed.tell() == 0
    assert given[words.STDIN] == b"secret\n"
    assert given.get("x") is None


def test_a_password_comes_from_standard_input_alone(typed):
    asked = []

    def login(server, *, username, password):
        asked.append((server, username, password))
        return server

    here = terminal(SimpleNamespace(login=login), quiet=False)
    command = grammar.command_of(words.find("login"), ["-u", "me", "--password-stdin", "here:5000"], fill=str)
    LINES["login"](here, main._with_defaults(command))
    assert asked == [("here:5000", "me", "secret")]
