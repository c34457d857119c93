from __future__ import annotations

import getpass

import pytest

from dockmagic.errors import UsageError
from tests.unit.magics.recording import IMAGE


def line(shell, text):
    return shell.run_line_magic("container", text)


def test_pull_returns_the_image(shell, engine):
    assert line(shell, "pull --platform linux/arm64 alpine:3.20") is IMAGE
    assert (engine.last.words, engine.last.platform) == (("alpine:3.20",), "linux/arm64")


def test_push_returns_the_digest_and_shows_it_as_it_stands(shell, engine):
    found = line(shell, "push registry.example/bread:1")
    assert found == IMAGE.digest
    assert shell.display_formatter.format(found)[0] == {"text/plain": IMAGE.digest}


@pytest.mark.parametrize("words", ["pull a:1", "push a:1", "load a.tar", "save -o a.tar a:1"])
def test_all_platforms_are_asked_for_by_one_option(shell, engine, words):
    line(shell, f"{words} --all-platforms")
    assert engine.last.all_platforms is True


def test_a_password_comes_from_a_variable(shell, engine):
    shell.user_ns["token"] = "CANARY\n"
    told = line(shell, "login -u me --password-stdin token registry.example")
    assert (engine.last.words, engine.last.username, engine.last.password) == (("registry.example",), "me", "CANARY")
    assert repr(told) == "signed in to registry.example as me"


def test_a_password_is_asked_for(shell, engine, monkeypatch):
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "typed")
    monkeypatch.setattr("builtins.input", lambda prompt: "me")
    assert repr(line(shell, "login")) == "signed in to docker.io as me"
    assert engine.last.password == "typed"


@pytest.mark.parametrize("error", [EOFError, NotImplementedError, RuntimeError])
def test_where_nobody_can_be_asked_the_way_out_is_named(shell, engine, monkeypatch, error):
    def ask(prompt):
        raise error

    monkeypatch.setattr(getpass, "getpass", ask)
    with pytest.raises(UsageError, match="--password-stdin"):
        line(shell, "login -u me")
    assert engine.calls == []


def test_a_variable_that_is_not_there_is_no_password(shell, engine):
    with pytest.raises(UsageError, match='"nowhere" is not defined, for --password-stdin'):
        line(shell, "login -u me --password-stdin nowhere")
    assert engine.calls == []


@pytest.mark.parametrize("value", [7, None, "", " "])
def test_what_is_no_text_is_no_password(shell, engine, value):
    shell.user_ns["token"] = value
    with pytest.raises(UsageError, match='"token" is no text'):
        line(shell, "login -u me --password-stdin token")


def test_a_password_on_the_line_is_refused_because_lines_are_kept(shell, engine):
    for text in ("login -u me -p CANARY", "login --password=CANARY"):
        with pytest.raises(UsageError, match="IPython keeps every line") as caught:
            line(shell, text)
        assert "CANARY" not in str(caught.value)
    assert engine.calls == []


def test_logout_says_whether_there_was_something_to_forget(shell, engine):
    assert repr(line(shell, "logout registry.example")) == "signed out of registry.example"
    assert repr(line(shell, "logout")) == "was not signed in to docker.io"
