from __future__ import annotations

import io
import socket
from pathlib import Path

import pytest

from dockmagic.builder.exports import CacheFrom, CacheTo, Output
from dockmagic.builder.request import Secret
from dockmagic.engine import export_values
from dockmagic.errors import UsageError


def test_an_output_is_a_path_a_text_fields_a_stream_or_several():
    stream = io.BytesIO()
    assert export_values.outputs(Path("out")) == (Output(kind="local", dest="out"),)
    assert export_values.outputs([]) == ()
    assert export_values.outputs(
        [
            "out",
            Output(kind="cacheonly"),
            {"type": "oci", "dest": Path("o"), "tar": False},
            {"type": "tar", "dest": stream},
        ]
    ) == (
        Output(kind="local", dest="out"),
        Output(kind="cacheonly"),
        Output(kind="oci", dest="o", tar=False),
        Output(kind="tar", dest="-", stream=stream),
    )
    with pytest.raises(UsageError, match="-o: type=local has no colour"):
        export_values.outputs({"type": "local", "dest": "x", "colour": "red"})


def test_caches_are_texts_fields_or_values():
    assert export_values.caches_to(["type=local,dest=a", {"type": "local", "dest": "b", "mode": "max"}]) == (
        CacheTo(dest=Path("a")),
        CacheTo(dest=Path("b"), mode="max"),
    )
    assert export_values.caches_from(CacheFrom(src=Path("a"))) == (CacheFrom(src=Path("a")),)
    with pytest.raises(UsageError, match="--cache-from: a cache of type=gha is not available"):
        export_values.caches_from({"type": "gha"})


def test_secrets_agents_and_hosts_are_texts_or_go_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert export_values.secrets(["id=a,src=f", "id=b,env=B"]) == {
        "a": Secret(source=Path("f")),
        "b": Secret(variable="B"),
    }
    assert export_values.secrets("id=a,env=A") == export_values.secrets({"a": Secret(variable="A")})
    assert export_values.hosts({"db": "10.0.0.2"}) == export_values.hosts(["db:10.0.0.2"]) == (("10.0.0.2", "db"),)
    assert export_values.hosts([("10.0.0.2", "db")]) == (("10.0.0.2", "db"),)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("agent")
        assert export_values.agents("mine=agent") == {"mine": Path("agent")}
    with pytest.raises(UsageError, match='--secret "src=f": id=NAME is missing'):
        export_values.secrets("src=f")
    with pytest.raises(UsageError, match="is no IP address"):
        export_values.hosts({"db": "nowhere"})
