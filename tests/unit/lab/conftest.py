from __future__ import annotations

import sys

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.lab.lab import Lab
from dockmagic.magics.dockerfile_part import dockerfile_part
from dockmagic.testing import RecordingRuntime, Scripted, add_image, open_store
from tests.unit.lab.front_end import Shell, plugged


@pytest.fixture
def wire(monkeypatch):
    yield plugged(monkeypatch)
    # ipywidgets knows its widgets by itself: none may outlive the wire that it was opened on.
    if "ipywidgets" in sys.modules:
        sys.modules["ipywidgets"].Widget.close_all()


@pytest.fixture
def home(tmp_path):
    store = open_store(tmp_path / "home")
    base = {"etc/conf": b"a\nb\n", "big": b"x" * 5000}
    add_image(store, base, {"filling": b"red bean\n", ".wh.big": b""}, name="bread:1")
    add_image(store, base, {"other": b"1"}, name="other:1")
    return tmp_path / "home"


@pytest.fixture
def engine(home):
    script = [
        Scripted(files={"/note": b"eaten\n", "/etc/conf": b"a\nc\n", "/na\u202eme": b"\0\1"}),
        Scripted(files={"/note": b"other\n"}),
    ]
    engine = Engine(home, runtime=RecordingRuntime(home, script))
    yield engine
    engine.close()


@pytest.fixture
def shell(wire):
    return Shell(wire)


@pytest.fixture
def lab(shell, engine):
    lab = Lab(shell, lambda: engine, dockerfile_part, "1.2.3")
    lab.open()
    yield lab
    lab.close()


@pytest.fixture
def kept(lab, engine, shell):
    """The key of a run in a container that stays."""
    shell.begin("%%container run bread:1 --name fish1\ntrue")
    key = lab.keep(engine.run("bread:1", argv=["true"], name="fish1"), ["bread:1"])
    shell.end()
    return key


@pytest.fixture
def front(wire, lab):
    """The comm of a front end that said hello."""
    return wire.open("dockmagic", {"event": "hello", "protocol": 1, "widgets": True})
