from __future__ import annotations

import socket
from pathlib import Path

import pytest

from dockmagic.builder import option_values
from dockmagic.builder.request import Secret


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("id=a,src=/f", ("a", Secret(source=Path("/f")))),
        ("source=f,id=a", ("a", Secret(source=Path("f")))),
        ("id=a,env=B", ("a", Secret(variable="B"))),
        ("id=a,type=env,src=B", ("a", Secret(variable="B"))),
        ("id=SET_HERE", ("SET_HERE", Secret(variable="SET_HERE"))),
        ("id=not_set", ("not_set", Secret(source=Path("not_set")))),
        ("id=SET_HERE,type=file", ("SET_HERE", Secret(source=Path("SET_HERE")))),
    ],
)
def test_a_secret_is_a_file_or_a_variable(monkeypatch, text, found):
    monkeypatch.setenv("SET_HERE", "x")
    assert option_values.secret(text) == found


@pytest.mark.parametrize("text", ["", "a", "src=x", "id=", "id=a,nonsense=1", "id=a,src=x,env=y", "id=a,type=other"])
def test_what_is_no_secret_is_refused(text):
    with pytest.raises(ValueError, match=r"id=NAME|exclude|type="):
        option_values.secret(text)


def test_an_agent_is_this_processs_or_a_socket(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("agent")
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        assert option_values.agent("default") == ("default", tmp_path / "agent")
        assert option_values.agent("mine=agent") == ("mine", Path("agent"))
    (tmp_path / "key").write_text("")
    with pytest.raises(ValueError, match="socket"):
        option_values.agent("mine=key")
    monkeypatch.delenv("SSH_AUTH_SOCK")
    with pytest.raises(ValueError, match="SSH_AUTH_SOCK"):
        option_values.agent("default")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("db:10.0.0.1", ("10.0.0.1", "db")),
        ("db=10.0.0.1", ("10.0.0.1", "db")),
        ("db:::1", ("::1", "db")),
        ("db=[::1]", ("::1", "db")),
        ("my.host-1:127.0.0.1", ("127.0.0.1", "my.host-1")),
    ],
)
def test_a_host_has_a_name_and_an_address(text, found):
    assert option_values.host(text) == found


def test_a_context_has_a_name_and_a_place():
    assert option_values.context("base=docker-image://a:1") == ("base", "docker-image://a:1")
    for text in ("", "a", "=b", "a="):
        with pytest.raises(ValueError, match="NAME=PATH"):
            option_values.context(text)


@pytest.mark.parametrize("text", ["", "db", "db:", "db:host-gateway", ":1.2.3.4", "a b:1.2.3.4", "db:1.2.3"])
def test_what_is_no_host_is_refused(text):
    with pytest.raises(ValueError, match=r"NAME:ADDRESS|IP address"):
        option_values.host(text)
